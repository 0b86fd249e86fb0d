import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scriptBudget } from "../script-budget.js";

describe("the budget of the map's scripts", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "landfall-budget-"));
    await writeFile(join(root, "index.html"), `<script type="module" src="/main.js"></script>`);
    await writeFile(join(root, "main.js"), `document.title = "a program of some bytes";`);
  });
  afterAll(() => rm(root, { recursive: true, force: true }));
  const buildWithin = (bytesMax: number) =>
    build({ root, configFile: false, logLevel: "silent", plugins: [scriptBudget(bytesMax)] });

  it("a build within it passes, one over it fails and says by how much", async () => {
    await buildWithin(10_000);
    await expect(buildWithin(10)).rejects.toThrow(/bytes gzipped, at most 10 are wanted/);
  });
});
