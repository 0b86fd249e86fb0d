import { isLandfallError } from "../../src/model/errors.js";
import { FOREIGN } from "../../testing/store-fixture.js";
import { foreignRecords, idOf, recordFor } from "./crash-record.js";
import type { OriginId, StreamName } from "../../src/model/names.js";
import type { Cursor, StoredRecord } from "../../src/model/record.js";
import type { Appended, Batch } from "../../src/store/store.js";
import type { Gap } from "../../src/model/gap.js";
import type { EmbeddedStore } from "../../src/store/embedded-store.js";
import type { RecordId } from "./crash-record.js";

const PAGE = 10_000;
/** A damaged place is reported once and passed over from then on; more than this many would be an endless loop. */
const DAMAGED_READS_MAX = 100;

type Place = Pick<Appended, "seq" | "offset" | "received">;

/** Remembers over all lives of a store what was acknowledged and what was shown, and holds the store to it. */
export class Oracle {
  private readonly acknowledged = new Map<string, { readonly content: string; readonly received: number }>();
  private readonly shown = new Map<string, StoredRecord>();

  acknowledge(stream: StreamName, origin: OriginId, appended: readonly Appended[], ids: readonly RecordId[]): void {
    appended.forEach((one, i) => this.noteAcknowledged(stream, origin, one, ids[i] as RecordId));
  }

  noteAcknowledged(stream: StreamName, origin: OriginId, { seq, offset, received }: Place, id: RecordId): void {
    const key = `${stream} ${origin} ${seq}`;
    must(!this.acknowledged.has(key), () => `${key} was given twice`);
    this.acknowledged.set(key, { content: `${offset} ${id}`, received });
  }

  /** A peer's batch may be acknowledged again and again. */
  acknowledgeBatch({ stream, origin, records }: Batch): void {
    for (const { seq, offset, received, value } of records) {
      this.acknowledged.set(`${stream} ${origin} ${seq}`, { content: `${offset} ${idOf(value)}`, received });
    }
  }

  /**
   * Nothing acknowledged or shown is lost, but for what has expired; nothing is invented, changed, twice or in another order.
   * @param expiredBefore records received before this may have expired, and then a gap says so
   */
  async check(store: EmbeddedStore, expiredBefore = Number.NEGATIVE_INFINITY): Promise<void> {
    const here = await this.readAll(store, false);
    this.checkContents(here);
    const isGap = (key: string, received: number): boolean => {
      const [stream, origin, seq] = key.split(" ") as [StreamName, OriginId, string];
      return received < expiredBefore && isIn(store.gaps(stream), origin, Number(seq));
    };
    for (const [key, { content, received }] of this.acknowledged) {
      const found = here.get(key);
      if (found === undefined && isGap(key, received)) continue;
      const is = found === undefined ? "lost" : `${found.offset} ${idOf(found.value)}`;
      must(is === content, () => `${key} is ${is}, but ${content} was acknowledged`);
    }
    for (const [key, { received }] of this.shown) {
      must(here.has(key) || isGap(key, received), () => `${key} was shown and is lost`);
    }
    for (const [key, record] of here) this.shown.set(key, record);
    if (expiredBefore === Number.NEGATIVE_INFINITY) checkWhole(here);
    checkNumbers(store, here);
    await checkTopics(store, here);
  }

  /** After damage: whatever is still served is what it was. Damaged places are refused, one after the other. */
  async checkDamaged(store: EmbeddedStore): Promise<void> {
    const here = await this.readAll(store, true);
    this.checkContents(here);
    for (const key of here.keys()) must(this.shown.has(key), () => `${key} was never shown`);
  }

  /** Plays the peer that holds everything: sends what the store lacks. */
  async heal(store: EmbeddedStore): Promise<void> {
    const logs = new Map<string, StoredRecord[]>();
    for (const record of this.shown.values()) {
      const key = `${record.stream} ${record.origin}`;
      logs.set(key, [...(logs.get(key) ?? []), record]);
    }
    for (const records of logs.values()) {
      records.sort((a, b) => a.seq - b.seq);
      const [{ stream, origin, seq: firstSeq }] = records as [StoredRecord];
      await store.apply({ stream, origin, firstSeq, records });
    }
  }

  private checkContents(here: ReadonlyMap<string, StoredRecord>): void {
    const ids = new Set<string>();
    for (const [key, record] of here) {
      const { stream, origin, seq, topic, timestamp, headers, value } = record;
      const id = idOf(value);
      const given = origin === FOREIGN ? foreignRecords(stream, seq, 1).records[0] : recordFor(stream, id);
      must(
        given !== undefined &&
          topic === given.topic &&
          timestamp === given.timestamp &&
          JSON.stringify(headers) === JSON.stringify(given.headers) &&
          Buffer.compare(value, given.value) === 0,
        () => `${key} is not what was appended`,
      );
      must(!ids.has(`${stream} ${id}`), () => `${id} is twice in ${stream}`);
      ids.add(`${stream} ${id}`);
      const before = this.shown.get(key);
      const isSame = before === undefined || (before.offset === record.offset && before.received === record.received);
      must(isSame, () => `${key} has changed`);
    }
  }

  private async readAll(store: EmbeddedStore, isDamaged: boolean): Promise<Map<string, StoredRecord>> {
    const here = new Map<string, StoredRecord>();
    for (const stream of store.streams()) {
      let cursor: Cursor | undefined;
      for (let refusals = 0; ;) {
        const read = await store.readStream(stream, cursor, PAGE).catch((error: unknown) => {
          if (!isDamaged || !isLandfallError(error, "CORRUPT_BLOCK")) throw error;
          return undefined;
        });
        // Own records that are damaged are refused again and again, until the folder is opened under a new origin.
        if (read === undefined && ++refusals < DAMAGED_READS_MAX) continue;
        if (read === undefined || read.records.length === 0) break;
        ({ cursor } = read);
        for (const record of read.records) here.set(`${stream} ${record.origin} ${record.seq}`, record);
      }
    }
    return here;
  }
}

/** S1: of an append, all records are there, one after the other, or none. */
function checkWhole(here: ReadonlyMap<string, StoredRecord>): void {
  const firsts = new Map<string, { first: number; count: number; size: number }>();
  for (const { stream, origin, seq, value } of here.values()) {
    const [run, append, index, size] = idOf(value).split(".") as [string, string, string, string];
    const first = seq - Number(index);
    const entry = firsts.get(`${stream} ${origin} ${run}.${append}`) ?? { first, count: 0, size: Number(size) };
    must(first === entry.first, () => `${run}.${append} is not in one piece`);
    entry.count++;
    firsts.set(`${stream} ${origin} ${run}.${append}`, entry);
  }
  for (const [append, { count, size }] of firsts) must(count === size, () => `${append}: ${count} of ${size} are here`);
}

/** S2: seqs run from 0 to the vector, but for gaps. */
function checkNumbers(store: EmbeddedStore, here: ReadonlyMap<string, StoredRecord>): void {
  for (const stream of store.streams()) {
    const gaps = store.gaps(stream);
    for (const [origin, next] of Object.entries(store.vector(stream))) {
      for (let seq = 0; seq < next; seq++) {
        const isGap = isIn(gaps, origin as OriginId, seq);
        const isHere = here.has(`${stream} ${origin} ${seq}`);
        must(isHere !== isGap, () => `${stream} ${origin} ${seq}: here ${isHere}, in a gap ${isGap}`);
      }
    }
  }
}

/** O1, O3: a topic is its records in the order of (offset, origin); of one origin that is the order of seqs. */
async function checkTopics(store: EmbeddedStore, here: ReadonlyMap<string, StoredRecord>): Promise<void> {
  const topics = new Map<string, StoredRecord[]>();
  for (const record of here.values()) {
    const key = `${record.stream} ${record.topic}`;
    topics.set(key, [...(topics.get(key) ?? []), record]);
  }
  const place = ({ offset, origin, seq }: StoredRecord): string => `${offset} ${origin} ${seq}`;
  for (const records of topics.values()) {
    const [{ stream, topic }] = records as [StoredRecord];
    records.sort((a, b) => a.offset - b.offset || (a.origin < b.origin ? -1 : 1));
    const read = await store.readTopic(stream, topic, { limit: PAGE });
    must(
      read.map(place).join() === records.map(place).join(),
      () => `${stream}:${topic} is not in the order of (offset, origin)`,
    );
    const last = new Map<string, number>();
    for (const { origin, seq } of read) {
      must(seq > (last.get(origin) ?? -1), () => `${stream}:${topic}: seq ${seq} of ${origin} is out of order`);
      last.set(origin, seq);
    }
  }
}

function isIn(gaps: readonly Gap[], origin: OriginId, seq: number): boolean {
  return gaps.some((gap) => gap.origin === origin && gap.from <= seq && seq < gap.to);
}

/** Like `expect`, for millions of checks. */
function must(holds: boolean, message: () => string): void {
  if (!holds) throw new Error(message());
}
