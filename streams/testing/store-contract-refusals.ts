import { describe, expect, it } from "vitest";
import {
  APPEND_BYTES_MAX,
  APPEND_RECORDS_MAX,
  HEADERS_BYTES_MAX,
  STREAM_NAME_CHARS_MAX,
  TOPIC_NAME_BYTES_MAX,
  VALUE_BYTES_MAX,
} from "../src/limits.js";
import { CONTAINERS, FOREIGN, foreignBatch, reading } from "./store-fixture.js";
import type { ErrorCode } from "../src/model/errors.js";
import type { OriginId, StreamName, TopicName } from "../src/model/names.js";
import type { Cursor, NewRecord, Offset, OriginRecord, Seq, TimestampMs } from "../src/model/record.js";
import type { StreamStore } from "../src/store/store.js";
import type { OpenSite } from "./store-contract.js";

type Call = (store: StreamStore) => Promise<unknown>;

const refusedWith = (code: ErrorCode): unknown => expect.objectContaining({ name: "LandfallError", code });
const refused = refusedWith("INVALID_ARGUMENT");

/** Between two good ones, so that keeping a part would show. */
const append =
  (bad: Partial<NewRecord>): Call =>
  (store) =>
    store.append(CONTAINERS, [reading("a", "good"), reading("a", "bad", bad), reading("a", "good")]);
const apply =
  (bad: Partial<OriginRecord>): Call =>
  (store) =>
    store.apply(foreignBatch(0, ["bad"], bad));
const appendTo =
  (stream: string): Call =>
  (store) =>
    store.append(stream as StreamName, [reading("a", "")]);
const noteGap =
  (origin: string, from: number, to: number, stream: string = CONTAINERS): Call =>
  (store) =>
    store.noteGap(stream as StreamName, origin as OriginId, { from: from as Seq, to: to as Seq, reason: "missed" });

const BIG = new Uint8Array(VALUE_BYTES_MAX + 1);

const WRITES: readonly [string, ErrorCode, Call][] = [
  ["an empty stream name", "INVALID_NAME", appendTo("")],
  ["a stream name with a capital", "INVALID_NAME", appendTo("Bigblue.containers")],
  ["a stream name that leaves its folder", "INVALID_NAME", appendTo("../containers")],
  ["a stream name that is too long", "INVALID_NAME", appendTo("x".repeat(STREAM_NAME_CHARS_MAX + 1))],
  ["an empty topic name", "INVALID_NAME", append({ topic: "" as TopicName })],
  ["a topic name with a space", "INVALID_NAME", append({ topic: "a b" as TopicName })],
  ["a topic name that is not ASCII", "INVALID_NAME", append({ topic: "ä" as TopicName })],
  [
    "a topic name that is too long",
    "INVALID_NAME",
    append({ topic: "x".repeat(TOPIC_NAME_BYTES_MAX + 1) as TopicName }),
  ],
  ["a value that is too large", "VALUE_TOO_LARGE", append({ value: BIG })],
  ["headers that are too large", "VALUE_TOO_LARGE", append({ headers: { a: "x".repeat(HEADERS_BYTES_MAX) } })],
  ["headers that are no text", "INVALID_ARGUMENT", append({ headers: { a: "\udc00" } })],
  ["a value that is no bytes", "INVALID_ARGUMENT", append({ value: "text" as unknown as Uint8Array })],
  ["a timestamp that is no number", "INVALID_ARGUMENT", append({ timestamp: Number.NaN as TimestampMs })],
  ["a timestamp of 2^53", "INVALID_ARGUMENT", append({ timestamp: (2 ** 53) as TimestampMs })],
  [
    "more records than fit an append",
    "INVALID_ARGUMENT",
    (store) =>
      store.append(
        CONTAINERS,
        Array.from({ length: APPEND_RECORDS_MAX + 1 }, () => reading("a", "")),
      ),
  ],
  [
    "more bytes than fit an append",
    "INVALID_ARGUMENT",
    (store) => {
      const value = new Uint8Array(VALUE_BYTES_MAX);
      const count = APPEND_BYTES_MAX / VALUE_BYTES_MAX + 1;
      return store.append(
        CONTAINERS,
        Array.from({ length: count }, () => reading("a", "", { value })),
      );
    },
  ],
  ["another's topic without a name", "INVALID_NAME", apply({ topic: "" as TopicName })],
  ["another's value that is too large", "VALUE_TOO_LARGE", apply({ value: BIG })],
  ["another's offset below 0", "INVALID_ARGUMENT", apply({ offset: -1 as Offset })],
  ["another's offset that is no number", "INVALID_ARGUMENT", apply({ offset: Number.NaN as Offset })],
  ["another's offset near 2^53", "CLOCK_REFUSED", apply({ offset: (2 ** 53 - 1024) as Offset })],
  ["another's offset of 2^53", "INVALID_ARGUMENT", apply({ offset: (2 ** 53) as Offset })],
  ["another's seq that does not follow", "INVALID_ARGUMENT", apply({ seq: 5 as Seq })],
  [
    "another's offset that was given before",
    "PROTOCOL_ERROR",
    (store) => store.apply(foreignBatch(0, ["a", "b"], { offset: 1024 as Offset })),
  ],
  ["a batch below seq 0", "INVALID_ARGUMENT", (store) => store.apply(foreignBatch(-1, ["a"]))],
  ["a batch beyond the end", "SEQ_GAP", (store) => store.apply(foreignBatch(1, ["a"]))],
  ["a bad origin", "INVALID_NAME", (store) => store.apply({ ...foreignBatch(0, ["a"]), origin: "x" as OriginId })],
  [
    "records of its own that it never wrote",
    "PROTOCOL_ERROR",
    (store) => store.apply({ ...foreignBatch(1, ["a"]), origin: store.origin }),
  ],
  ["a gap of a bad origin", "INVALID_NAME", noteGap("x", 0, 1)],
  ["a gap in a bad stream", "INVALID_NAME", noteGap(FOREIGN, 0, 1, "a b")],
  ["a gap below seq 0", "INVALID_ARGUMENT", noteGap(FOREIGN, -1, 1)],
  ["a gap that ends before it begins", "INVALID_ARGUMENT", noteGap(FOREIGN, 0, 0)],
  ["a gap to 2^53", "INVALID_ARGUMENT", noteGap(FOREIGN, 0, 2 ** 53)],
  ["a gap beyond the end", "SEQ_GAP", noteGap(FOREIGN, 1, 2)],
];

/** No record can have such a number. */
const IMPOSSIBLE = [-1, 0.5, Number.NaN, Infinity, 2 ** 53];

const READS: Record<string, (store: StreamStore, wrong: number) => unknown> = {
  "readTopic from": (store, wrong) =>
    store.readTopic(CONTAINERS, topic("a"), { limit: 1, fromOffset: wrong as Offset }),
  "readTopic to": (store, wrong) => store.readTopic(CONTAINERS, topic("a"), { limit: 1, toOffset: wrong as Offset }),
  "readTopic limit": (store, wrong) => store.readTopic(CONTAINERS, topic("a"), { limit: wrong }),
  "readStream limit": (store, wrong) => store.readStream(CONTAINERS, undefined, wrong),
  "readStream cursor": (store, wrong) => store.readStream(CONTAINERS, { v: 1, next: { [store.origin]: wrong } }, 1),
  "topics limit": (store, wrong) => store.topics(CONTAINERS, { limit: wrong }),
  readOrigin: (store, wrong) => store.readOrigin(CONTAINERS, store.origin, wrong as Seq, 1000),
  holeAt: (store, wrong) => store.holeAt(CONTAINERS, store.origin, wrong as Seq),
};

function topic(name: string): TopicName {
  return name as TopicName;
}

function look(store: StreamStore): unknown {
  const { bytesOnDisk, commits, topics } = store.stats();
  const streams = store.streams().map((name) => [name, store.vector(name), store.gaps(name)]);
  return { bytesOnDisk, commits, topics, streams };
}

/** What comes in from outside and cannot be taken: a typed error, and nothing is touched. */
export function describeRefusals(openSite: OpenSite): void {
  describe("bad input", () => {
    it.each(WRITES)(
      "S1, O1, U2: %s is refused with %s, and nothing of that call is kept",
      async (_what, code, call) => {
        const site = await openSite();
        await site.store.append(CONTAINERS, [reading("a", "before")]);
        const before = look(site.store);
        await expect(call(site.store)).rejects.toEqual(refusedWith(code));
        expect(look(site.store)).toEqual(before);
        await site.reopen();
        expect(site.store.vector(CONTAINERS)).toEqual({ [site.store.origin]: 1 });
        const [next] = await site.store.append(CONTAINERS, [reading("a", "after")]);
        expect(next?.seq).toBe(1);
      },
    );

    it.each(Object.keys(READS))("U2: %s of a number that no record can have is refused", async (name) => {
      const { store } = await openSite();
      await store.append(CONTAINERS, [reading("a", "")]);
      for (const wrong of IMPOSSIBLE) {
        // An async function, so that a method that throws and one that rejects look the same.
        const call = async (): Promise<unknown> => READS[name]?.(store, wrong);
        await expect(call(), `${wrong}`).rejects.toEqual(refused);
      }
    });

    it("U2: times that cannot be compared are refused, and infinite ones are bounds like any other", async () => {
      const { store } = await openSite();
      await store.append(CONTAINERS, [reading("a", "")]);
      const count = async (fromTime: number, toTime: number): Promise<number> => {
        const bounds = { fromTime: fromTime as TimestampMs, toTime: toTime as TimestampMs };
        return (await store.readTopic(CONTAINERS, topic("a"), { limit: 9, ...bounds })).length;
      };
      await expect(count(Number.NaN, 0)).rejects.toEqual(refused);
      await expect(count(0, Number.NaN)).rejects.toEqual(refused);
      expect(await count(-Infinity, Infinity)).toBe(1);
      expect(await count(Infinity, -Infinity)).toBe(0);
    });

    it("O4: what is no cursor is refused", async () => {
      const { store } = await openSite();
      for (const bad of [{ v: 2, next: {} }, { v: 1 }, { v: 1, next: { [FOREIGN]: -1 } }, { v: 1, next: { a: "1" } }]) {
        await expect(store.readStream(CONTAINERS, bad as unknown as Cursor, 1)).rejects.toEqual(refused);
      }
    });

    it.each(["open", "reopened"])(
      "reads beyond the end, and of ranges without anything in them, find nothing (%s)",
      async (state) => {
        const site = await openSite();
        const [first, last] = await site.store.append(CONTAINERS, [reading("a", "1"), reading("a", "2")]);
        if (state === "reopened") await site.reopen();
        const { store } = site;
        const found = async (fromOffset: number, toOffset: number, reverse = false): Promise<number> => {
          const bounds = { fromOffset: fromOffset as Offset, toOffset: toOffset as Offset, reverse };
          return (await store.readTopic(CONTAINERS, topic("a"), { limit: 9, ...bounds })).length;
        };
        const [low, high] = [first?.offset ?? 0, last?.offset ?? 0];
        expect(await found(0, Number.MAX_SAFE_INTEGER)).toBe(2);
        for (const reverse of [false, true]) {
          expect(await found(high + 1, Number.MAX_SAFE_INTEGER, reverse)).toBe(0);
          expect(await found(low, low, reverse)).toBe(0);
          expect(await found(high, low, reverse)).toBe(0);
          expect(await found(0, 0, reverse)).toBe(0);
        }
        const beyond = [2, 3, Number.MAX_SAFE_INTEGER] as Seq[];
        for (const seq of beyond) {
          expect(await store.readOrigin(CONTAINERS, store.origin, seq, 1000)).toEqual([]);
          expect(await store.holeAt(CONTAINERS, store.origin, seq)).toBeUndefined();
          const cursor: Cursor = { v: 1, next: { [store.origin]: seq } };
          expect(await store.readStream(CONTAINERS, cursor, 9)).toEqual({ records: [], cursor });
        }
        expect(store.topics(CONTAINERS, { after: "zzz", limit: 9 })).toEqual([]);
      },
    );

    it("reads under names outside the grammar find nothing", async () => {
      const { store } = await openSite();
      await store.append(CONTAINERS, [reading("a", "")]);
      for (const bad of ["", "A B", "../a", "ä", "x".repeat(300)]) {
        expect(store.vector(bad as StreamName)).toEqual({});
        expect(store.topics(bad as StreamName, { limit: 9 })).toEqual([]);
        expect(store.topics(CONTAINERS, { prefix: `${bad} `, limit: 9 })).toEqual([]);
        expect(await store.readTopic(CONTAINERS, topic(bad), { limit: 9 })).toEqual([]);
        expect(await store.readTopic(bad as StreamName, topic("a"), { limit: 9 })).toEqual([]);
        expect(await store.readOrigin(CONTAINERS, bad as OriginId, 0 as Seq, 1000)).toEqual([]);
      }
      expect(store.streams()).toEqual([CONTAINERS]);
    });
  });
}
