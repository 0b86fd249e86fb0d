import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The command line of this checkout: seen from the sources as vitest runs them, and from what is compiled. */
export const CLI = find(dirname(fileURLToPath(import.meta.url)));

function find(folder: string): string {
  const path = join(folder, "bin", "landfall.mjs");
  if (existsSync(path)) return path;
  const parent = dirname(folder);
  if (parent === folder) throw new Error("bin/landfall.mjs is nowhere above this file");
  return find(parent);
}
