import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder in which a run of the tests keeps the map that it has built. */
    readonly builtWeb: string;
  }
}

/** Gives all files of one run a folder for the map that they share; whoever needs it first builds it there. */
export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), "landfall-web-"));
  project.provide("builtWeb", folder);
  // Run again while somebody works on the sources: what was built is of before.
  project.onTestsRerun(() => rmSync(join(folder, "map"), { recursive: true, force: true }));
  return () => rmSync(folder, { recursive: true, force: true });
}
