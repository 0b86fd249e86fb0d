import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { originId, streamName } from "../src/model/names.js";
import { nodeDisk } from "../src/store/node-disk.js";
import { decodeEntries, decodePages } from "../src/store/run-index.js";
import { SegmentWriter } from "../src/store/run-writer.js";
import type { BlockEntry } from "../src/store/run-index.js";
import type { RunMeta } from "../src/store/segment-format.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** The blocks of a run in which each of these topics has so many records of 120 bytes that cannot be packed. */
async function blocksOf(topics: readonly (readonly [string, number])[]): Promise<BlockEntry[]> {
  const folder = mkdtempSync(join(tmpdir(), "landfall-writer-"));
  folders.push(folder);
  const path = join(folder, "segment");
  const writer = await SegmentWriter.create(nodeDisk, path, 1, true);
  writer.beginRun(streamName("bigblue.containers"), originId("tokyo.a~1"), 0, 1_000_000);
  let state = 1;
  let seq = 0;
  for (const [topic, count] of topics) {
    const name = Buffer.from(topic);
    writer.beginTopic(name, 0, name.byteLength);
    for (let i = 0; i < count; i++, seq++) {
      const value = Uint8Array.from({ length: 120 }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state >>> 24;
      });
      const time = 1_790_000_000_000 + seq;
      writer.add(seq, time * 1024, time, time, time, value, 0, 0, value.byteLength);
    }
  }
  writer.endRun();
  await writer.finish();
  const bytes = readFileSync(path);
  const { at, bytes: length } = writer.runs[0] as RunMeta;
  return decodePages(bytes.subarray(at, at + length)).flatMap((page) =>
    decodeEntries(bytes.subarray(page.at, page.at + page.bytes)),
  );
}

it("A topic with much in a run has blocks of its own, and short ones share theirs", async () => {
  const long = Array.from({ length: 12 }, (_, i) => [`long${10 + i}`, 300] as const);
  const short = Array.from({ length: 400 }, (_, i) => [`short${100 + i}`, 5] as const);
  const blocks = await blocksOf([...long, ...short]);
  for (const [topic] of long) {
    const holding = blocks.filter(({ first, last }) => first <= topic && topic <= last);
    expect(holding.map(({ first, last, count }) => [first, last, count])).toEqual([[topic, topic, 300]]);
  }
  const shared = blocks.slice(long.length);
  expect(shared.length).toBeLessThan(8);
  expect(shared.reduce((sum, { count }) => sum + count, 0)).toBe(2000);
});
