import { join } from "node:path";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { placeGaps } from "./gap-notes.js";
import { NO_MANIFEST, readManifest, writeManifest } from "./manifest.js";
import { keyOf, pieceOf, segmentOf } from "./maintenance.js";
import { SEGMENT_TRAILER_BYTES, decodeFooter, decodeTrailer, segmentName, segmentNumber } from "./segment-format.js";
import type { StreamName } from "../model/names.js";
import type { Catalog } from "./catalog.js";
import type { Disk } from "./disk.js";
import type { FoundManifest, Manifest } from "./manifest.js";
import type { FolderOptions } from "./open-folder.js";
import type { NewSegment } from "./seal.js";

/** Footers read at once. */
const PARALLEL = 8;

export interface OpenedSegments {
  /** Without the segments that cannot be read. */
  readonly manifest: Manifest;
  /** Why the node should take a new origin; none when nothing is wrong. */
  readonly reasons: string[];
  readonly damages: number;
  /** Segments that cannot be read, or are not there. */
  readonly lost: readonly number[];
}

/** Which segments there are, by their footers alone; and why the node should take a new origin, if it should. */
export async function openSegments(
  { disk, folder, log }: FolderOptions,
  catalog: Catalog,
  journals: readonly number[],
): Promise<OpenedSegments> {
  const reasons: string[] = [];
  const present = (await disk.list(folder)).map(segmentNumber).filter((number) => number !== undefined);
  const { manifest, isLost, isGenuine } = manifestInForce(await readManifest(disk, folder), present, journals);
  if (isLost) {
    reasons.push("the manifest was lost or damaged");
    log.error({ folder }, "the manifest is lost or damaged: every segment in the folder counts");
  } else if (!isGenuine) reasons.push("the manifest was copied or restored");
  const lost: number[] = [];
  const numbers = [...manifest.segments].sort((a, b) => a - b);
  for (let i = 0; i < numbers.length; i += PARALLEL) {
    const some = numbers.slice(i, i + PARALLEL);
    const read = await Promise.allSettled(some.map((number) => readSegment(disk, folder, number)));
    read.forEach((result, n) => {
      if (result.status === "fulfilled") {
        install(result.value, catalog, manifest);
        return;
      }
      const error: unknown = result.reason;
      if (isLandfallError(error, "UNSUPPORTED_FORMAT")) throw error;
      const number = some[n] as number;
      lost.push(number);
      log.error({ err: error, file: segmentName(number) }, "a segment cannot be read: what it held is not served");
    });
  }
  // Only now: a segment that a newer program wrote was refused before anything was changed.
  const live = new Set(manifest.segments);
  for (const number of present) if (!live.has(number)) await disk.remove(join(folder, segmentName(number)));
  if (lost.length > 0) reasons.push("a segment was lost or damaged");
  for (const [name, expired] of Object.entries(manifest.expired)) {
    placeGaps(catalog.streams.forWriting(name as StreamName), expired);
  }
  const damages = lost.length + manifest.damaged.length;
  return { manifest: withoutSegments(manifest, lost), reasons, damages, lost };
}

/**
 * What counts in a folder: what the manifest says or, where it is lost, every segment that is there.
 * @param segments numbers of those in the folder; @param journals likewise
 */
export function manifestInForce(
  found: FoundManifest | "damaged" | undefined,
  segments: readonly number[],
  journals: readonly number[],
): { readonly manifest: Manifest; readonly isLost: boolean; readonly isGenuine: boolean } {
  if (found !== undefined && found !== "damaged") {
    return { manifest: found.manifest, isLost: false, isGenuine: found.genuine };
  }
  // Without a manifest, segments are what a crash left of the first sealing; unless their journal is gone, too.
  const isNew = found === undefined && (segments.length === 0 || journals.includes(1));
  if (isNew) return { manifest: NO_MANIFEST, isLost: false, isGenuine: true };
  const sorted = [...segments].sort((a, b) => a - b);
  const manifest = { ...NO_MANIFEST, segments: sorted, nextSegment: (sorted.at(-1) ?? 0) + 1 };
  return { manifest, isLost: true, isGenuine: false };
}

/**
 * Sets aside what cannot be read, and notes down which segments count from now on: otherwise the same damage would be
 * found at every opening, and each would take a new origin. Only once the new origin is durable.
 * @throws LandfallError DISK_FULL, DISK_FAILED
 */
export async function settleDamage(disk: Disk, folder: string, { manifest, lost }: OpenedSegments): Promise<void> {
  await writeManifest(disk, folder, manifest);
  const names = new Set(await disk.list(folder));
  for (const name of lost.map(segmentName)) {
    if (names.has(name)) await disk.rename(join(folder, name), join(folder, `${name}.damaged`));
  }
}

function withoutSegments(manifest: Manifest, lost: readonly number[]): Manifest {
  if (lost.length === 0) return manifest;
  const gone = new Set(lost);
  const isLive = (key: string): boolean => !gone.has(Number.parseInt(key, 10));
  return {
    ...manifest,
    segments: manifest.segments.filter((number) => !gone.has(number)),
    dead: manifest.dead.filter(isLive),
    damaged: manifest.damaged.filter(isLive),
  };
}

/** @throws LandfallError CORRUPT_BLOCK, UNSUPPORTED_FORMAT */
export async function readSegment(disk: Disk, folder: string, number: number): Promise<NewSegment> {
  const name = segmentName(number);
  const file = await disk.open(join(folder, name), "read");
  try {
    const size = await file.size();
    const trailer = new Uint8Array(SEGMENT_TRAILER_BYTES);
    const at = size - SEGMENT_TRAILER_BYTES;
    if (at < 0) throw new LandfallError("CORRUPT_BLOCK", `${name} is cut short`);
    await file.read(trailer, at);
    const { bytes, crc } = decodeTrailer(trailer, name);
    if (bytes > at) throw new LandfallError("CORRUPT_BLOCK", `${name} is cut short`);
    const footer = new Uint8Array(bytes);
    await file.read(footer, at - bytes);
    return { number, bytes: size, runs: decodeFooter(footer, crc, name) };
  } finally {
    await file.close();
  }
}

function install(made: NewSegment, catalog: Catalog, manifest: Manifest): void {
  const segment = segmentOf(made, catalog);
  const [dead, damaged] = [new Set(manifest.dead), new Set(manifest.damaged)];
  const all = [...segment.runs];
  segment.runs.splice(0, segment.runs.length, ...all.filter((run) => !dead.has(keyOf(run))));
  catalog.addSegment(segment);
  for (const run of segment.runs) {
    run.damaged = damaged.has(keyOf(run));
    if (!run.damaged) run.log.add(pieceOf(run));
  }
}
