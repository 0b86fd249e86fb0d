import { join } from "node:path";
import { crc32 } from "node:zlib";
import { replaceFile } from "./replace-file.js";
import type { Disk } from "./disk.js";
import type { SealedRun } from "./store.js";

/** What is known of a run that is coming in, from its first block on. */
export interface StagedNote {
  readonly run: SealedRun;
  /** When it began to come, ms since 1970. */
  readonly begunAt: number;
}

const FORMAT = 1;

/** The file with the blocks of a run that is not complete, and the note that says which run that is. */
export function stagedName(number: number): string {
  return `staged-${String(number).padStart(8, "0")}.lfs`;
}

export function stagedNoteName(number: number): string {
  return `staged-${String(number).padStart(8, "0")}.json`;
}

/** Number of a staged file, or of its note. */
export function stagedNumber(name: string): number | undefined {
  const digits = /^staged-(\d{8})\.(?:lfs|json|json\.new)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Durable when it resolves, and with it the name of the file with the blocks. @throws LandfallError DISK_FULL, DISK_FAILED */
export function writeStagedNote(disk: Disk, folder: string, number: number, note: StagedNote): Promise<void> {
  const text = JSON.stringify(note);
  const content = JSON.stringify({ program: "landfall", format: FORMAT, crc: crc32(text), note });
  return replaceFile(disk, join(folder, stagedNoteName(number)), () => content);
}

/** Undefined when there is none that can be read. */
export async function readStagedNote(disk: Disk, folder: string, number: number): Promise<StagedNote | undefined> {
  const bytes = await disk.readFile(join(folder, stagedNoteName(number)));
  if (bytes === undefined) return undefined;
  try {
    const read = JSON.parse(new TextDecoder().decode(bytes)) as { format: number; crc: number; note: StagedNote };
    return read.format === FORMAT && crc32(JSON.stringify(read.note)) === read.crc ? read.note : undefined;
  } catch {
    return undefined;
  }
}

/** The note goes first: blocks without one are nobody's. */
export async function removeStaged(disk: Disk, folder: string, number: number): Promise<void> {
  await disk.remove(join(folder, `${stagedNoteName(number)}.new`));
  await disk.remove(join(folder, stagedNoteName(number)));
  await disk.remove(join(folder, stagedName(number)));
}
