import { readFileSync } from "node:fs";
import { crc32, deflateRawSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { looksRandom } from "../src/codec/randomness.js";
import { isLandfallError } from "../src/model/errors.js";
import { openBlock } from "../src/store/block-topics.js";
import { RunBlockBuilder } from "../src/store/run-block-builder.js";
import { decodeRunBlock, decodeRunColumns, decodeRunTopics, runValue } from "../src/store/run-block.js";
import { testSeed } from "../testing/seeded-random.js";
import type { RunBlock } from "../src/store/run-block.js";

interface Given {
  readonly topic: string;
  readonly seq: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly received: number;
  readonly arrived: number;
  readonly headers: Uint8Array;
  readonly value: Uint8Array;
}

const seed = testSeed();
const EDGE = Number.MAX_SAFE_INTEGER;
/** A header "a" with the value "b", and none. */
const HEADERS = [new Uint8Array(0), Uint8Array.of(1, 0, 97, 1, 0, 98)];

function build(records: readonly Given[], packed: boolean): Uint8Array {
  const builder = new RunBlockBuilder();
  let last: string | undefined;
  for (const { topic, seq, offset, timestamp, received, arrived, headers, value } of records) {
    if (topic !== last) begin(builder, topic);
    last = topic;
    const source = Uint8Array.of(255, ...headers, ...value, 255);
    const valueAt = 1 + headers.byteLength;
    builder.add(seq, offset, timestamp, received, arrived, source, 1, valueAt, source.byteLength - 1);
  }
  return finish(builder, packed);
}

function begin(builder: RunBlockBuilder, topic: string): void {
  const name = Buffer.from(`?${topic}?`, "latin1");
  builder.beginTopic(name, 1, topic.length);
}

/** Somewhere behind other bytes. */
function finish(builder: RunBlockBuilder, packed: boolean): Uint8Array {
  const at = 5;
  let buffer = Buffer.alloc(0);
  let took = 0;
  const bytes = builder.finish(packed, {
    reserve(wanted) {
      buffer = Buffer.alloc(at + wanted, 0xee);
      return { buffer, at };
    },
    took: (length) => (took = length),
  });
  expect(bytes).toBe(took);
  expect(builder.count).toBe(0);
  return buffer.subarray(at, at + bytes);
}

function recordsOf(block: RunBlock): Given[] {
  const { topics, topicEnds, seqs, offsets, timestamps, received, arrived, headerBytes, headerOf } = block;
  return Array.from({ length: block.count }, (_, i) => ({
    topic: topics[Array.from(topicEnds).findIndex((end) => i < end)] as string,
    seq: seqs[i] as number,
    offset: offsets[i] as number,
    timestamp: timestamps[i] as number,
    received: received[i] as number,
    arrived: arrived[i] as number,
    headers: new Uint8Array(headerBytes[headerOf?.[i] ?? 0] as Uint8Array),
    value: new Uint8Array(runValue(block, i)),
  }));
}

const time = fc.oneof(
  fc.integer({ min: 1_790_000_000_000, max: 1_790_000_070_000 }),
  fc.maxSafeInteger(),
  fc.constantFrom(EDGE, -EDGE, 0),
);
const anyRecords = fc
  .array(
    fc.record({
      topic: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,30}$/),
      seq: fc.oneof(fc.integer({ min: 70_000, max: 70_300 }), fc.maxSafeNat()),
      offset: fc.oneof(fc.integer({ min: 1_790_000_000_000_000, max: 1_790_000_000_090_000 }), fc.maxSafeNat()),
      timestamp: time,
      received: time,
      arrived: time,
      headers: fc.constantFrom(...HEADERS),
      value: fc.uint8Array({ maxLength: 40 }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((records): Given[] => records.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0)));

describe.each([true, false])(`A block of a run, packed: %s (seed ${seed})`, (packed) => {
  it("O1, S3: gives back every record as it was", () => {
    fc.assert(
      fc.property(anyRecords, (records) => {
        const bytes = build(records, packed);
        const block = decodeRunBlock(bytes);
        expect(recordsOf(block)).toEqual(records);
        expect(decodeRunTopics(bytes)).toEqual([...new Set(records.map(({ topic }) => topic))]);
        expect(decodeRunColumns(bytes).seqs).toEqual(block.seqs);
      }),
      { seed },
    );
  });

  it("S3: gives out the records of one topic alone, whichever is asked for first", () => {
    fc.assert(
      fc.property(anyRecords, fc.infiniteStream(fc.nat()), (records, choices) => {
        const block = openBlock(build(records, packed), 5);
        const names = [...new Set(records.map(({ topic }) => topic))];
        expect([block.count, block.first]).toEqual([records.length, names[0]]);
        expect(block.topic(`${names.at(-1)}0`)).toBeUndefined();
        for (const choice of choices.take(names.length * 2)) {
          const topic = names[choice % names.length] as string;
          const own = records.filter((record) => record.topic === topic).map((record) => ({ ...record, arrived: 5 }));
          const found = block.topic(topic) as RunBlock;
          expect(recordsOf(found)).toEqual(own);
          expect(found.headers).toHaveLength(found.headerBytes.length);
          expect(block.bytes).toBeGreaterThan(0);
        }
      }),
      { seed },
    );
  });

  it("S3: gives out the records with some seqs alone", () => {
    fc.assert(
      fc.property(anyRecords, fc.nat(), fc.nat(), (records, a, b) => {
        const [from, to] = [a, b].map((n) => (records[n % records.length] as Given).seq).sort((x, y) => x - y) as [
          number,
          number,
        ];
        const found = openBlock(build(records, packed)).withSeqs(from, to);
        const picked = Array.from({ length: found?.count ?? 0 }, (_, i): Given => {
          const block = found as NonNullable<typeof found>;
          const topic = Array.from(block.topicEnds).findIndex((end) => i < end);
          return {
            topic: block.topics[topic] as string,
            seq: block.seqs[i] as number,
            offset: block.offsets[i] as number,
            timestamp: block.timestamps[i] as number,
            received: block.received[i] as number,
            arrived: block.arrived[i] as number,
            headers: new Uint8Array(block.headerBytes[block.headerOf?.[i] ?? 0] as Uint8Array),
            value: new Uint8Array(block.bytes.slice(block.valueAts[i], block.valueEnds[i])),
          };
        });
        expect(picked).toEqual(records.filter(({ seq }) => seq >= from && seq < to));
      }),
      { seed },
    );
  });

  it("takes over slices of another block", () => {
    fc.assert(
      fc.property(anyRecords, fc.boolean(), (records, from) => {
        const block = decodeRunBlock(build(records, from));
        const builder = new RunBlockBuilder();
        block.topics.forEach((topic, t) => {
          begin(builder, topic);
          builder.addSlice(block, t === 0 ? 0 : (block.topicEnds[t - 1] as number), block.topicEnds[t] as number);
        });
        expect(recordsOf(decodeRunBlock(finish(builder, packed)))).toEqual(records);
      }),
      { seed },
    );
  });

  it("S3: says so when it was made to lie", () => {
    // With a checksum that fits: it may come from another site.
    fc.assert(
      fc.property(anyRecords, fc.nat(), fc.integer({ min: 0, max: 255 }), (records, place, byte) => {
        const bytes = Buffer.from(build(records, packed));
        bytes[8 + (place % (bytes.byteLength - 8))] = byte;
        bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
        try {
          const block = decodeRunBlock(bytes);
          for (let i = 0; i < block.count; i++) runValue(block, i);
        } catch (error) {
          expect(isLandfallError(error, "CORRUPT_BLOCK"), String(error)).toBe(true);
        }
        try {
          const block = openBlock(bytes);
          block.withSeqs(0, 70_150);
          for (const { topic } of records) {
            const found = block.topic(topic);
            for (let i = 0; i < (found?.count ?? 0); i++) runValue(found as RunBlock, i);
          }
        } catch (error) {
          expect(isLandfallError(error, "CORRUPT_BLOCK"), String(error)).toBe(true);
        }
      }),
      { seed },
    );
  });
});

it("A block that is not packed has the same bytes for ever", () => {
  const records = Array.from({ length: 12 }, (_, i): Given => {
    const received = 1_790_000_000_000 + i * 250;
    return {
      topic: `MSKU907032${i >>> 2}`,
      seq: 1_000 + (i % 4) * 3 + (i >>> 2),
      offset: (Math.floor((received * 1000) / 1024) + 1) * 1024 + 7 + (i === 5 ? 4096 : 0),
      timestamp: received - i,
      received,
      arrived: received + 70_000 * (i % 2),
      headers: HEADERS[i % 2] as Uint8Array,
      value: Buffer.from(`{"temperatureC":${-18 - i / 10}}`),
    };
  });
  const golden = readFileSync(fileURLToPath(new URL("fixtures/v3/run-block.bin", import.meta.url)));
  expect(Buffer.from(build(records, false)).equals(golden)).toBe(true);
  expect(recordsOf(decodeRunBlock(golden)).map((record) => ({ ...record, value: Buffer.from(record.value) }))).toEqual(
    records,
  );
});

describe("looksRandom", () => {
  const noise = (length: number): Uint8Array => {
    let state = 1;
    return Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    });
  };

  it("knows random and packed bytes from text, numbers and what repeats itself", () => {
    const text = Buffer.from(Array.from({ length: 1000 }, (_, i) => `{"temperatureC":${-18 - i / 10}}`).join(""));
    expect(looksRandom(noise(8192))).toBe(true);
    expect(looksRandom(deflateRawSync(Buffer.from(Array.from({ length: 9000 }, (_, i) => Math.sin(i)).join(""))))).toBe(
      true,
    );
    expect(looksRandom(text)).toBe(false);
    expect(looksRandom(Buffer.from(text.toString("base64")))).toBe(false);
    expect(looksRandom(new Uint8Array(Float32Array.from({ length: 4096 }, (_, i) => -18 + i / 100).buffer))).toBe(
      false,
    );
    expect(looksRandom(Buffer.concat(Array.from({ length: 100 }, () => noise(120))))).toBe(false);
  });

  it("does not judge by few bytes", () => {
    expect(looksRandom(noise(1000))).toBe(false);
  });
});
