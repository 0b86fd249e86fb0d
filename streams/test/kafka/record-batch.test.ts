import { describe, expect, it } from "vitest";
import { crc32c } from "../../src/kafka/crc32c.js";
import { recordsOf } from "../../src/kafka/entry.js";
import { BATCH_BYTES, BATCH_RECORDS_MAX } from "../../src/kafka/kafka-limits.js";
import { BatchBody, encodeBatch, readBatches } from "../../src/kafka/record-batch.js";
import { originId, topicName } from "../../src/model/names.js";
import { encodeHeaders } from "../../src/store/block-headers.js";
import type { Offset, OriginRecord, Seq, TimestampMs } from "../../src/model/record.js";
import { KAFKA_STREAM } from "../../testing/kafka-writing.js";
import { seededRandom, testSeed } from "../../testing/seeded-random.js";

const ORIGIN = originId("ship-9321483.a~f0re1gn");
const PRODUCER = { id: 2n ** 40n + 7n, epoch: 3 };
const seed = testSeed(32);

describe(`Kafka's record batches (seed ${seed})`, () => {
  const random = seededRandom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256));

  /** As records come: not in order of the time at which they were received, with large values and with none, some with headers. */
  function record(seq: number): OriginRecord {
    return {
      topic: topicName(`CSQU${below(1_000_000)}`),
      seq: seq as Seq,
      offset: (1_768_003_200_000_000 + seq * 1024) as Offset,
      timestamp: below(2 ** 41) as TimestampMs,
      received: (1_768_003_200_000 - 500 + below(1_000_000)) as TimestampMs,
      headers: random() < 0.5 ? {} : { kind: "telemetry", unit: "°C" },
      value: bytes(random() < 0.1 ? 3_000 : below(300)),
    };
  }

  function taken(records: readonly OriginRecord[]): BatchBody {
    const body = new BatchBody(ORIGIN);
    for (const { topic, seq, offset, timestamp, received, headers, value } of records) {
      const encoded = encodeHeaders(headers);
      if (!body.take(topic, seq, offset, timestamp, received, encoded, value, 0, value.length)) break;
    }
    return body;
  }

  it("a body that is written record by record is, byte for byte, the batch of these records", () => {
    for (let round = 0; round < 30; round++) {
      const records = Array.from({ length: 1 + below(200) }, (_, i) => record(i));
      const entry = {
        kind: "records",
        batch: { stream: KAFKA_STREAM, origin: ORIGIN, firstSeq: 0 as Seq, records },
      } as const;
      const body = taken(records);
      expect(body.count).toBe(records.length);
      const batch = body.finish(PRODUCER, round);
      expect(batch.length).toBe(body.length);
      expect(Buffer.compare(batch, encodeBatch(recordsOf(entry, 0, undefined), PRODUCER, round))).toBe(0);
      const [read] = [...readBatches(batch)];
      expect(read?.records()).toHaveLength(records.length);
    }
  });

  it("a body ends where Kafka's limit is, in bytes and in records, and takes a single record that is larger", () => {
    const large = Array.from({ length: 10 }, (_, i) => ({ ...record(i), value: bytes(BATCH_BYTES / 4) }));
    expect(taken(large).count).toBe(3);
    expect(taken(large).length).toBeLessThanOrEqual(BATCH_BYTES);
    const small = Array.from({ length: BATCH_RECORDS_MAX + 1 }, (_, i) => ({
      ...record(i),
      headers: {},
      value: bytes(0),
    }));
    expect(taken(small).count).toBeLessThanOrEqual(BATCH_RECORDS_MAX);
    const alone = taken([{ ...record(0), value: bytes(2 * BATCH_BYTES) }, record(1)]);
    expect(alone.count).toBe(1);
    expect([...readBatches(alone.finish(PRODUCER, 0))][0]?.records()[0]?.value).toHaveLength(2 * BATCH_BYTES);
  });

  it("the checksum is CRC-32C, of any length and any part", () => {
    // RFC 3720, appendix B.4.
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    for (let length = 0; length < 100; length++) {
      const some = bytes(length + 10);
      expect(crc32c(some, 3, 3 + length)).toBe(bitByBit(some.subarray(3, 3 + length)));
    }
  });
});

function bitByBit(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
