import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX, HEADERS_BYTES_MAX, VALUE_BYTES_MAX } from "../src/limits.js";
import { isLandfallError } from "../src/model/errors.js";
import { originId, streamName, topicName } from "../src/model/names.js";
import { decodeBlock, encodeBlock } from "../src/store/block.js";
import { blockChecksum } from "../src/store/block-parse.js";
import { testSeed } from "../testing/seeded-random.js";
import type { Offset, OriginRecord, Seq, TimestampMs } from "../src/model/record.js";
import type { Batch } from "../src/store/store.js";

const seed = testSeed();
// Head, then the three names of `oneRecord`, each with its length byte.
const recordStart = 28 + 1 + "duckworks.containers".length + 1 + "tokyo.a~z1".length + 1 + "CSQU3054383".length;

const text = fc.string({ unit: "grapheme", maxLength: 12 }).filter((t) => !/\p{Surrogate}/u.test(t));
const headers = fc.dictionary(fc.oneof(text, fc.constantFrom("kind", "__proto__", "constructor")), text, {
  maxKeys: 4,
});
const topic = fc.constantFrom("CSQU3054383", "9321483.position", "a", "x".repeat(255)).map(topicName);

const batches: fc.Arbitrary<Batch> = fc
  .record({
    firstSeq: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 45 })),
    rows: fc.array(
      fc.record({
        topic,
        offset: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        timestamp: fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
        received: fc.integer({ min: 0, max: 2 ** 45 }),
        headers,
        value: fc.uint8Array({ maxLength: 300 }),
      }),
      { minLength: 1, maxLength: 30 },
    ),
  })
  .map(({ firstSeq, rows }) => ({
    stream: streamName("bigblue.containers"),
    origin: originId("ship-9321483.a~k3x9"),
    firstSeq: firstSeq as Seq,
    records: rows.map((row, i) => ({ ...row, seq: (firstSeq + i) as Seq }) as OriginRecord),
  }));

function oneRecord(over: Partial<OriginRecord> = {}): Batch {
  const record: OriginRecord = {
    topic: topicName("CSQU3054383"),
    offset: 1_700_000_000_000_000 as Offset,
    seq: 7 as Seq,
    timestamp: 1_700_000_000_000 as TimestampMs,
    received: 1_700_000_000_001 as TimestampMs,
    headers: { kind: "telemetry" },
    value: new TextEncoder().encode('{"temperatureC":-18.2}'),
    ...over,
  };
  return {
    stream: streamName("duckworks.containers"),
    origin: originId("tokyo.a~z1"),
    firstSeq: 7 as Seq,
    records: [record],
  };
}

/** A block with `change` applied and the checksum made to fit again: what a hostile peer can send. */
function forged(change: (view: DataView, bytes: Uint8Array) => void, batch = oneRecord()): Uint8Array {
  const bytes = Uint8Array.from(encodeBlock(batch));
  const view = new DataView(bytes.buffer);
  change(view, bytes);
  view.setUint32(8, blockChecksum(bytes), true);
  return bytes;
}

function refusal(bytes: Uint8Array): string {
  try {
    decodeBlock(bytes);
  } catch (error) {
    if (isLandfallError(error, "CORRUPT_BLOCK")) return error.message;
    throw error;
  }
  throw new Error("the block was accepted");
}

describe(`a block (seed ${seed})`, () => {
  it("gives back every field and byte", () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const decoded = decodeBlock(encodeBlock(batch));
        expect(decoded.stream).toBe(batch.stream);
        expect(decoded.origin).toBe(batch.origin);
        expect(decoded.firstSeq).toBe(batch.firstSeq);
        expect(decoded.records.length).toBe(batch.records.length);
        decoded.records.forEach((record, i) => {
          const want = batch.records[i] as OriginRecord;
          expect({ ...record, headers: 0, value: 0 }).toEqual({ ...want, headers: 0, value: 0 });
          expect(Object.entries(record.headers)).toEqual(Object.entries(want.headers));
          expect(Buffer.compare(record.value, want.value)).toBe(0);
        });
      }),
      { seed },
    );
  });

  it("S3: any changed byte, and any missing or added end, is refused", () => {
    fc.assert(
      fc.property(batches, fc.nat(), fc.integer({ min: 1, max: 255 }), (batch, where, flip) => {
        const bytes = Uint8Array.from(encodeBlock(batch));
        const at = where % bytes.length;
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] as number) ^ flip;
        refusal(changed);
        refusal(bytes.subarray(0, at));
        refusal(Uint8Array.from([...bytes, flip]));
      }),
      { seed },
    );
  });

  it("reads a block that lies within a larger buffer, and nothing beside it", () => {
    const bytes = encodeBlock(oneRecord());
    const large = new Uint8Array(bytes.length + 64).fill(0xff);
    large.set(bytes, 32);
    expect(decodeBlock(large.subarray(32, 32 + bytes.length))).toEqual(decodeBlock(bytes));
  });

  it.each<[string, (view: DataView, bytes: Uint8Array) => void, RegExp]>([
    ["a count of 4 billion", (v) => v.setUint32(20, 0xffffffff, true), /says 4294967295 records/],
    ["no records", (v) => v.setUint32(20, 0, true), /says 0 records/],
    ["more records than fit", (v) => v.setUint32(20, 9_000, true), /cannot hold 9000 records/],
    ["one record more", (v) => v.setUint32(20, 2, true), /cut short/],
    ["more names than records", (v) => v.setUint32(24, 2, true), /says 2 topic names/],
    ["a first seq beyond 2^53", (v) => v.setUint32(16, 0xffffffff, true), /beyond 2\^53/],
    ["a later version", (_v, b) => (b[3] = 2), /format version 2/],
    ["another beginning", (_v, b) => (b[0] = 0), /does not begin like a block/],
    ["another length", (v) => v.setUint32(4, 12, true), /says 12 bytes/],
    ["a name longer than the block", (_v, b) => (b[28] = 255), /cut short/],
    ["a bad stream name", (_v, b) => (b[29] = 0x20), /not a stream name/],
    ["a value longer than the block", (v) => v.setUint32(recordStart + 28, 200_000, true), /beyond the block/],
    ["a value of 4 GB", (v) => v.setUint32(recordStart + 28, 0xffffffff, true), /value of 4294967295 bytes/],
    ["a value shorter than the block", (v) => v.setUint32(recordStart + 28, 2, true), /after the last record/],
    ["headers that overlap the value", (v) => v.setUint16(recordStart + 26, 19, true), /beyond|cut short/],
    ["a topic that is not named", (v) => v.setUint16(recordStart + 24, 1, true), /topic name 1 is not there/],
    ["an offset that is no integer", (v) => v.setFloat64(recordStart, 1.5, true), /offset/],
    ["a negative offset", (v) => v.setFloat64(recordStart, -1, true), /offset/],
    ["a timestamp that is no number", (v) => v.setFloat64(recordStart + 8, NaN, true), /timestamp/],
  ])("S3: refuses %s under a fitting checksum", (_name, change, message) => {
    expect(refusal(forged(change))).toMatch(message);
  });

  it("refuses to be written larger than it may be read", () => {
    const record = oneRecord().records[0] as OriginRecord;
    const many = (count: number, value: Uint8Array): Batch => ({
      ...oneRecord(),
      records: Array.from({ length: count }, (_, i) => ({ ...record, value, seq: (7 + i) as Seq })),
    });
    const refused = (batch: Batch, code: "INVALID_ARGUMENT" | "VALUE_TOO_LARGE"): void =>
      expect(() => encodeBlock(batch)).toThrowError(expect.objectContaining({ code }));
    refused(many(BLOCK_RECORDS_MAX + 1, new Uint8Array(0)), "INVALID_ARGUMENT");
    refused(many(0, new Uint8Array(0)), "INVALID_ARGUMENT");
    refused(many(5, new Uint8Array(BLOCK_BYTES_MAX / 4)), "INVALID_ARGUMENT");
    refused(many(1, new Uint8Array(VALUE_BYTES_MAX + 1)), "VALUE_TOO_LARGE");
    refused(oneRecord({ headers: { a: "x".repeat(HEADERS_BYTES_MAX) } }), "VALUE_TOO_LARGE");
    refused(oneRecord({ headers: { a: "\ud800" } }), "INVALID_ARGUMENT");
    expect(decodeBlock(encodeBlock(many(3, new Uint8Array(VALUE_BYTES_MAX)))).records.length).toBe(3);
  });
});
