import { join } from "node:path";
import { crc32 } from "node:zlib";
import { replaceFile } from "./replace-file.js";
import type { Catalog } from "./catalog.js";
import type { Disk } from "./disk.js";
import type { Run } from "./segment-format.js";

/**
 * Digests of runs whose segments have none: those that other sites made, and those of older programs. Nothing is lost with
 * this file: they are made again when somebody asks.
 */
export const DIGEST_FILE = "digests.json";
const VERSION = 1;

interface Entry {
  readonly segment: number;
  readonly begin: number;
  /** The run's, so that nothing is said of another one under the same numbers. */
  readonly from: number;
  readonly to: number;
  readonly crc: number;
  readonly digests: readonly number[];
}

interface DigestFile {
  readonly program: "landfall";
  readonly format: number;
  readonly crc: number;
  readonly runs: readonly Entry[];
}

/** Hands each run that is there what the file says of it, and returns these runs. A file that cannot be read says nothing. */
export async function readDigestFile(disk: Disk, folder: string, catalog: Catalog): Promise<Run[]> {
  const entries = (await readEntries(disk, folder)) ?? [];
  const known = new Map(entries.map((entry) => [keyOf(entry), entry]));
  const runs: Run[] = [];
  for (const segment of catalog.segments.values()) {
    for (const run of segment.runs) {
      const entry = known.get(keyOf(entryOf(run)));
      if (entry === undefined || run.digests !== undefined) continue;
      run.digests = entry.digests;
      runs.push(run);
    }
  }
  return runs;
}

/** Whether it can be read, or there is none. */
export async function isDigestFileWhole(disk: Disk, folder: string): Promise<boolean> {
  return (await readEntries(disk, folder)) !== undefined;
}

/** @throws LandfallError DISK_FULL, DISK_FAILED */
export function writeDigestFile(disk: Disk, folder: string, runs: readonly Run[]): Promise<void> {
  const entries = runs.map(entryOf);
  const file: DigestFile = { program: "landfall", format: VERSION, crc: crc32(JSON.stringify(entries)), runs: entries };
  return replaceFile(disk, join(folder, DIGEST_FILE), () => JSON.stringify(file));
}

/** Undefined when it cannot be read. */
async function readEntries(disk: Disk, folder: string): Promise<readonly Entry[] | undefined> {
  try {
    const bytes = await disk.readFile(join(folder, DIGEST_FILE));
    if (bytes === undefined) return [];
    const { format, crc, runs } = JSON.parse(new TextDecoder().decode(bytes)) as DigestFile;
    return format === VERSION && crc32(JSON.stringify(runs)) === crc ? runs : undefined;
  } catch {
    return undefined;
  }
}

function entryOf({ segment, begin, from, to, crc, digests = [] }: Run): Entry {
  return { segment: segment.number, begin, from, to, crc, digests };
}

function keyOf({ segment, begin, from, to, crc }: Entry): string {
  return `${segment} ${begin} ${from} ${to} ${crc}`;
}
