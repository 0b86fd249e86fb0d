import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** One project per package, and the whole system's own under `test`. */
const unit = ["proto", "streams", "edge", "shore", "hq", "web", "simulator"];

const onKafka = ["system/kafka.test.ts", "system/demo-kafka.test.ts"];

export default defineConfig({
  test: {
    // By default it would be one on a machine of two cores, which waits for disks and brokers half of the time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      ...unit.map((name) => ({
        test: { name, root: `./${name}`, include: ["test/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 },
      })),
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
        // They wait for brokers most of the time, and so run beside others.
        test: {
          name: "system-kafka",
          root: "./test",
          include: [...onKafka],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "system",
          root: "./test",
          include: ["**/*.test.ts"],
          exclude: ["node_modules", "dist", "kafka", ...onKafka],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Each of these starts whole fleets of processes; two at a time would only slow each other down.
          fileParallelism: false,
        },
      },
    ],
  },
});
