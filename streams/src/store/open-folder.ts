import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { readError, writeError } from "./disk-errors.js";
import { originId } from "../model/names.js";
import { newIncarnation, originOf, readIdentity, writeIdentity } from "./identity.js";
import { IdentityKeeper } from "./identity-keeper.js";
import { Catalog } from "./catalog.js";
import { JournalRecovery } from "./journal-recovery.js";
import { readManifest } from "./manifest.js";
import { openSegments, settleDamage } from "./open-segments.js";
import { dropSealed, dropUnborn, findFiles } from "./journal-files.js";
import { FILE_HEAD_BYTES, FRAME_HEAD_BYTES, journalName } from "./journal-format.js";
import { lastUsed, replayJournals, unsealedJournals } from "./journal-replay.js";
import { findSpares } from "./journal-spares.js";
import { Journal } from "./journal.js";
import type { Env } from "../env.js";
import type { OriginId } from "../model/names.js";
import type { Disk, DiskFile, FolderLock } from "./disk.js";
import type { FoundIdentity, Identity } from "./identity.js";
import type { FoundFile } from "./journal-files.js";
import type { Generation } from "./generation.js";
import type { JournalSpares } from "./journal-spares.js";
import type { Manifest } from "./manifest.js";
import type { Damage, Tail } from "./journal-recovery.js";
import type { JournalEnd } from "./journal.js";

export const SILENT_LOG: StoreLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

export interface StoreLog {
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
  error(detail: object, message: string): void;
}

export interface FolderOptions {
  readonly folder: string;
  readonly site: string;
  readonly node: string;
  readonly env: Env;
  readonly disk: Disk;
  readonly log: StoreLog;
}

/** A data folder, locked, with its segments known and its journals replayed. */
export interface OpenFolder {
  readonly identity: IdentityKeeper;
  readonly catalog: Catalog;
  readonly journal: Journal;
  readonly spares: JournalSpares;
  readonly manifest: Manifest;
  readonly lock: FolderLock;
  readonly damages: number;
  /** Number that the next commit gets. */
  readonly nextCommit: number;
  /** Generations to which nothing more is written, oldest first. */
  readonly full: readonly Generation[];
}

/** @throws LandfallError UNSUPPORTED_FORMAT, FOLDER_IN_USE, INVALID_SETTINGS, DISK_FULL, DISK_FAILED */
export async function openFolder(options: FolderOptions): Promise<OpenFolder> {
  const { disk, folder } = options;
  try {
    await disk.createFolder(folder);
    // Before anything is touched, the lock included.
    await refuseNewer(disk, folder);
  } catch (error) {
    throw readError(error, folder);
  }
  const lock = await disk.lock(folder).catch((error: unknown) => {
    throw writeError(error, join(folder, "lock"));
  });
  const files: FoundFile[] = [];
  try {
    // A process that was killed may have renamed without waiting: durable before anything that it replaced is removed.
    await disk.syncFolder(folder);
    files.push(...(await findFiles(disk, folder)));
    return { lock, ...(await recover(options, files)) };
  } catch (error) {
    await lock.release();
    throw readError(error, folder);
  } finally {
    // The last one was opened again for writing.
    for (const { file } of files) await file.close();
  }
}

/** A folder of a newer program is refused as it is. @throws LandfallError UNSUPPORTED_FORMAT, DISK_FAILED */
export async function refuseNewer(disk: Disk, folder: string): Promise<void> {
  await readIdentity(disk, folder);
  await readManifest(disk, folder);
  for (const found of await findFiles(disk, folder)) await found.file.close();
}

async function recover(options: FolderOptions, files: FoundFile[]): Promise<Omit<OpenFolder, "lock">> {
  const { disk, folder, log } = options;
  const found = await readIdentity(disk, folder);
  checkOwner(options, found?.identity);
  const catalog = new Catalog();
  const segments = await openSegments(
    options,
    catalog,
    files.map(({ number }) => number),
  );
  const { manifest, reasons, damages } = segments;
  const areSegmentsDamaged = reasons.length > 0;
  if (found !== undefined) await dropUnborn(disk, folder, files, found.identity);
  await dropSealed(disk, folder, files, manifest.sealedJournal);
  if (found === undefined) reasons.push("there was no identity in the folder");
  else reasons.push(...notGenuine(found, files));

  const { recovery, tail } = await replay(files, found?.identity, catalog, manifest);
  for (const damage of recovery.damages) {
    log.error({ ...damage, file: journalName(damage.file) }, "damage in the journal: what it held is not served");
  }
  const known = found?.identity.damages ?? [];
  const fresh = recovery.damages.filter((damage) => !known.some((old) => isSame(old, damage)));
  if (fresh.length > 0) reasons.push("the journal was damaged");
  // What cannot be read may have been acknowledged and sent to others: its numbers must not be given again.
  if (tail?.ambiguous === true) reasons.push("the end of the journal was unreadable");
  if (found !== undefined && hasHoles(catalog, originOf(found.identity))) reasons.push("records of its own are lost");

  let identity = found?.identity;
  if (identity === undefined || reasons.length > 0) {
    const former = identity?.incarnation;
    const { again, restored } = identity ?? {};
    const isTaken = (digits: string): boolean => {
      const origin = originId(`${options.site}.${options.node}~${digits}`);
      const isUsed = Object.values(again ?? {}).some(({ as }) => as === origin);
      return digits === former || isUsed || hasWritten(catalog, origin);
    };
    const incarnation = newIncarnation(options.env, isTaken);
    const journals = Object.fromEntries(files.map((f) => [journalName(f.number), f.fingerprint]));
    const { site, node } = options;
    identity = {
      site,
      node,
      incarnation,
      journals,
      damages: recovery.damages,
      ...(again && { again }),
      ...(restored && { restored }),
    };
  }
  const last = files.at(-1);
  const end = last === undefined ? undefined : await openEnd(options, last, tail);
  // The one before it was the last in use, where this one was only made ahead.
  const used = lastUsed(files);
  if (used !== undefined && used !== last) await (await openJournal(options, used.number, tail)).close();
  if (identity !== found?.identity || found.outdated) {
    await writeIdentity(disk, folder, identity);
    if (reasons.length > 0) {
      log.info({ folder, origin: originOf(identity), reasons }, "this node appends under a new origin");
    }
  }
  if (areSegmentsDamaged) await settleDamage(disk, folder, segments);
  const spares = await findSpares(disk, folder);
  const { env } = options;
  const keeper = new IdentityKeeper(identity, { disk, folder, env, isTaken: (origin) => hasWritten(catalog, origin) });
  const journal = new Journal(
    {
      disk,
      folder,
      spares,
      newSalt: () => randomBytes(8),
      onNewFile: (name, fingerprint) => keeper.journalBegun(name, fingerprint),
    },
    end,
    Math.max(last?.number ?? 0, manifest.sealedJournal),
  );
  const full = catalog.generations.filter(({ number }) => number !== end?.number);
  const nextCommit = recovery.lastCommit + 1;
  const damageCount = recovery.damages.length + damages;
  return { identity: keeper, catalog, journal, spares, manifest, damages: damageCount, nextCommit, full };
}

function hasWritten(catalog: Catalog, origin: OriginId): boolean {
  return catalog.streams.all.some((stream) => stream.logs.has(origin));
}

/** Own records are missing: a peer may have them, under numbers that must not be given again. */
function hasHoles(catalog: Catalog, own: OriginId): boolean {
  return catalog.streams.all.some((stream) => {
    const log = stream.logs.get(own);
    if (log === undefined) return false;
    return log.end > log.next || stream.runs.some((run) => run.damaged && run.log === log);
  });
}

function checkOwner(options: FolderOptions, identity: Identity | undefined): void {
  if (identity === undefined || (identity.site === options.site && identity.node === options.node)) return;
  throw new LandfallError(
    "INVALID_SETTINGS",
    `the data folder ${options.folder} belongs to node ${identity.site}.${identity.node}, not to ${options.site}.${options.node}: give each node its own folder`,
  );
}

/** Why these are not the very files that were written here; nothing for those that are. */
function notGenuine(found: FoundIdentity, files: readonly FoundFile[]): string[] {
  const { journals } = found.identity;
  const copied = files.filter(({ number, fingerprint }) => journals[journalName(number)] !== fingerprint);
  return found.genuine && copied.length === 0 ? [] : ["the folder was copied or restored"];
}

async function replay(
  files: readonly FoundFile[],
  identity: Identity | undefined,
  catalog: Catalog,
  manifest: Manifest,
): Promise<{ recovery: JournalRecovery; tail: Tail | undefined }> {
  for (const { number, head } of files) if (head !== undefined) catalog.beginGeneration(number);
  const rejected: Damage[] = [];
  const recovery = new JournalRecovery((file, { head, block, position }) => {
    const place = { position: position + FRAME_HEAD_BYTES, bytes: block.bytes.byteLength };
    const reject = (why: string): void =>
      void rejected.push({ file, from: position, to: place.position + place.bytes, why });
    const generation = catalog.generationOf(file) as Generation;
    generation.lastCommit = head.commit;
    try {
      const log = catalog.streams.forWriting(block.stream).log(block.origin);
      const end = block.firstSeq + block.count;
      const lacking = [...log.missing(block.firstSeq, end), ...log.fillable(block.firstSeq, end)];
      if (lacking.reduce((sum, [from, to]) => sum + to - from, 0) !== block.count) {
        reject("records that are here already");
        return;
      }
      const number = generation.replay(block, log, place, head.arrived);
      log.add({ start: block.firstSeq, end, generation, block: number });
    } catch (error) {
      if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      reject(error.message);
    }
  }, manifest.lastCommit);
  const expected = identity === undefined ? [] : unsealedJournals(identity, manifest.sealedJournal);
  const tail = await replayJournals(files, expected, recovery);
  recovery.damages.push(...rejected);
  return { recovery, tail };
}

/** The last file, ready for appending. */
async function openEnd(
  options: FolderOptions,
  { number, size, head, isEmpty }: FoundFile,
  tail: Tail | undefined,
): Promise<JournalEnd | undefined> {
  // Without a head nothing that is written there could be read again.
  if (head === undefined) return undefined;
  const own = tail?.file === number ? tail : undefined;
  const file = await openJournal(options, number, own);
  const written = isEmpty ? FILE_HEAD_BYTES : size;
  // Where the end was cut off, nothing follows it any more.
  const overwrites = head.overwrites && isEmpty && own === undefined;
  return { number, salt: head.salt, file, size: own?.from ?? written, overwrites };
}

/** A journal file for writing: its torn end cut off, the rest on disk for certain. */
async function openJournal(options: FolderOptions, number: number, tail: Tail | undefined): Promise<DiskFile> {
  const path = join(options.folder, journalName(number));
  try {
    const file = await options.disk.open(path, "write", true);
    try {
      if (tail !== undefined) await cutTail(options, path, file, tail);
      // A process that was killed may have written without waiting: durable before anybody sees it (S2).
      await file.sync();
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  } catch (error) {
    throw writeError(error, path);
  }
}

async function cutTail({ disk, log }: FolderOptions, path: string, file: DiskFile, tail: Tail): Promise<void> {
  const bytes = tail.to - tail.from;
  if (tail.ambiguous) {
    // Nobody can say whether it was acknowledged, so its bytes are kept for whoever wants to look.
    const aside = `${path}.cut-${tail.from}`;
    const content = new Uint8Array(bytes);
    await file.read(content, tail.from);
    await disk.remove(aside);
    const copy = await disk.open(aside, "create");
    try {
      await copy.write(content, 0);
      await copy.sync();
    } finally {
      await copy.close();
    }
    log.warn({ path, from: tail.from, bytes, aside }, "the unreadable end of the journal was moved aside");
  } else if (bytes > 0) {
    log.info({ path, from: tail.from, bytes }, "a commit that was never acknowledged was cut off the journal");
  }
  await file.truncate(tail.from);
}

function isSame(a: Pick<Damage, "file" | "from" | "to">, b: Damage): boolean {
  return a.file === b.file && a.from === b.from && a.to === b.to;
}
