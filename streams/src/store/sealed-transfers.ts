import { join } from "node:path";
import { PREPARE_RECORDS_MIN } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { RunExport } from "./run-export.js";
import { RunImport } from "./run-import.js";
import { metaOf, segmentName } from "./segment-format.js";
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
    if (run.from === from) await this.pack(run);
    const ready = await this.extract(log, from);
    // While this one is sent; whether it went well shows when it is its turn.
    this.packNext(log, run.to).catch(() => undefined);
    return ready;
  }

  private async packNext(log: OriginLog, seq: number): Promise<void> {
    const next = await this.sealedAt(log, seq);
    if (next?.from === seq && next.count >= PREPARE_RECORDS_MIN) await this.pack(next);
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
    const { catalog, disk, folder, maintenance } = this.options;
    const log = catalog.streams.forWriting(run.stream).log(run.origin);
    checkNext(log, run);
    const number = maintenance.takeNumber();
    const incoming = await RunImport.begin(disk, folder, number, run);
    const abandon = async (): Promise<void> => {
      this.open.delete(entry);
      await incoming.abandon();
      await disk.remove(join(folder, segmentName(number)));
    };
    const entry = { close: abandon };
    this.open.add(entry);
    return {
      run,
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
      },
      abandon,
    };
  }

  /** Nothing goes on; what was not complete is gone. */
  async close(): Promise<void> {
    this.closed = true;
    await this.options.extractor.close();
    await Promise.allSettled([...this.packing.values(), ...this.installing]);
    await Promise.all([...this.open].map((one) => one.close()));
  }

  private async install(incoming: RunImport, log: OriginLog): Promise<void> {
    const { env, maintenance, onReceived } = this.options;
    const { run } = incoming;
    if (this.closed) throw new LandfallError("CLOSED", "the store was closed");
    const made = await incoming.finish(env.now());
    await maintenance.exclusive(async () => {
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

function checkNext(log: OriginLog, { stream, origin, from }: SealedRun): void {
  if (log.next === from && log.planned === from) return;
  throw new LandfallError(
    "SEQ_GAP",
    `a run of ${stream} from ${origin} begins at ${from}, but ${log.planned} comes next`,
  );
}
