import { join } from "node:path";
import { crc32 } from "node:zlib";
import { DAMAGE_LIST_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { originId } from "../model/names.js";
import { FORMAT_VERSION, FORMAT_VERSION_MIN } from "./journal-format.js";
import { readError } from "./disk-errors.js";
import { replaceFile } from "./replace-file.js";
import type { Env } from "../env.js";
import type { OriginId } from "../model/names.js";
import type { Disk } from "./disk.js";
import type { Damage } from "./journal-recovery.js";

/** Who writes in this folder, and how to tell that it is still the same folder. */
export interface Identity {
  readonly site: string;
  readonly node: string;
  readonly incarnation: string;
  /** Fingerprint of each journal file, by name. */
  readonly journals: Readonly<Record<string, string>>;
  /** Damage that was there when this incarnation was taken: no reason to take another. */
  readonly damages: readonly Pick<Damage, "file" | "from" | "to">[];
  /** Parts of former origins that were appended again, by stream and origin; see lineage.ts. */
  readonly again?: Readonly<Record<string, AppendedAgain>>;
  /** Former origins under which numbers may have been given twice: the folder had been put back, and this was noticed later. */
  readonly restored?: readonly OriginId[];
}

/** Records [from, to) of a former origin stand a second time, with the same offsets, from seq 0 on under the origin `as`. */
export interface AppendedAgain {
  readonly from: number;
  readonly to: number;
  readonly as: OriginId;
}

interface IdentityFile extends Identity {
  readonly program: "landfall";
  readonly format: number;
  /** Of the identity file itself. */
  readonly fingerprint: string;
  /** CRC-32 of all the rest; files that an older program wrote have none. */
  readonly crc?: number;
}

const NAME = "identity.json";
/** 36^10: two nodes of the same name never meet the same one. */
const INCARNATION_DIGITS = 10;

export function originOf(identity: Identity): OriginId {
  return originId(`${identity.site}.${identity.node}~${identity.incarnation}`);
}

/** Random, and never one that wrote here before: a seeded `env` would otherwise repeat it. */
export function newIncarnation(env: Env, isTaken: (incarnation: string) => boolean): string {
  for (;;) {
    const digits = Array.from({ length: INCARNATION_DIGITS }, () => Math.floor(env.random() * 36).toString(36)).join(
      "",
    );
    if (!isTaken(digits)) return digits;
  }
}

export interface FoundIdentity {
  readonly identity: Identity;
  /** The file is the very one that was written here, not a copy. */
  readonly genuine: boolean;
  /** An older program wrote it. */
  readonly outdated: boolean;
}

/**
 * Undefined when there is none, or none that can be read.
 * @throws LandfallError UNSUPPORTED_FORMAT when another version of the program wrote it
 */
export async function readIdentity(disk: Disk, folder: string): Promise<FoundIdentity | undefined> {
  const path = join(folder, NAME);
  const bytes = await disk.readFile(path).catch((error: unknown) => {
    throw readError(error, path);
  });
  if (bytes === undefined) return undefined;
  const value = parse(bytes);
  if (value === undefined) return undefined;
  const { format } = value;
  if (typeof format !== "number" || format < FORMAT_VERSION_MIN || format > FORMAT_VERSION) {
    throw new LandfallError(
      "UNSUPPORTED_FORMAT",
      `the data folder ${folder} has format ${JSON.stringify(format)}, this program reads and writes ${FORMAT_VERSION}; nothing was changed: use the program that wrote it, or another folder`,
    );
  }
  // A bit that flips in a name or an incarnation would make this another node.
  if (!isIdentity(value) || !isIntact(value)) return undefined;
  const file = await disk.open(path, "read");
  try {
    const genuine = (await file.fingerprint()) === value.fingerprint;
    return { identity: value, genuine, outdated: format !== FORMAT_VERSION };
  } finally {
    await file.close();
  }
}

/** Replaces the identity file at once; durable when it returns. @throws LandfallError DISK_FULL, DISK_FAILED */
export function writeIdentity(disk: Disk, folder: string, identity: Identity): Promise<void> {
  const { site, node, incarnation, journals, again, restored } = identity;
  const damages = identity.damages.slice(0, DAMAGE_LIST_MAX).map(({ file, from, to }) => ({ file, from, to }));
  const said = {
    ...({ program: "landfall", format: FORMAT_VERSION, site, node, incarnation, journals, damages } as const),
    ...(again !== undefined && { again }),
    ...(restored !== undefined && { restored }),
  };
  return replaceFile(disk, join(folder, NAME), (fingerprint) => {
    const content: IdentityFile = { ...said, fingerprint };
    return `${JSON.stringify({ ...content, crc: crcOf(content) }, undefined, 2)}\n`;
  });
}

function isIntact({ crc, ...content }: IdentityFile): boolean {
  return crc === undefined || crc === crcOf(content);
}

function crcOf(content: IdentityFile): number {
  return crc32(JSON.stringify(content));
}

function parse(bytes: Uint8Array): { format?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isIdentity(value: { format?: unknown }): value is IdentityFile {
  const file = value as Partial<Record<keyof IdentityFile, unknown>>;
  return (
    typeof file.site === "string" &&
    typeof file.node === "string" &&
    typeof file.incarnation === "string" &&
    /^[a-z0-9]+$/.test(file.incarnation) &&
    typeof file.fingerprint === "string" &&
    typeof file.journals === "object" &&
    file.journals !== null &&
    (file.restored === undefined || Array.isArray(file.restored)) &&
    Array.isArray(file.damages)
  );
}
