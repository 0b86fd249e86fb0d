import { join } from "node:path";
import { UNMERGED_RUNS_MAX } from "../limits.js";
import { journalName } from "./journal-format.js";
import { writeManifest } from "./manifest.js";
import { JOURNALS_IN_BALANCE } from "./pace.js";
import { chooseMerge, choosePacking } from "./merge-choice.js";
import { metaOf, segmentName } from "./segment-format.js";
import type { Env } from "../env.js";
import { Burst } from "./burst.js";
import type { StreamName } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { Background, SharedBackground } from "./background.js";
import type { Catalog } from "./catalog.js";
import type { Disk } from "./disk.js";
import type { Generation } from "./generation.js";
import { placeGaps, withExpired, withGaps, withoutRuns } from "./gap-notes.js";
import type { GapNote } from "./gap-notes.js";
import type { JournalSpares } from "./journal-spares.js";
import type { Manifest } from "./manifest.js";
import type { MergeChoice } from "./merge-choice.js";
import type { StoreLog } from "./open-folder.js";
import type { OriginLog, Piece } from "./origin-log.js";
import type { NewSegment } from "./seal.js";
import type { Run, Segment } from "./segment-format.js";

export interface MaintenanceOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly catalog: Catalog;
  /** Take the files of journals that are sealed. */
  readonly spares: JournalSpares;
  /** Two, so that sealing, which appends may have to wait for, never waits for a long merge. */
  readonly sealer: SharedBackground;
  readonly merger: SharedBackground;
  /** Cuts and packs runs that peers wait for, and lends a hand with sealing then. */
  readonly helper: SharedBackground;
  /** A peer waits for sealed runs, or did a moment ago. */
  readonly isHurried: () => boolean;
  readonly manifest: Manifest;
  readonly log: StoreLog;
  readonly compacted: (stream: StreamName) => boolean;
  readonly env: Pick<Env, "monotonic" | "setTimer">;
  /** A journal of so many bytes took so long to seal. */
  readonly onSealed: (bytes: number, ms: number) => void;
  /** Until the reads that are under way are over: they may need files that are about to go. */
  readonly readers: () => Promise<unknown>;
  /** Closes what is open of a file that goes. */
  readonly forget: (name: string, runs: readonly Run[]) => Promise<void>;
}

/** Numbers set aside for the segments that one journal may become. */
const SEAL_NUMBERS = 32;

/** With more journals than this waiting, one thread does not keep up with what comes: two seal side by side, before anybody is held up. */
const SEALED_ALONE_MAX = 4;

/** Removing a file is the disk's work, and goes on for several at a time; one of Node's four threads is left for those who append. */
const REMOVED_AT_ONCE = 3;

/**
 * Everything that happens to data after it was committed: full journals are sealed, runs merged, expired ones dropped.
 * Each becomes real with the manifest that says so, one after the other.
 */
export class Maintenance {
  manifest: Manifest;
  private readonly full: Generation[] = [];
  private sealing: Promise<void> | undefined;
  private merging: Promise<void> | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private nextNumber: number;
  private closing = false;
  /** Somebody waits until nothing is left to do. */
  private idlers = 0;
  private waiters: (() => void)[] = [];
  private readonly burst: Burst;

  constructor(private readonly options: MaintenanceOptions) {
    this.burst = new Burst(options.env, () => this.start());
    this.manifest = options.manifest;
    this.nextNumber = options.manifest.nextSegment;
  }

  /** The generation is complete. */
  seal(generation: Generation): void {
    this.full.push(generation);
    const mayWait = this.sealing === undefined && this.idlers === 0 && !this.options.isHurried();
    if (mayWait && this.burst.holds(generation.bytes, this.full.length)) return;
    this.start();
  }

  /**
   * The folder was opened, with these generations left to be sealed. A peer that is met in the next moment may wait for them: then
   * they are packed at once, not sealed now and packed later.
   */
  open(generations: readonly Generation[]): void {
    for (const generation of generations) generation.isFull = true;
    this.full.push(...generations);
    if (this.full.length > 0) this.burst.rest();
    else this.start();
  }

  get isSealing(): boolean {
    return this.sealing !== undefined;
  }

  get waiting(): number {
    return this.full.length;
  }

  /** Until nothing is left to do. */
  async idle(): Promise<void> {
    this.idlers++;
    this.start();
    while (this.sealing !== undefined || this.merging !== undefined) {
      await this.sealing;
      await this.merging;
    }
    this.idlers--;
    await this.turn;
  }

  /** Until the next journal is sealed, or sealing has stopped. */
  progress(): Promise<void> {
    if (this.sealing === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiters.push(resolve);
    });
  }

  start(): void {
    if (this.closing) return;
    this.burst.end();
    const ended = (): void => {
      this.sealing = undefined;
      this.wake();
    };
    this.sealing ??= this.keepOn(() => this.sealNext(), ended);
    this.startMerging();
  }

  /** Nothing more is begun. */
  stop(): void {
    this.closing = true;
    this.burst.end();
  }

  async close(): Promise<void> {
    this.stop();
    const { sealer, merger, helper } = this.options;
    // What the workers were at is begun anew by the next who opens the folder.
    await Promise.all([sealer.close(), merger.close(), helper.close()]);
    await this.sealing;
    await this.merging;
    await this.turn;
  }

  /** With the manifest in its own hands: nothing else changes it meanwhile. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.turn.then(work, work);
    this.turn = turn.catch(() => undefined);
    return turn;
  }

  private startMerging(): void {
    if (this.closing) return;
    const ended = (): void => {
      this.merging = undefined;
    };
    this.merging ??= this.keepOn(() => this.mergeNext(), ended);
  }

  private wake(): void {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  /** One step after the other, until there is none. */
  private async keepOn(next: () => Promise<void> | undefined, ended: () => void): Promise<void> {
    // Never within the turn of the event loop in which a commit is published.
    await Promise.resolve();
    try {
      while (!this.closing) {
        const step = next();
        if (step === undefined) break;
        await step;
      }
    } catch (error) {
      if (!this.closing) this.options.log.error({ err: error }, "sealing or merging failed; it is tried again later");
    }
    // With nothing awaited since it was found that nothing is left: what comes from now on begins anew.
    ended();
  }

  private sealNext(): Promise<void> | undefined {
    const { isHurried, sealer, helper } = this.options;
    // What the helper may be at for long holds up no sealing.
    const isBehind = isHurried() || this.full.length > SEALED_ALONE_MAX;
    const workers = isBehind && helper.jobs === 0 ? [sealer, helper] : [sealer];
    const first = this.full.slice(0, workers.length);
    return first.length === 0 ? undefined : this.sealFirst(first, workers);
  }

  /** Side by side, as many as there are workers; each becomes real in its turn. */
  private async sealFirst(generations: readonly Generation[], workers: readonly Background[]): Promise<void> {
    const start = this.options.env.monotonic();
    const jobs = generations.map((generation, i) => this.sealOne(generation, workers[i] as Background));
    // Whether it failed is asked when it is its turn.
    for (const job of jobs) job.catch(() => undefined);
    for (const job of jobs) {
      const { generation, size, made } = await job;
      if (!this.closing) await this.exclusive(() => this.sealed(generation, made));
      this.options.onSealed(size * jobs.length, this.options.env.monotonic() - start);
      if (!this.closing) this.full.shift();
      this.wake();
      this.startMerging();
    }
  }

  private async sealOne(
    generation: Generation,
    worker: Background,
  ): Promise<{ readonly generation: Generation; readonly size: number; readonly made: readonly NewSegment[] }> {
    const { folder, isHurried, sealer } = this.options;
    const blocks = new Float64Array(generation.blocks.length * 3);
    let size = 0;
    generation.blocks.forEach(({ position, bytes, arrived }, i) => {
      blocks.set([position, bytes, arrived], i * 3);
      size = Math.max(size, position + bytes);
    });
    const made =
      blocks.length === 0
        ? []
        : await worker.run({
            kind: "seal",
            folder,
            journal: generation.number,
            size,
            blocks,
            nextSegment: this.takeNumbers(SEAL_NUMBERS),
            // Others wait: packing is for later, when runs are merged; unless a peer waits for packed ones.
            packed: this.full.length < (isHurried() ? JOURNALS_IN_BALANCE : 2),
            more: worker === sealer && this.full.length > 1,
          });
    return { generation, size, made };
  }

  private async sealed(generation: Generation, made: readonly NewSegment[]): Promise<void> {
    const { catalog, log } = this.options;
    await this.become({
      ...this.manifest,
      segments: [...this.manifest.segments, ...made.map(({ number }) => number)],
      nextSegment: this.nextNumber,
      sealedJournal: generation.number,
      lastCommit: Math.max(this.manifest.lastCommit, generation.lastCommit),
      expired: withoutRuns(
        this.manifest.expired,
        made.flatMap((segment) => segment.runs),
      ),
    });
    const runs = made.flatMap((segment) => this.install(segment));
    const touched = new Set(generation.blocks.map((block) => block.log));
    const byLog = new Map<OriginLog, Run[]>();
    for (const run of runs) byLog.set(run.log, [...(byLog.get(run.log) ?? []), run]);
    for (const origin of touched) {
      const own = byLog.get(origin) ?? [];
      origin.replace((piece) => piece.generation === generation, own.map(pieceOf));
      const lost = origin.missing(0, origin.next);
      if (lost.length > 0) {
        log.error(
          { stream: origin.stream.name, origin: origin.origin, lost },
          "damage in the journal: records are lost",
        );
      }
    }
    catalog.dropGeneration(generation);
    await this.removeLater(journalName(generation.number), [], (name) => this.options.spares.keep(name));
    const healed = [...touched].flatMap((one) => one.stream.runs.filter((run) => run.log === one && isHealed(run)));
    if (healed.length > 0) await this.swap(healed, []);
  }

  private mergeNext(): Promise<void> | undefined {
    const { catalog, compacted, isHurried } = this.options;
    const { all } = catalog.streams;
    // Sealing goes first, and what peers wait for, as long as no topic is spread over too many runs.
    const hasTime = this.full.length < 2 && (this.idlers > 0 || !isHurried());
    if (!hasTime && !all.some(({ runs }) => runs.length >= UNMERGED_RUNS_MAX)) return undefined;
    const choice = chooseMerge(all, compacted) ?? (this.full.length === 0 ? choosePacking(all) : undefined);
    return choice === undefined ? undefined : this.merge(choice);
  }

  /** Packs a run that was sealed in a hurry now: somebody waits for it. */
  pack(run: Run): Promise<void> {
    const { helper, merger, sealer } = this.options;
    // Not the merger as long as the sealer has nothing to do: each thread that packs has to warm up first.
    const other = this.sealing === undefined ? sealer : merger;
    return this.merge({ runs: [[run]], compact: false }, other.jobs < helper.jobs ? other : helper);
  }

  private async merge({ runs, compact }: MergeChoice, worker: Background = this.options.merger): Promise<void> {
    const { folder, disk } = this.options;
    const number = this.takeNumbers(1);
    const [made] = await worker.run({
      kind: "merge",
      folder,
      groups: runs.map((group) => group.map((run) => ({ segment: run.segment.number, meta: metaOf(run) }))),
      segment: number,
      packed: true,
      compact,
    });
    if (this.closing || made === undefined) return;
    await this.exclusive(async () => {
      const gone = runs.flat();
      // Some may have expired meanwhile, or turned out to be damaged.
      if (gone.every((run) => !run.damaged && run.log.stream.runs.includes(run))) {
        await this.swap(gone, [made], withoutRuns(this.manifest.expired, made.runs));
      } else await disk.remove(join(folder, segmentName(number)));
    });
  }

  private takeNumbers(count: number): number {
    const number = this.nextNumber;
    this.nextNumber += count;
    return number;
  }

  /** A number for a segment that is about to be written. */
  takeNumber(): number {
    return this.takeNumbers(1);
  }

  /** Takes in a segment with one run that another site made: it counts from now on. */
  async receive(made: NewSegment): Promise<void> {
    await this.become({
      ...this.manifest,
      segments: [...this.manifest.segments, made.number],
      nextSegment: this.nextNumber,
    });
    for (const run of this.install(made)) {
      run.log.replace(() => false, [pieceOf(run)]);
    }
    this.startMerging();
  }

  /** Drops runs, and puts new segments in their place; one step, whatever happens. */
  async swap(
    gone: readonly Run[],
    made: readonly NewSegment[],
    expired: Manifest["expired"] = this.manifest.expired,
  ): Promise<void> {
    const keys = new Set(gone.map(keyOf));
    const dead = new Set([...this.manifest.dead, ...keys]);
    const emptied = new Set<Segment>();
    for (const { segment } of gone) {
      if (segment.runs.every((run) => dead.has(keyOf(run)))) emptied.add(segment);
    }
    const numbers = new Set([...emptied].map(({ number }) => number));
    for (const key of dead) if (numbers.has(Number.parseInt(key, 10))) dead.delete(key);
    await this.become({
      ...this.manifest,
      segments: [...this.manifest.segments.filter((n) => !numbers.has(n)), ...made.map(({ number }) => number)],
      nextSegment: this.nextNumber,
      dead: [...dead],
      damaged: this.manifest.damaged.filter((key) => !keys.has(key)),
      expired,
    });
    const { catalog } = this.options;
    for (const run of gone) catalog.removeRun(run);
    const pieces = new Map<OriginLog, Piece[]>();
    const put = (origin: OriginLog, piece: Piece): void =>
      void pieces.set(origin, [...(pieces.get(origin) ?? []), piece]);
    const fresh = made.flatMap((segment) => this.install(segment));
    for (const run of fresh) put(run.log, pieceOf(run));
    const goneRuns = new Set(gone);
    for (const origin of new Set(gone.map(({ log }) => log))) {
      origin.replace(({ run }) => run !== undefined && goneRuns.has(run), pieces.get(origin) ?? []);
    }
    for (const stream of new Set(gone.map(({ log }) => log.stream))) {
      const notes = expired[stream.name];
      if (notes !== undefined) placeGaps(stream, notes);
    }
    const left = [...emptied];
    for (const { number } of left) catalog.segments.delete(number);
    const removeSome = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        await this.removeLater(segmentName(next.number), next.runs);
      }
    };
    await Promise.all(Array.from({ length: REMOVED_AT_ONCE }, removeSome));
  }

  /** Drops these runs for good: a gap remains of each (R6). */
  expire(runs: readonly Run[]): Promise<void> {
    return this.swap(runs, [], withExpired(this.manifest.expired, runs));
  }

  /** Drops seqs [from, to) of runs, `kept` in the place of what stays of them: a gap remains that may be filled. */
  setAside(runs: readonly Run[], kept: readonly NewSegment[], from: number, to: number): Promise<void> {
    const gaps = runs.map(
      ({ stream, origin, ...run }) =>
        ({ stream, origin, from: Math.max(run.from, from), to: Math.min(run.to, to), reason: "missed" }) as GapNote,
    );
    return this.swap(runs, kept, withGaps(this.manifest.expired, gaps));
  }

  /** Remembers that these records are not here. */
  noteGaps(gaps: readonly GapNote[]): Promise<void> {
    return this.become({ ...this.manifest, expired: withGaps(this.manifest.expired, gaps) });
  }

  /** Remembers that a run is damaged, and that what it held is lacking until a peer sends it again. */
  async markDamaged(run: Run): Promise<void> {
    const key = keyOf(run);
    if (this.manifest.damaged.includes(key) || !run.log.stream.runs.includes(run)) return;
    const { from, to, log } = run;
    const gaps = log.fillable(from, to).map(([start, end]) => damagedNote(log, start, end));
    await this.become({
      ...this.manifest,
      damaged: [...this.manifest.damaged, key],
      expired: withGaps(this.manifest.expired, gaps),
    });
  }

  private async become(manifest: Manifest): Promise<void> {
    await writeManifest(this.options.disk, this.options.folder, manifest);
    this.manifest = manifest;
  }

  private install(made: NewSegment): Run[] {
    const { catalog } = this.options;
    const segment = segmentOf(made, catalog);
    catalog.addSegment(segment);
    return segment.runs;
  }

  private async removeLater(
    name: string,
    runs: readonly Run[],
    remove = (file: string): Promise<void> => this.options.disk.remove(join(this.options.folder, file)),
  ): Promise<void> {
    const { forget, readers } = this.options;
    await readers();
    await forget(name, runs);
    await remove(name).catch((error: unknown) => {
      this.options.log.warn({ err: error, name }, "a file that is no longer needed could not be removed");
    });
  }
}

export function segmentOf(made: NewSegment, catalog: Catalog): Segment {
  const segment: Segment = { number: made.number, bytes: made.bytes, runs: [] };
  for (const meta of made.runs) {
    const log = catalog.streams.forWriting(meta.stream).log(meta.origin);
    segment.runs.push({ ...meta, segment, log, damaged: false });
  }
  return segment;
}

export function pieceOf(run: Run): Piece {
  return { start: run.from, end: run.to, run };
}

/** All that a damaged run held is here again. */
export function isHealed({ damaged, log, from, to }: Run): boolean {
  return damaged && log.missing(from, to).length === 0 && log.fillable(from, to).length === 0;
}

export function damagedNote({ stream, origin }: OriginLog, from: number, to: number): GapNote {
  return { stream: stream.name, origin, from: from as Seq, to: to as Seq, reason: "damaged" };
}

export function keyOf(run: Run): string {
  return `${run.segment.number}:${run.begin}`;
}
