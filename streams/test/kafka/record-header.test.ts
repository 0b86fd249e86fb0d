import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { originId, streamName, topicName } from "../../src/model/names.js";
import type { Offset, Seq, TimestampMs } from "../../src/model/record.js";
import { EntryReader, recordsOf, type PlainEntry } from "../../src/kafka/entry.js";
import { HeaderReader, headerBytes, writeHeader } from "../../src/kafka/record-header.js";
import { encodeBatch, readBatches } from "../../src/kafka/record-batch.js";
import { testSeed } from "../../testing/seeded-random.js";

const seed = testSeed();
const STREAM = streamName("bigblue.containers");
const ORIGIN = originId("tokyo.a~k3x9");
const PRODUCER = { id: 4_711n, epoch: 3 };

function entry(value = "-18.5", headers: Record<string, string> = { booking: "Ä7" }): PlainEntry {
  const record = {
    topic: topicName("CSQU3054383"),
    seq: 70_000_000_001 as Seq,
    offset: 1_770_000_000_000_512 as Offset,
    timestamp: -1_500 as TimestampMs,
    received: 1_770_000_000_000 as TimestampMs,
    headers,
    value: Buffer.from(value),
  };
  return { kind: "records", batch: { stream: STREAM, origin: ORIGIN, firstSeq: record.seq, records: [record] } };
}

describe("the layout that docs/kafka.md promises to other programs", () => {
  it("golden: a record's header, byte for byte", () => {
    const [{ header, key } = { header: undefined, key: "" }] = recordsOf(entry(), 0, undefined);
    if (header === undefined) throw new Error("no record");
    const bytes = new Uint8Array(headerBytes(header));
    writeHeader(header, bytes, new DataView(bytes.buffer), 0);
    expect(key).toBe("CSQU3054383");
    expect(Buffer.from(bytes).toString("hex")).toBe(
      [
        "01", // version
        "01", // a record
        "01 3c 53 4c 10 00 00 00", // seq
        "00 a2 40 3d ce 49 06 00", // offset
        "24 fa ff ff ff ff ff ff", // measured, before 1970
        "00 a4 38 1c 9c 01 00 00", // received
        "0c", // length of the origin
        "74 6f 6b 79 6f 2e 61 7e 6b 33 78 39",
        "07 00 62 6f 6f 6b 69 6e 67", // booking
        "03 00 c3 84 37", // \u00c47
      ]
        .join("")
        .replaceAll(" ", ""),
    );
  });

  it("golden: a batch as brokers keep it", () => {
    const bytes = encodeBatch(recordsOf(entry(), 0, undefined), PRODUCER, 42);
    expect(Buffer.from(bytes).toString("hex")).toMatchInlineSnapshot(
      `"000000000000000000000090ffffffff023b17de8d0000000000000000019c1c38a4000000019c1c38a400000000000000126700030000002a00000001ba010000001643535155333035343338330a2d31382e3502106c616e6466616c6c7a0101013c534c1000000000a2403dce49060024faffffffffffff00a4381c9c0100000c746f6b796f2e617e6b3378390700626f6f6b696e670300c38437"`,
    );
  });

  it(`what is written is read again, whatever it is; what is cut short is no record (seed ${seed})`, () => {
    const text = fc.string({ unit: "grapheme", maxLength: 40 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.dictionary(text, text, { maxKeys: 3 }), (value, headers) => {
        const given = entry("", headers);
        if (given.kind !== "records") throw new Error("no records");
        const records = given.batch.records.map((record) => ({ ...record, value }));
        const written = { ...given, batch: { ...given.batch, records } };
        const bytes = encodeBatch(recordsOf(written, 0, undefined), PRODUCER, 0);
        const read = [...readBatches(bytes)].flatMap((batch) => new EntryReader(STREAM).read(batch.records()));
        expect(read).toHaveLength(1);
        const [back] = read;
        if (back?.kind !== "records") throw new Error("no records");
        expect(back.batch.firstSeq).toBe(given.batch.firstSeq);
        const [one] = back.batch.records;
        expect({ ...one, value: Buffer.from(one?.value ?? []).toString("hex"), headers: { ...one?.headers } }).toEqual({
          ...records[0],
          value: Buffer.from(value).toString("hex"),
          headers: { ...headers },
        });
      }),
      { seed },
    );
    const [{ header } = { header: undefined }] = recordsOf(entry(), 0, undefined);
    if (header === undefined) throw new Error("no record");
    const bytes = new Uint8Array(headerBytes(header));
    writeHeader(header, bytes, new DataView(bytes.buffer), 0);
    for (let length = 0; length < 47; length++)
      expect(new HeaderReader().read(bytes.subarray(0, length))).toBeUndefined();
    expect(new HeaderReader().read(bytes.with(0, 2))).toBeUndefined();
  });

  it("in a compacted stream the key names the origin, and what comes late has one of its own", () => {
    const key = (next: number) => recordsOf(entry(), 0, { next })[0]?.key;
    expect(key(70_000_000_001)).toBe("CSQU3054383~tokyo.a~k3x9");
    expect(key(70_000_000_002)).toBe("CSQU3054383~tokyo.a~k3x9~70000000001");
  });
});
