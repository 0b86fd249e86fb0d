import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Copies all files of a folder. */
export function copyFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const path = join(from, name);
    if (statSync(path).isDirectory()) copyFiles(path, join(to, name));
    else writeFileSync(join(to, name), readFileSync(path));
  }
}

/**
 * Makes a folder as it was when the backup was made, as a snapshot of the whole disk would: the files stay the same files,
 * so that the folder does not look like a restored one.
 */
export function restoreInPlace(backup: string, folder: string): void {
  const wanted = new Set(readdirSync(backup));
  for (const name of readdirSync(folder)) if (!wanted.has(name)) rmSync(join(folder, name), { recursive: true });
  for (const name of wanted) {
    const [from, to] = [join(backup, name), join(folder, name)];
    if (statSync(from).isDirectory()) {
      mkdirSync(to, { recursive: true });
      restoreInPlace(from, to);
      continue;
    }
    const bytes = readFileSync(from);
    try {
      truncateSync(to, bytes.byteLength);
      writeFileSync(to, bytes, { flag: "r+" });
    } catch {
      writeFileSync(to, bytes);
    }
  }
}
