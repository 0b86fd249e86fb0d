import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { PACKAGES } from "./scripts/test-projects.mjs";

const fleetsOnKafka = ["system/kafka.test.ts", "system/demo-kafka.test.ts"];
const withKafka = "test/kafka/**";

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
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Loading every module anew for each file took as long as the tests themselves.
          isolate: false,
        },
      })),
      {
        test: {
          name: "streams-kafka",
          root: "./streams",
          include: [`${withKafka}/*.test.ts`],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "brokers",
          root: "./test/kafka",
          include: ["test/**/*.test.ts"],
          // Programs of Java that share two cores with whatever else is tested.
          testTimeout: 180_000,
        },
      },
      {
        test: {
          name: "system-kafka",
          root: "./test",
          include: [...fleetsOnKafka],
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
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Each of these starts whole fleets of processes; two at a time would only slow each other down.
          fileParallelism: false,
        },
      },
    ],
  },
});
