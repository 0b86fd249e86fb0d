import { join } from "node:path";
import { DIGEST_READ_BYTES } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
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
  /** What it reads stays until the work is done. The work must wait for nothing that changes files. */
  readonly reading: <T>(work: Promise<T>) => Promise<T>;
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
      const [begin] = (await this.standingAgain(state, former, true)) ?? [Infinity];
      if (from >= former.next || begin <= from) return;
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
    if (state === undefined || ![...state.logs.keys()].some((other) => areOfOneNode(origin, other))) return false;
    try {
      return (await this.twinsOf(state, origin, record)).length > 0;
    } catch (error) {
      // What is damaged here is what peers send again: it must not be in its own way.
      if (isLandfallError(error, "CORRUPT_BLOCK")) return false;
      throw error;
    }
  }

  async setAside(stream: StreamName, origin: OriginId, isForked: boolean): Promise<Hole | undefined> {
    const { catalog, identity, gapKeeper } = this.options;
    const state = catalog.streams.get(stream);
    const log = state?.logs.get(origin);
    if (state === undefined || log === undefined || origin === identity.origin) return undefined;
    const part = await this.options.reading(this.standingAgain(state, log, isForked));
    if (part === undefined) return undefined;
    const [from, to] = part;
    for (let tries = 1; !(await this.giveUp(log, from, to)); tries++) {
      if (tries === TRIES_MAX)
        throw new LandfallError("OVERLOADED", `${stream}: runs of ${origin} change all the time`);
    }
    gapKeeper.changed(log);
    return { from: from as Seq, to: to as Seq, reason: "missed" };
  }

  /** Seqs [from, to) of which what is here stands under a later origin, too; undefined for none. */
  private async standingAgain(
    state: StreamState,
    log: OriginLog,
    isForked: boolean,
  ): Promise<[number, number] | undefined> {
    for (const copy of state.logs.values()) {
      if (!areOfOneNode(log.origin, copy.origin)) continue;
      const shift = await this.shiftOf(state, log, copy);
      const part = shift === undefined || (shift === 0 && !isForked) ? undefined : await this.sameIn(log, shift, copy);
      if (part !== undefined) return part;
    }
    return undefined;
  }

  /** By how much numbers differ between an origin and the one under which its records may stand again: told by one of them. */
  private async shiftOf(state: StreamState, log: OriginLog, copy: OriginLog): Promise<number | undefined> {
    for (const [of, other, sign] of [
      [copy, log, 1],
      [log, copy, -1],
    ] as const) {
      const seq = of === copy ? 0 : lastOf(of);
      const [record] = await this.options.log.origin(of, seq, 1);
      if (record?.seq !== seq) continue;
      const twin = (await this.twinsOf(state, of.origin, record)).find(({ origin }) => origin === other.origin);
      const shift = twin === undefined ? -1 : sign * (twin.seq - seq);
      if (shift >= 0) return shift;
    }
    return undefined;
  }

  private async twinsOf(state: StreamState, origin: OriginId, record: OriginRecord): Promise<StoredRecord[]> {
    const { topic, offset } = record;
    const query = { fromOffset: offset, toOffset: (offset + 1) as Offset, limit: TWINS_MAX };
    const found = await this.options.topics.read(state, topic, query);
    return found.filter((other) => areOfOneNode(origin, other.origin) && isTwin(record, other));
  }

  /** The first stretch of the log in which each record that is here is that of the copy, with the number that is `shift` less. */
  private async sameIn(log: OriginLog, shift: number, copy: OriginLog): Promise<[number, number] | undefined> {
    const { log: reader } = this.options;
    let part: [number, number] | undefined;
    for (let at = 0; at < copy.next && shift + at < log.next;) {
      const records: StoredRecord[] = await reader.origin(log, shift + at, DIGEST_READ_BYTES);
      if (records.length === 0) {
        const hole = await reader.hole(log, shift + at);
        if (hole === undefined) break;
        at = hole.to - shift;
        continue;
      }
      for (const record of records.slice(0, copy.next - at)) {
        if (await this.isSame(copy, at, record)) part = [part?.[0] ?? record.seq, record.seq + 1];
        else if (part !== undefined) return part;
        at++;
      }
    }
    return part;
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
  private async giveUp(log: OriginLog, from: number, to: number): Promise<boolean> {
    const { disk, folder, maintenance, transfers, sealed } = this.options;
    await sealed();
    if (log.hasUnsealed(from, to)) {
      throw new LandfallError("DISK_FAILED", `${log.stream.name}: what is to be given up could not be sealed`);
    }
    const runs = runsIn(log, from, to);
    const kept: NewSegment[] = [];
    for (const run of runs) {
      const parts = [...(run.from < from ? [{ before: from }] : []), ...(run.to > to ? [{ after: to }] : [])];
      for (const part of parts) {
        const made = await transfers.cut(run, maintenance.takeNumber(), part);
        if (made !== undefined) kept.push(made);
      }
    }
    const isDone = await maintenance.exclusive(async () => {
      const now = runsIn(log, from, to);
      const isSame = now.length === runs.length && now.every((run) => runs.includes(run));
      if (log.hasUnsealed(from, to) || !isSame) return false;
      await maintenance.setAside(runs, kept, from, to);
      return true;
    });
    if (!isDone) for (const { number } of kept) await disk.remove(join(folder, segmentName(number)));
    return isDone;
  }
}

function runsIn(log: OriginLog, from: number, to: number): Run[] {
  return log.stream.runs.filter((run) => run.log === log && run.to > from && run.from < to && !run.damaged);
}

/** The last seq that is here; -1 for none. */
function lastOf(log: OriginLog): number {
  let end = log.next;
  for (const { from, to } of log.holes().reverse()) if (to === end) end = from;
  return end - 1;
}

/** The same record, but for the number that its origin gave it. */
function isTwin(a: OriginRecord, b: OriginRecord): boolean {
  return (
    a.topic === b.topic &&
    a.offset === b.offset &&
    a.timestamp === b.timestamp &&
    a.received === b.received &&
    Buffer.compare(a.value, b.value) === 0 &&
    headersOf(a) === headersOf(b)
  );
}

function headersOf({ headers }: OriginRecord): string {
  const names = Object.keys(headers).sort();
  return JSON.stringify(names.map((name) => [name, headers[name]]));
}

/** Two origins under which the same node has appended, at different times. */
function areOfOneNode(one: OriginId, other: OriginId): boolean {
  return one !== other && nodeOfOrigin(one) === nodeOfOrigin(other);
}
