import { join } from "node:path";
import { crc32 } from "node:zlib";
import { LandfallError } from "../model/errors.js";
import { readError } from "./disk-errors.js";
import { replaceFile } from "./replace-file.js";
import type { Gap } from "../model/gap.js";
import type { StreamName } from "../model/names.js";
import type { Disk } from "./disk.js";

/** What of one stream is no longer here, and what must be remembered of it. */
export interface ExpiredStream {
  readonly gaps: readonly Gap[];
  /** Largest offset that expired: whatever is given to a topic that is not found must be larger (O2). */
  readonly highest: number;
}

/** Which files count. Replaced as a whole, so a crash leaves the old or the new state. */
export interface Manifest {
  /** Live segments; files of other numbers are leftovers. */
  readonly segments: readonly number[];
  /** Journals up to this one are sealed: files of these numbers are leftovers. */
  readonly sealedJournal: number;
  readonly nextSegment: number;
  /** Commits up to this one are sealed. */
  readonly lastCommit: number;
  readonly expired: Readonly<Record<StreamName, ExpiredStream>>;
  /** Runs that are gone, as `segment:begin`, in segments of which other runs live. */
  readonly dead: readonly string[];
  /** Runs in which damage was found, as `segment:begin`: lacking until a peer sent them again. */
  readonly damaged: readonly string[];
}

export interface FoundManifest {
  readonly manifest: Manifest;
  /** The file is the very one that was written here, not a copy. */
  readonly genuine: boolean;
}

export const NO_MANIFEST: Manifest = {
  segments: [],
  sealedJournal: 0,
  nextSegment: 1,
  lastCommit: -1,
  expired: {},
  dead: [],
  damaged: [],
};

const NAME = "manifest.json";
export const MANIFEST_VERSION = 1;

interface ManifestFile {
  readonly program: "landfall";
  readonly format: number;
  readonly fingerprint: string;
  readonly crc: number;
  readonly manifest: Manifest;
}

/**
 * Undefined when there is none, "damaged" when it cannot be read.
 * @throws LandfallError UNSUPPORTED_FORMAT, DISK_FAILED
 */
export async function readManifest(disk: Disk, folder: string): Promise<FoundManifest | "damaged" | undefined> {
  const path = join(folder, NAME);
  const bytes = await disk.readFile(path).catch((error: unknown) => {
    throw readError(error, path);
  });
  if (bytes === undefined) return undefined;
  let value: ManifestFile;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes)) as ManifestFile;
  } catch {
    return "damaged";
  }
  if (typeof value !== "object" || value === null) return "damaged";
  if (value.format !== MANIFEST_VERSION) {
    if (typeof value.format !== "number") return "damaged";
    throw new LandfallError(
      "UNSUPPORTED_FORMAT",
      `${path} has format ${value.format}, this program reads and writes ${MANIFEST_VERSION}; nothing was changed`,
    );
  }
  if (value.manifest === undefined || crc32(JSON.stringify(value.manifest)) !== value.crc) return "damaged";
  const file = await disk.open(path, "read");
  try {
    return { manifest: value.manifest, genuine: (await file.fingerprint()) === value.fingerprint };
  } finally {
    await file.close();
  }
}

/**
 * Durable when it returns.
 * @param isGenuine false in the place of one that was copied: whoever opens the folder must still see that it was
 * @throws LandfallError DISK_FULL, DISK_FAILED
 */
export function writeManifest(disk: Disk, folder: string, manifest: Manifest, isGenuine = true): Promise<void> {
  return replaceFile(disk, join(folder, NAME), (own) => {
    const crc = crc32(JSON.stringify(manifest));
    const fingerprint = isGenuine ? own : "";
    const content: ManifestFile = { program: "landfall", format: MANIFEST_VERSION, fingerprint, crc, manifest };
    return JSON.stringify(content);
  });
}
