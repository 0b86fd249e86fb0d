import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { originId, streamName, topicName } from "../src/model/names.js";
import type { Offset, Seq, TimestampMs } from "../src/model/record.js";
import { SmallBlocks } from "../src/replication/small-blocks.js";
import { encodeBlock } from "../src/store/block.js";
import { simulateTelemetry } from "../testing/telemetry.js";

const SEED = 4;
const BLOCKS = 200;

/** One record each, of containers in turn, a second apart. */
const blocks = simulateTelemetry({ seed: SEED, containers: BLOCKS, reports: 1, ownTimes: false }).map(
  ({ container, value }, i) => {
    const now = 1_790_000_000_000 + i * 1_000;
    const given = { offset: (now * 1_024) as Offset, seq: i as Seq, timestamp: now as TimestampMs, headers: {} };
    const record = { ...given, topic: topicName(container), received: now as TimestampMs, value: Buffer.from(value) };
    const origin = originId("singapore.a~h1q9x7");
    return encodeBlock({ stream: streamName("bigblue.containers"), origin, firstSeq: i as Seq, records: [record] });
  },
);

describe("small blocks on a link", () => {
  it("come as they were, and take a third of their bytes", () => {
    const [leaving, coming] = [new SmallBlocks(), new SmallBlocks()];
    let sent = 0;
    for (const block of blocks) {
      const deflated = leaving.deflate(block) ?? new Uint8Array(0);
      sent += deflated.byteLength;
      expect(Buffer.compare(coming.inflate(deflated, block.byteLength), block)).toBe(0);
    }
    expect(sent).toBeLessThan(blocks.reduce((sum, { byteLength }) => sum + byteLength, 0) / 2.5);
  });

  it("leaves alone what is large, and what gets no smaller", () => {
    const leaving = new SmallBlocks();
    expect(leaving.deflate(new Uint8Array(100_000))).toBeUndefined();
    expect(leaving.deflate(Uint8Array.from({ length: 16 }, (_, i) => (i * 97) & 0xff))).toBeUndefined();
    // And has not taken it for its dictionary.
    const [block] = blocks as [Uint8Array];
    expect(new SmallBlocks().inflate(leaving.deflate(block) ?? block, block.byteLength)).toEqual(Buffer.from(block));
  });

  it("S3: refuses what is damaged, what lies about its length, and what would become large", () => {
    const [block] = blocks as [Uint8Array];
    const deflated = new SmallBlocks().deflate(block) as Uint8Array;
    const refused = (bytes: Uint8Array, length: number) =>
      expect(() => new SmallBlocks().inflate(bytes, length)).toThrow(
        expect.objectContaining({ code: "CORRUPT_BLOCK" }),
      );
    refused(deflated.subarray(0, 20), block.byteLength);
    refused(deflated, block.byteLength - 1);
    refused(deflated, block.byteLength + 1);
    refused(deflateRawSync(Buffer.alloc(100_000_000)), 100_000_000);
  });
});
