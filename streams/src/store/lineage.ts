import { join } from "node:path";
import { DIGEST_READ_BYTES } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { nodeOfOrigin, type OriginId, type StreamName } from "../model/names.js";
import { segmentName, type Run } from "./segment-format.js";
import type { Hole } from "../model/gap.js";
import type { Offset, OriginRecord, Seq, StoredRecord } from "../model/record.js";
import type { Catalog } from "./catalog.js";
import type { Disk } from "./disk.js";
import type { GapKeeper } from "./gap-keeper.js";
import type { IdentityKeeper } from "./identity-keeper.js";
import type { LogReader } from "./log-reader.js";
import type { Maintenance } from "./maintenance.js";
import type { OriginLog } from "./origin-log.js";
import type { NewSegment } from "./seal.js";
import type { SealedTransfers } from "./sealed-transfers.js";
import type { Batch } from "./store.js";
import type { StreamState } from "./stream-state.js";
import type { TopicReader } from "./topic-reader.js";

export interface LineageOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly catalog: Catalog;
  readonly identity: IdentityKeeper;
  readonly maintenance: Maintenance;
  readonly transfers: SealedTransfers;
  readonly gapKeeper: GapKeeper;
  readonly log: LogReader;
  readonly topics: TopicReader;
  readonly apply: (batch: Batch) => Promise<void>;
  /** Until all that is in journals by now is sealed. */
  readonly sealed: () => Promise<void>;
}

/** Twins of one offset that are looked at: there is one for each time that a folder was restored. */
const TWINS_MAX = 16;

/** Runs may be merged while one of them is cut. */
const TRIES_MAX = 8;

/**
 * What becomes of records whose numbers were given twice, because a folder was restored (docs/adr/0014). Where they
 * were written they are appended again, under an origin of their own; wherever they stand under both, the former place is
 * given up, so that it can be filled with what others know under these numbers.
 */
export class Lineage {
  constructor(private readonly options: LineageOptions) {}

  async appendAgain(stream: StreamName, origin: OriginId, from: Seq): Promise<void> {
    const { catalog, identity, log: reader, apply, gapKeeper } = this.options;
    if (origin === identity.origin || nodeOfOrigin(origin) !== nodeOfOrigin(identity.origin)) {
      throw new LandfallError("INVALID_ARGUMENT", `${origin} is no former origin of ${identity.origin}`);
    }
    const state = catalog.streams.get(stream);
    const former = state?.logs.get(origin);
    if (state === undefined || former === undefined) return;
    if (identity.again(stream, origin) === undefined) {
      // Also when the identity was lost meanwhile, and with it what was written down.
      const already = await this.standsAgainFrom(state, former);
      if (from >= former.next || (already !== undefined && already <= from)) return;
    }
    const { from: first, to, as } = await identity.beginAgain(stream, origin, from, former.next);
    const copy = state.log(as);
    // Record by record in the same places: what is there of the copy says how far it is.
    for (let next = copy.next; next < to - first; next = copy.next) {
      const seq = first + next;
      const read = await reader.origin(former, seq, DIGEST_READ_BYTES);
      const records = read.slice(0, to - seq).map((record, i) => ({ ...record, seq: (next + i) as Seq }));
      if (records.length > 0) {
        await apply({ stream, origin: as, firstSeq: next as Seq, records });
        continue;
      }
      const hole = await reader.hole(former, seq);
      if (hole === undefined) throw new LandfallError("CORRUPT_BLOCK", `${stream}: ${origin} ends at seq ${seq}`);
      const end = (Math.min(hole.to, to) - first) as Seq;
      await gapKeeper.note(state, as, { from: next as Seq, to: end, reason: hole.reason });
    }
  }

  /** Whether a record, which is said to be of this origin, stands here under a later origin of the same node. */
  async standsAgain(stream: StreamName, origin: OriginId, record: OriginRecord): Promise<boolean> {
    const state = this.options.catalog.streams.get(stream);
    return state !== undefined && (await this.twinsOf(state, origin, record)).length > 0;
  }

  async setAside(stream: StreamName, origin: OriginId): Promise<Hole | undefined> {
    const { catalog, identity, gapKeeper } = this.options;
    const state = catalog.streams.get(stream);
    const log = state?.logs.get(origin);
    if (state === undefined || log === undefined || origin === identity.origin) return undefined;
    const from = await this.standsAgainFrom(state, log);
    if (from === undefined) return undefined;
    const to = log.next as Seq;
    for (let tries = 1; !(await this.giveUp(log, from)); tries++) {
      if (tries === TRIES_MAX)
        throw new LandfallError("OVERLOADED", `${stream}: runs of ${origin} change all the time`);
    }
    gapKeeper.changed(log);
    return { from: from as Seq, to, reason: "missed" };
  }

  /** The first seq from which on all that is here of the origin stands under a later one, too. */
  private async standsAgainFrom(state: StreamState, log: OriginLog): Promise<number | undefined> {
    let end = log.next;
    for (const { from, to } of log.holes().reverse()) if (to === end) end = from;
    const [last] = end === 0 ? [] : await this.options.log.origin(log, end - 1, 1);
    if (last === undefined) return undefined;
    for (const twin of await this.twinsOf(state, log.origin, last)) {
      const from = end - 1 - twin.seq;
      const copy = state.logs.get(twin.origin);
      if (from >= 0 && copy !== undefined && (await this.isCopy(log, from, copy, twin.seq + 1))) return from;
    }
    return undefined;
  }

  private async twinsOf(state: StreamState, origin: OriginId, record: OriginRecord): Promise<StoredRecord[]> {
    const { topic, offset } = record;
    const query = { fromOffset: offset, toOffset: (offset + 1) as Offset, limit: TWINS_MAX };
    const found = await this.options.topics.read(state, topic, query);
    const isOther = (other: StoredRecord): boolean =>
      other.origin !== origin && nodeOfOrigin(other.origin) === nodeOfOrigin(origin);
    return found.filter((other) => isOther(other) && isTwin(record, other));
  }

  /** Whether the first `count` records of `copy` are those of the log from this seq on; nothing is told by what is gone of it. */
  private async isCopy(log: OriginLog, from: number, copy: OriginLog, count: number): Promise<boolean> {
    const { log: reader } = this.options;
    for (let at = 0; at < count;) {
      const records: StoredRecord[] = await reader.origin(log, from + at, DIGEST_READ_BYTES);
      if (records.length === 0) {
        const hole = await reader.hole(log, from + at);
        if (hole === undefined) return false;
        at = hole.to - from;
        continue;
      }
      for (const record of records.slice(0, count - at)) if (!(await this.isSame(copy, at++, record))) return false;
    }
    return true;
  }

  private ahead: { readonly log: OriginLog; readonly records: readonly OriginRecord[] } | undefined;

  private async isSame(copy: OriginLog, seq: number, record: OriginRecord): Promise<boolean> {
    let other = this.ahead?.log === copy ? this.ahead.records.find((one) => one.seq === seq) : undefined;
    if (other === undefined) {
      this.ahead = { log: copy, records: await this.options.log.origin(copy, seq, DIGEST_READ_BYTES) };
      [other] = this.ahead.records;
    }
    return other?.seq === seq && isTwin(record, other);
  }

  /** False when it has to be tried again, because runs were merged meanwhile. */
  private async giveUp(log: OriginLog, from: number): Promise<boolean> {
    const { disk, folder, maintenance, transfers, sealed } = this.options;
    await sealed();
    if (log.hasUnsealed(from)) {
      throw new LandfallError("DISK_FAILED", `${log.stream.name}: what is to be given up could not be sealed`);
    }
    const isCut = (run: Run): boolean => run.from < from && run.to > from;
    const [cut] = this.runsFrom(log, from).filter(isCut);
    let kept: NewSegment | undefined;
    if (cut !== undefined) kept = await transfers.cut(cut, maintenance.takeNumber(), { before: from });
    const isDone = await maintenance.exclusive(async () => {
      const runs = this.runsFrom(log, from);
      if (log.hasUnsealed(from) || runs.find(isCut) !== cut || (cut !== undefined && kept === undefined)) return false;
      await maintenance.setAside(runs, kept === undefined ? [] : [kept], from);
      return true;
    });
    if (!isDone && kept !== undefined) await disk.remove(join(folder, segmentName(kept.number)));
    return isDone;
  }

  private runsFrom(log: OriginLog, from: number): Run[] {
    return log.stream.runs.filter((run) => run.log === log && run.to > from && !run.damaged);
  }
}

/** The same record, but for the number that its origin gave it. */
function isTwin(a: OriginRecord, b: OriginRecord): boolean {
  return (
    a.topic === b.topic &&
    a.offset === b.offset &&
    a.timestamp === b.timestamp &&
    a.received === b.received &&
    Buffer.compare(a.value, b.value) === 0 &&
    JSON.stringify(Object.entries(a.headers).sort()) === JSON.stringify(Object.entries(b.headers).sort())
  );
}
