import { defineConfig } from "vitest/config";

/** One project per package, and the whole system's own under `test`. */
const unit = ["proto", "streams", "edge", "shore", "hq", "web", "simulator"];

export default defineConfig({
  test: {
    projects: [
      ...unit.map((name) => ({
        test: { name, root: `./${name}`, include: ["test/**/*.test.ts"], testTimeout: 30_000 },
      })),
      {
        test: {
          name: "system",
          root: "./test",
          include: ["**/*.test.ts"],
          exclude: ["node_modules", "dist"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Each of these starts whole fleets of processes; two at a time would only slow each other down.
          fileParallelism: false,
        },
      },
    ],
  },
});
