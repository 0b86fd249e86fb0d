import { join } from "node:path";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { journalName, journalNumber, decodeFileHead, FILE_HEAD_BYTES } from "./journal-format.js";
import { scanJournalFile } from "./journal-scan.js";
import { NO_MANIFEST, readManifest, writeManifest } from "./manifest.js";
import { readSegment } from "./open-segments.js";
import { readIdentity } from "./identity.js";
import { decodeRunBlock } from "./run-block.js";
import { decodeEntries, decodePages } from "./run-index.js";
import { segmentName, segmentNumber } from "./segment-format.js";
import { crc32 } from "node:zlib";
import type { Disk, DiskFile } from "./disk.js";
import type { Manifest } from "./manifest.js";
import type { RunMeta } from "./segment-format.js";

/** Something that is wrong in a data folder. */
export interface Finding {
  readonly file: string;
  /** Byte at which it was found. */
  readonly at: number;
  readonly what: string;
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

/**
 * Reads every byte of a data folder that no store has open, and says what is wrong, where. With `repair`, leftovers of
 * a crash are removed and damaged runs are marked, so that the next opening asks peers for them.
 * @throws LandfallError FOLDER_IN_USE, UNSUPPORTED_FORMAT, NOT_FOUND, DISK_FAILED
 */
export async function verifyFolder(disk: Disk, folder: string, repair: boolean): Promise<FolderReport> {
  const names = await disk.list(folder);
  if (!names.includes("identity.json") && !names.some((name) => journalNumber(name) !== undefined)) {
    throw new LandfallError("NOT_FOUND", `${folder} is no data folder: it holds neither an identity nor a journal`);
  }
  const lock = await disk.lock(folder);
  try {
    return await new Verification(disk, folder, repair).run(names);
  } finally {
    await lock.release();
  }
}

class Verification {
  private readonly findings: Finding[] = [];
  private readonly damaged = new Set<string>();
  private runs = 0;
  private records = 0;
  private bytes = 0;

  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
    private readonly repair: boolean,
  ) {}

  async run(names: readonly string[]): Promise<FolderReport> {
    if ((await readIdentity(this.disk, this.folder)) === undefined) {
      this.note("identity.json", 0, "missing or unreadable: the node will append under a new origin");
    }
    const found = await readManifest(this.disk, this.folder);
    if (found === "damaged") this.note("manifest.json", 0, "unreadable: every segment in the folder counts");
    const manifest = found === undefined || found === "damaged" ? NO_MANIFEST : found.manifest;
    const journals = names.map(journalNumber).filter((number) => number !== undefined);
    for (const number of journals.sort((a, b) => a - b)) {
      if (number <= manifest.sealedJournal) await this.leftover(journalName(number), "it is sealed");
      else await this.journal(number);
    }
    const segments = names.map(segmentNumber).filter((number) => number !== undefined);
    const isKnown = found !== undefined && found !== "damaged";
    for (const number of segments.sort((a, b) => a - b)) {
      if (isKnown && !manifest.segments.includes(number))
        await this.leftover(segmentName(number), "no manifest names it");
      else await this.segment(number, manifest);
    }
    for (const number of manifest.segments) {
      if (!segments.includes(number)) this.note(segmentName(number), 0, "the file is missing");
    }
    await this.markDamaged(manifest, isKnown);
    const { runs, records, bytes, findings } = this;
    return { journals: journals.length, segments: segments.length, runs, records, bytes, findings };
  }

  private note(file: string, at: number, what: string, repaired?: string): void {
    this.findings.push({ file, at, what, ...(repaired === undefined ? {} : { repaired }) });
  }

  private async leftover(name: string, why: string): Promise<void> {
    if (this.repair) await this.disk.remove(join(this.folder, name));
    this.note(name, 0, `left over by a crash (${why}); harmless`, this.repair ? "removed" : undefined);
  }

  private async journal(number: number): Promise<void> {
    const name = journalName(number);
    await this.withFile(name, async (file) => {
      const size = await file.size();
      const bytes = new Uint8Array(FILE_HEAD_BYTES);
      const head = decodeFileHead(bytes.subarray(0, await file.read(bytes, 0)));
      this.bytes += size;
      if (typeof head !== "object") {
        this.note(name, 0, "it has no readable head");
        return;
      }
      const end = await scanJournalFile(file, size, head, {
        frame: ({ block }) => void (this.records += block.count),
        damage: (from, _to, why) => this.note(name, from, why),
      });
      if (end < size && !head.overwrites)
        this.note(name, end, "it ends within a commit that was never acknowledged; harmless");
    });
  }

  private async segment(number: number, manifest: Manifest): Promise<void> {
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
      for (const meta of metas) {
        const key = `${number}:${meta.begin}`;
        if (manifest.dead.includes(key)) continue;
        this.runs++;
        this.records += meta.count;
        await this.checkRun(file, name, key, meta);
      }
    });
  }

  private async checkRun(file: DiskFile, name: string, key: string, meta: RunMeta): Promise<void> {
    const read = async (at: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, await file.read(bytes, at));
    };
    let at = meta.at;
    try {
      const directory = await read(meta.at, meta.bytes);
      if (crc32(directory) !== meta.crc) throw new LandfallError("CORRUPT_BLOCK", "a damaged directory");
      let count = 0;
      for (const page of decodePages(directory)) {
        ({ at } = page);
        const entries = await read(page.at, page.bytes);
        if (crc32(entries) !== page.crc) throw new LandfallError("CORRUPT_BLOCK", "a damaged index page");
        for (const entry of decodeEntries(entries)) {
          ({ at } = entry);
          count += decodeRunBlock(await read(entry.at, entry.bytes)).count;
        }
      }
      if (count !== meta.count) throw new LandfallError("CORRUPT_BLOCK", `${count} records instead of ${meta.count}`);
    } catch (error) {
      if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      this.damaged.add(key);
      const what = `${meta.stream}, ${meta.origin}, seqs ${meta.from} to ${meta.to - 1}: ${error.message}`;
      this.note(name, at, what, this.repair ? "marked: peers are asked for it" : undefined);
    }
  }

  private async markDamaged(manifest: Manifest, isKnown: boolean): Promise<void> {
    const fresh = [...this.damaged].filter((key) => !manifest.damaged.includes(key));
    if (!this.repair || !isKnown || fresh.length === 0) return;
    await writeManifest(this.disk, this.folder, { ...manifest, damaged: [...manifest.damaged, ...fresh] });
  }

  private async withFile(name: string, work: (file: DiskFile) => Promise<void>): Promise<void> {
    const file = await this.disk.open(join(this.folder, name), "read");
    try {
      await work(file);
    } finally {
      await file.close();
    }
  }
}
