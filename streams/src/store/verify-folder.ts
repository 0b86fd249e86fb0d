import { join } from "node:path";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { DIGEST_FILE, isDigestFileWhole } from "./digest-file.js";
import { readError } from "./disk-errors.js";
import { readIdentity } from "./identity.js";
import { findFiles, unborn } from "./journal-files.js";
import { journalName, journalNumber } from "./journal-format.js";
import { JournalRecovery } from "./journal-recovery.js";
import { replayJournals, unsealedJournals } from "./journal-replay.js";
import { readManifest, writeManifest } from "./manifest.js";
import { refuseNewer } from "./open-folder.js";
import { manifestInForce, readSegment } from "./open-segments.js";
import { RunCheck } from "./run-check.js";
import { SEGMENT_HEAD_BYTES, encodeSegmentHead, isSegmentHead, segmentName, segmentNumber } from "./segment-format.js";
import { readStagedBlocks } from "./staged-blocks.js";
import { readStagedNote, stagedName, stagedNumber } from "./staged-files.js";
import { readBytes, verifyRun } from "./verify-run.js";
import type { Disk, DiskFile } from "./disk.js";
import type { Identity } from "./identity.js";
import type { FoundFile } from "./journal-files.js";
import type { Tail } from "./journal-recovery.js";
import type { Manifest } from "./manifest.js";
import type { RunMeta } from "./segment-format.js";
import type { SealedRun } from "./store.js";

/** Something that is wrong in a data folder. */
export interface Finding {
  readonly file: string;
  /** Byte at which it was found. */
  readonly at: number;
  readonly what: string;
  /** Nothing that was acknowledged is lost by it: a node deals with it when it starts, or serves all that there is as it is. */
  readonly harmless: boolean;
  /** What was done about it, if anything. */
  readonly repaired?: string;
}

export interface FolderReport {
  readonly journals: number;
  readonly segments: number;
  readonly runs: number;
  readonly records: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
}

/** A finding that may still be repaired. */
interface Trouble extends Finding {
  repaired?: string;
}

/** Where nobody knows which commits are sealed: the first one that is found may have any number. */
const ANY_COMMIT = Number.NaN;

/**
 * Reads every byte that counts in a data folder that no store has open, and says what is wrong, where: its journals as opening
 * reads them, and damage in sealed runs that would only show when records are read. With `repair`, leftovers of a crash are
 * removed, heads of segments are written again, and damaged runs are marked, so that the next opening asks peers for them;
 * nothing is touched before everything was read.
 * @throws LandfallError FOLDER_IN_USE, UNSUPPORTED_FORMAT, NOT_FOUND, DISK_FULL, DISK_FAILED
 */
export async function verifyFolder(disk: Disk, folder: string, repair: boolean): Promise<FolderReport> {
  try {
    const names = await disk.list(folder);
    if (!names.includes("identity.json") && !names.some((name) => journalNumber(name) !== undefined)) {
      throw new LandfallError("NOT_FOUND", `${folder} is no data folder: it holds neither an identity nor a journal`);
    }
    await refuseNewer(disk, folder);
    const lock = await disk.lock(folder);
    try {
      return await new Verification(disk, folder).run(repair);
    } finally {
      await lock.release();
    }
  } catch (error) {
    throw readError(error, folder);
  }
}

class Verification {
  private readonly findings: Trouble[] = [];
  private readonly leftovers: Trouble[] = [];
  /** By the segment's number. */
  private readonly heads = new Map<number, Trouble>();
  /** By the run's key in the manifest. */
  private readonly damaged = new Map<string, Trouble>();
  private runs = 0;
  private records = 0;
  private bytes = 0;

  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
  ) {}

  async run(shouldRepair: boolean): Promise<FolderReport> {
    const { disk, folder } = this;
    const names = await disk.list(folder);
    const journals = numbersOf(names, journalNumber);
    const segments = numbersOf(names, segmentNumber);
    const identity = (await readIdentity(disk, folder))?.identity;
    if (identity === undefined) {
      this.note("identity.json", 0, "missing or unreadable: the node will append under a new origin");
    }
    const { manifest, isLost, isGenuine } = manifestInForce(await readManifest(disk, folder), segments, journals);
    if (isLost) {
      const what = "missing or unreadable: every segment in the folder counts, and damage in them cannot be marked";
      this.note("manifest.json", 0, `${what}; the node will write a new one, and append under a new origin`);
    }
    await this.verifyJournals(identity, isLost ? undefined : manifest);
    await this.verifySegments(segments, manifest);
    for (const number of numbersOf(names, stagedNumber)) await this.verifyStaged(number, names);
    if (!(await isDigestFileWhole(disk, folder))) {
      this.note(DIGEST_FILE, 0, "unreadable: the digests in it will be made again", true);
    }
    if (shouldRepair) {
      await this.removeLeftovers();
      await this.writeHeads();
      if (!isLost) await this.markDamaged(manifest, isGenuine);
    }
    const { runs, records, bytes, findings } = this;
    return { journals: journals.length, segments: segments.length, runs, records, bytes, findings };
  }

  private note(file: string, at: number, what: string, harmless = false): Trouble {
    const trouble: Trouble = { file, at, what, harmless };
    this.findings.push(trouble);
    return trouble;
  }

  private noteLeftover(name: string, why: string): void {
    this.leftovers.push(this.note(name, 0, `left over by a crash (${why})`, true));
  }

  /** @param manifest undefined where it is lost: then the journals that are there are taken for all that are not sealed */
  private async verifyJournals(identity: Identity | undefined, manifest: Manifest | undefined): Promise<void> {
    const files = await findFiles(this.disk, this.folder);
    try {
      const live = this.liveOnes(files, identity, manifest?.sealedJournal ?? 0);
      const isKnown = identity !== undefined && manifest !== undefined;
      const expected = isKnown ? unsealedJournals(identity, manifest.sealedJournal) : [];
      const recovery = new JournalRecovery(
        (_file, { block }) => void (this.records += block.count),
        manifest?.lastCommit ?? ANY_COMMIT,
      );
      const tail = await replayJournals(live, expected, recovery);
      for (const { file, from, why } of recovery.damages) this.note(journalName(file), from, why);
      if (tail !== undefined) this.noteTail(tail);
    } finally {
      for (const { file } of files) await file.close();
    }
  }

  /** Without what a crash has left of others. */
  private liveOnes(
    files: readonly FoundFile[],
    identity: Identity | undefined,
    sealedJournal: number,
  ): readonly FoundFile[] {
    const unused = identity === undefined ? undefined : unborn(files, identity);
    return files.filter((found) => {
      if (found.number <= sealedJournal) this.noteLeftover(journalName(found.number), "it is sealed");
      else if (found === unused) this.noteLeftover(journalName(found.number), "nothing was written to it");
      else {
        this.bytes += found.size;
        return true;
      }
      return false;
    });
  }

  private noteTail({ file, from, to, ambiguous }: Tail): void {
    const name = journalName(file);
    if (ambiguous) {
      const what = "its last commit cannot be read: it was torn by a crash, or was acknowledged and has rotted";
      this.note(name, from, `${what}; the node will put its bytes aside, and append under a new origin`);
    } else if (to > from) this.note(name, from, "it ends within a commit that was never acknowledged", true);
  }

  private async verifySegments(present: readonly number[], manifest: Manifest): Promise<void> {
    for (const number of present) {
      if (manifest.segments.includes(number)) await this.verifySegment(number, manifest);
      else this.noteLeftover(segmentName(number), "no manifest names it");
    }
    for (const number of manifest.segments) {
      if (!present.includes(number)) this.note(segmentName(number), 0, "the file is missing");
    }
  }

  private async verifySegment(number: number, manifest: Manifest): Promise<void> {
    const name = segmentName(number);
    let metas: readonly RunMeta[];
    try {
      const segment = await readSegment(this.disk, this.folder, number);
      this.bytes += segment.bytes;
      metas = segment.runs;
    } catch (error) {
      if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      this.note(name, 0, error.message);
      return;
    }
    await this.withFile(name, async (file) => {
      if (!isSegmentHead(await readBytes(file, 0, SEGMENT_HEAD_BYTES), number)) {
        this.heads.set(number, this.note(name, 0, "its head is damaged, which nothing is read from", true));
      }
      for (const meta of metas) {
        const key = `${number}:${meta.begin}`;
        if (manifest.dead.includes(key)) continue;
        this.runs++;
        this.records += meta.count;
        const damage = await verifyRun(file, meta);
        if (damage === undefined) continue;
        const whose = `${meta.stream}, ${meta.origin}, seqs ${meta.from} to ${meta.to - 1}`;
        this.damaged.set(key, this.note(name, damage.at, `${whose}: ${damage.why}`));
      }
    });
  }

  /** A run that is coming in from another site: nothing of it was acknowledged or shown yet. */
  private async verifyStaged(number: number, names: readonly string[]): Promise<void> {
    const name = stagedName(number);
    const note = await readStagedNote(this.disk, this.folder, number);
    const check = note === undefined ? undefined : checkOf(note.run);
    if (check === undefined || !names.includes(name)) {
      const files = names.filter((one) => stagedNumber(one) === number);
      for (const one of files) this.noteLeftover(one, "it belongs to no run that is coming in");
      return;
    }
    await this.withFile(name, async (file) => {
      let end = SEGMENT_HEAD_BYTES;
      for await (const { bytes } of readStagedBlocks(file, check)) end += bytes.byteLength;
      if (end >= (await file.size())) return;
      const what = `of a run that is coming in, ${check.blocks} blocks are whole`;
      this.note(name, end, `${what}; what follows will be asked for again`, true);
    });
  }

  private async removeLeftovers(): Promise<void> {
    for (const leftover of this.leftovers) {
      await this.disk.remove(join(this.folder, leftover.file));
      leftover.repaired = "removed";
    }
  }

  private async writeHeads(): Promise<void> {
    for (const [number, trouble] of this.heads) {
      await this.withFile(
        segmentName(number),
        async (file) => {
          await file.write(encodeSegmentHead(number), 0);
          await file.sync();
        },
        "write",
      );
      trouble.repaired = "written again";
    }
  }

  private async markDamaged(manifest: Manifest, isGenuine: boolean): Promise<void> {
    const fresh = [...this.damaged.keys()].filter((key) => !manifest.damaged.includes(key));
    if (fresh.length > 0) {
      const marked = { ...manifest, damaged: [...manifest.damaged, ...fresh] };
      await writeManifest(this.disk, this.folder, marked, isGenuine);
    }
    for (const trouble of this.damaged.values()) trouble.repaired = "marked: peers are asked for it";
  }

  private async withFile(
    name: string,
    work: (file: DiskFile) => Promise<void>,
    mode: "read" | "write" = "read",
  ): Promise<void> {
    const file = await this.disk.open(join(this.folder, name), mode);
    try {
      await work(file);
    } finally {
      await file.close();
    }
  }
}

/** What `numberOf` knows of the names, each once, in ascending order. */
function numbersOf(names: readonly string[], numberOf: (name: string) => number | undefined): number[] {
  const numbers = new Set(names.map(numberOf).filter((number) => number !== undefined));
  return [...numbers].sort((a, b) => a - b);
}

/** Undefined when no run can be as this one is said to be. */
function checkOf(run: SealedRun): RunCheck | undefined {
  try {
    return new RunCheck(run);
  } catch (error) {
    if (isLandfallError(error, "INVALID_ARGUMENT")) return undefined;
    throw error;
  }
}
