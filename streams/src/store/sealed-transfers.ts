import { join } from "node:path";
import { PREPARE_RECORDS_MIN, STAGED_MS_MAX, STAGED_RUNS_MAX } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { RunExport } from "./run-export.js";
import { RunImport } from "./run-import.js";
import { metaOf, segmentName } from "./segment-format.js";
import { readStagedNote, removeStaged, stagedNumber, writeStagedNote } from "./staged-files.js";
import type { Env } from "../env.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { Background } from "./background.js";
import type { Catalog } from "./catalog.js";
import type { Disk } from "./disk.js";
import type { Hurry } from "./hurry.js";
import type { Maintenance } from "./maintenance.js";
import type { OriginLog } from "./origin-log.js";
import type { Run } from "./segment-format.js";
import type { NewSegment } from "./seal.js";
import type { SegmentReader } from "./segment-reader.js";
import type { Committed, SealedRun, SealedRunReader, SealedRunWriter } from "./store.js";

/** So many runs behind the one that is sent are packed at the same time: as many as there are workers for it. */
const PACKED_AHEAD = 2;

export interface SealedTransfersOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly env: Env;
  readonly catalog: Catalog;
  readonly reader: SegmentReader;
  readonly maintenance: Maintenance;
  /** Cuts runs. */
  readonly extractor: Background;
  readonly hurry: Hurry;
  /** The journal that is being written is full. */
  readonly roll: () => Promise<void>;
  readonly onDamaged: (run: Run, error: LandfallError) => void;
  /** A run became visible. */
  readonly onReceived: (committed: Committed, records: number) => void;
}

/** Sealed runs on their way to other sites and from them, as they lie on disk. */
export class SealedTransfers {
  private readonly open = new Set<{ close(): Promise<void> }>();
  private readonly installing = new Set<Promise<void>>();
  private readonly packing = new Map<Run, Promise<void>>();
  private closed = false;
  private nextStaged: Promise<number> | undefined;

  constructor(private readonly options: SealedTransfersOptions) {}

  async send(stream: StreamName, origin: OriginId, from: Seq): Promise<SealedRunReader | undefined> {
    const run = this.logOf(stream, origin)?.locate(from)?.run;
    if (run?.from !== from || run.damaged) return undefined;
    if (run.count >= PREPARE_RECORDS_MIN) this.options.hurry.extend();
    return this.openRun(run, () => Promise.resolve());
  }

  prepare(
    stream: StreamName,
    origin: OriginId,
    from: Seq,
    isFirst: boolean,
  ): Promise<SealedRunReader | undefined> | undefined {
    const log = this.logOf(stream, origin);
    const piece = log?.locate(from);
    if (log === undefined || piece === undefined) return undefined;
    const { run, generation } = piece;
    const end = run?.to ?? (generation === undefined ? from : log.next);
    const isSettled = run !== undefined || isFirst || generation?.isFull === true;
    if (end - from < PREPARE_RECORDS_MIN || !isSettled) return undefined;
    this.options.hurry.extend();
    return this.makeReady(log, from, run === undefined && isFirst);
  }

  private async makeReady(log: OriginLog, from: number, roll: boolean): Promise<SealedRunReader | undefined> {
    if (roll) await this.options.roll();
    const run = await this.sealedAt(log, from);
    if (run === undefined || run.to - from < PREPARE_RECORDS_MIN) return undefined;
    const packed = run.from === from ? this.pack(run) : undefined;
    // While this one is packed and sent; whether it went well shows when it is its turn.
    this.packAhead(log, run.to).catch(() => undefined);
    await packed;
    return this.extract(log, from);
  }

  /** The next runs, side by side. */
  private async packAhead(log: OriginLog, seq: number): Promise<void> {
    let at = seq;
    for (let ahead = 0; ahead < PACKED_AHEAD; ahead++) {
      const next = await this.sealedAt(log, at);
      if (next?.from !== at || next.count < PREPARE_RECORDS_MIN) return;
      this.pack(next).catch(() => undefined);
      at = next.to;
    }
  }

  /** The run that holds this seq, once its journal is sealed. */
  private async sealedAt(log: OriginLog, seq: number): Promise<Run | undefined> {
    const { hurry, maintenance } = this.options;
    for (let piece = log.locate(seq); !this.closed; piece = log.locate(seq)) {
      if (piece?.generation?.isFull !== true || !maintenance.isSealing) return piece?.run;
      hurry.extend();
      await maintenance.progress();
    }
    return undefined;
  }

  /** In its place: what is packed for a peer need not be packed again. */
  private async pack(run: Run): Promise<void> {
    if (run.packed || run.damaged || this.closed) return;
    let packed = this.packing.get(run);
    if (packed === undefined) {
      packed = this.options.maintenance.pack(run);
      this.packing.set(run, packed);
      const forget = (): void => void this.packing.delete(run);
      packed.then(forget, forget);
    }
    await packed;
  }

  private logOf(stream: StreamName, origin: OriginId): OriginLog | undefined {
    return this.options.catalog.streams.get(stream)?.logs.get(origin);
  }

  /** The part of a run from a seq on, as a run of its own that lives as long as it is read. */
  private async extract(log: OriginLog, from: number): Promise<SealedRunReader | undefined> {
    const { disk, folder, maintenance } = this.options;
    const run = log.locate(from)?.run;
    if (run === undefined || run.damaged || this.closed) return undefined;
    if (run.from === from && run.packed) return this.openRun(run, () => Promise.resolve());
    const number = maintenance.takeNumber();
    const remove = (): Promise<void> => disk.remove(join(folder, segmentName(number)));
    const cut = await this.cut(run, number, { after: from });
    const [part] = cut?.runs ?? [];
    if (cut === undefined || part === undefined) {
      await remove();
      return undefined;
    }
    const own = { number, bytes: cut.bytes, runs: [] };
    return this.openRun({ ...part, segment: own, log, damaged: false }, remove);
  }

  /** A part of a run, in a segment with this number. @throws LandfallError CORRUPT_BLOCK, DISK_FULL, DISK_FAILED */
  async cut(run: Run, number: number, part: { after?: number; before?: number }): Promise<NewSegment | undefined> {
    const { folder, extractor } = this.options;
    const job = { kind: "merge", folder, segment: number, packed: true, compact: false, ...part } as const;
    const groups = [[{ segment: run.segment.number, meta: metaOf(run) }]];
    return (await extractor.run({ ...job, groups }))[0];
  }

  async receive(run: SealedRun): Promise<SealedRunWriter> {
    const { catalog, disk, folder, env } = this.options;
    const log = catalog.streams.forWriting(run.stream).log(run.origin);
    checkNext(log, run);
    const number = await this.takeStaged();
    const incoming = await RunImport.begin({ disk, folder, env }, number, run);
    const writer = this.writerOf(incoming, log, number);
    try {
      await writeStagedNote(disk, folder, number, { run, begunAt: env.now() });
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    return writer;
  }

  /**
   * Runs of which a former process has left the first blocks, verified again; those of which all blocks are there count from now
   * on. What is too old, or can be gone on with no more, is removed.
   */
  async resume(): Promise<SealedRunWriter[]> {
    const { disk, folder } = this.options;
    const numbers = new Set((await disk.list(folder)).map(stagedNumber).filter((number) => number !== undefined));
    const writers: SealedRunWriter[] = [];
    const keys = new Set<OriginLog>();
    for (const number of [...numbers].sort((a, b) => b - a)) {
      const found = writers.length < STAGED_RUNS_MAX ? await this.goOn(number, keys) : undefined;
      if (found === undefined) await removeStaged(disk, folder, number);
      else if (found.blocks < found.run.blocks) writers.push(found);
      // What was not what it was said to be is gone with it.
      else await found.finish().catch(() => undefined);
    }
    return writers;
  }

  /** @param keys histories of which a run was found already */
  private async goOn(number: number, keys: Set<OriginLog>): Promise<SealedRunWriter | undefined> {
    const { catalog, disk, folder, env } = this.options;
    const note = await readStagedNote(disk, folder, number);
    if (note === undefined || Math.abs(env.now() - note.begunAt) > STAGED_MS_MAX) return undefined;
    const { run } = note;
    const log = catalog.streams.forWriting(run.stream).log(run.origin);
    if (keys.has(log) || !isNext(log, run)) return undefined;
    keys.add(log);
    try {
      const incoming = await RunImport.resume({ disk, folder, env }, number, run);
      return incoming === undefined ? undefined : this.writerOf(incoming, log, number);
    } catch (error) {
      if (isLandfallError(error)) return undefined;
      throw error;
    }
  }

  private writerOf(incoming: RunImport, log: OriginLog, number: number): SealedRunWriter {
    const { disk, folder } = this.options;
    const abandon = async (): Promise<void> => {
      this.open.delete(entry);
      await incoming.abandon();
      await remove();
    };
    // What cannot be removed is looked at again, and verified, by the next process.
    const remove = (): Promise<void> => removeStaged(disk, folder, number).catch(() => undefined);
    const suspend = async (): Promise<void> => {
      if (this.open.delete(entry)) await incoming.suspend();
    };
    const entry = { close: suspend };
    this.open.add(entry);
    return {
      run: incoming.run,
      get blocks() {
        return incoming.blocks;
      },
      add: (bytes) => incoming.add(bytes),
      finish: async () => {
        const installed = this.install(incoming, log);
        this.installing.add(installed);
        try {
          await installed;
          this.open.delete(entry);
        } catch (error) {
          await abandon();
          throw error;
        } finally {
          this.installing.delete(installed);
        }
        await remove();
      },
      suspend,
      abandon,
    };
  }

  private async takeStaged(): Promise<number> {
    const { disk, folder } = this.options;
    const known =
      this.nextStaged ??
      disk.list(folder).then((names) => Math.max(0, ...names.map((name) => stagedNumber(name) ?? 0)) + 1);
    this.nextStaged = known.then((number) => number + 1);
    return known;
  }

  /** Nothing goes on; what was not complete can be gone on with later. */
  async close(): Promise<void> {
    this.closed = true;
    await this.options.extractor.close();
    await Promise.allSettled([...this.packing.values(), ...this.installing]);
    await Promise.all([...this.open].map((one) => one.close()));
  }

  private async install(incoming: RunImport, log: OriginLog): Promise<void> {
    const { disk, folder, env, maintenance, onReceived } = this.options;
    const { run } = incoming;
    if (this.closed) throw new LandfallError("CLOSED", "the store was closed");
    const number = maintenance.takeNumber();
    const made = await incoming.finish(env.now(), number);
    await maintenance.exclusive(async () => {
      // A segment that is not named by then is left to the next opening: a manifest that could not be written may name it.
      if (!isNext(log, run)) await disk.remove(join(folder, segmentName(number))).catch(() => undefined);
      checkNext(log, run);
      await maintenance.receive(made);
    });
    onReceived({ stream: run.stream, origin: run.origin, firstSeq: run.from, nextSeq: log.next as Seq }, run.count);
  }

  private async openRun(run: Run, released: () => Promise<void>): Promise<SealedRunReader> {
    const { disk, folder, reader, hurry, onDamaged } = this.options;
    const file = await RunExport.open(disk, folder, reader, run);
    const isLong = run.count >= PREPARE_RECORDS_MIN;
    const entry = {
      close: async (): Promise<void> => {
        await file.close();
        await released();
      },
    };
    this.open.add(entry);
    return {
      run: file.run,
      read: async (block, maxBytes) => {
        if (isLong) hurry.extend();
        try {
          return await file.read(block, maxBytes);
        } catch (error) {
          if (isLandfallError(error, "CORRUPT_BLOCK")) onDamaged(run, error);
          throw error;
        }
      },
      close: async () => {
        if (this.open.delete(entry)) await entry.close();
      },
    };
  }
}

function isNext(log: OriginLog, { from }: SealedRun): boolean {
  return log.next === from && log.planned === from;
}

function checkNext(log: OriginLog, run: SealedRun): void {
  const { stream, origin, from } = run;
  if (isNext(log, run)) return;
  throw new LandfallError(
    "SEQ_GAP",
    `a run of ${stream} from ${origin} begins at ${from}, but ${log.planned} comes next`,
  );
}
