import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { PACKAGES } from "./scripts/test-projects.mjs";

const fleetsOnKafka = ["system/kafka.test.ts", "system/kafka-sites.test.ts", "system/demo-kafka.test.ts"];
const withKafka = "test/kafka/**";
/** `expect.poll` by default waits a second: on a slow machine that is how long one page of a browser takes. */
const patient = { expect: { poll: { timeout: 30_000 } } };

export default defineConfig({
  test: {
    // By default it would be one on a machine of two cores, which waits for disks and brokers half of the time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      ...PACKAGES.map((name) => ({
        test: {
          name,
          root: `./${name}`,
          include: ["test/**/*.test.ts"],
          exclude: [withKafka],
          ...patient,
          // The map is built once for all of its files.
          ...(name === "web" && { globalSetup: "test/support/one-build.ts" }),
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Loading every module anew for each file took as long as the tests themselves.
          isolate: false,
        },
      })),
      {
        test: {
          name: "streams-kafka",
          root: "./streams",
          include: [`${withKafka}/*.test.ts`],
          ...patient,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "brokers",
          root: "./test/kafka",
          include: ["test/**/*.test.ts"],
          ...patient,
          // Programs of Java that share two cores with whatever else is tested.
          testTimeout: 180_000,
        },
      },
      {
        test: {
          name: "system-kafka",
          root: "./test",
          include: [...fleetsOnKafka],
          ...patient,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "system",
          root: "./test",
          include: ["**/*.test.ts"],
          exclude: ["node_modules", "dist", "kafka", ...fleetsOnKafka],
          ...patient,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Each of these starts whole fleets of processes; two at a time would only slow each other down.
          fileParallelism: false,
        },
      },
    ],
  },
});
