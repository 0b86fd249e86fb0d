import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Sealed } from "@landfall/proto/gen/landfall/v1/replication";
import { OFFSET_MAX, TIMESTAMP_MS_MAX, VALUE_BYTES_MAX } from "../src/limits.js";
import { originId, topicName } from "../src/model/names.js";
import type { Offset, OriginRecord, Seq, TimestampMs } from "../src/model/record.js";
import { BLOCK_HEADER_BYTES, CRC_AT, RECORD_TIMESTAMP_AT, RECORD_VALUE_BYTES_AT } from "../src/store/block-layout.js";
import { blockChecksum } from "../src/store/block-parse.js";
import { encodeBlock } from "../src/store/block.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import type { SealedRun, SealedRunReader } from "../src/store/store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { reading, START_MS } from "../testing/store-fixture.js";
import { TestAuthority } from "../testing/test-authority.js";
import { until } from "../testing/until.js";
import { CONTAINERS, Scene, total, type Direction } from "./support/bad-peer-scene.js";

const DIRECTIONS: readonly Direction[] = ["it dials us", "we dial it"];
const ORIGIN = originId("singapore.a~bad");
const TOPIC = topicName("CSQU3054383");

let authority: TestAuthority;
let scene: Scene;
let sealed: SealedRunReader;
beforeAll(async () => {
  authority = await TestAuthority.create();
  sealed = await sealedRun();
});
afterAll(() => authority.close());
afterEach(() => scene.close());

/** A run of several blocks, as a ship has it on its disk. */
async function sealedRun(): Promise<SealedRunReader> {
  const env = new ManualEnv(START_MS);
  const store = await openEmbeddedStore({ folder: "/data", site: "singapore", node: "a", env, disk: new MemoryDisk() });
  const filler = "temperature ".repeat(40);
  for (let i = 0; i < 3_000; i += 500) {
    const batch = Array.from({ length: 500 }, (_, j) =>
      reading(`MSKU${1000 + ((i + j) % 70)}`, `${i + j} ${filler.slice(j % 50)}`, { headers: { voyage: "26W" } }),
    );
    await store.append(CONTAINERS, batch);
  }
  await store.sealNow();
  const reader = await store.openSealed(CONTAINERS, store.origin, 0 as Seq);
  if (reader === undefined) throw new Error("nothing was sealed");
  return reader;
}

function records(firstSeq: number, count: number, over: Partial<OriginRecord> = {}): OriginRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    topic: TOPIC,
    offset: ((START_MS + firstSeq + i) * 1000) as Offset,
    seq: (firstSeq + i) as Seq,
    timestamp: (START_MS + i) as TimestampMs,
    received: START_MS as TimestampMs,
    headers: {},
    value: Buffer.from(`{"n":${firstSeq + i}}`),
    ...over,
  }));
}

function block(firstSeq: number, count: number, over: Partial<OriginRecord> = {}, origin = ORIGIN): Uint8Array {
  return encodeBlock({
    stream: CONTAINERS,
    origin,
    firstSeq: firstSeq as Seq,
    records: records(firstSeq, count, over),
  });
}

/** A block of one record in which something was changed, under a checksum that fits. */
function forged(change: (view: DataView, recordAt: number) => void): Uint8Array {
  const bytes = block(0, 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const names = [CONTAINERS, ORIGIN, TOPIC].reduce((sum, { length }) => sum + 1 + length, 0);
  change(view, BLOCK_HEADER_BYTES + names);
  view.setUint32(CRC_AT, blockChecksum(bytes), true);
  return bytes;
}

interface Lie {
  readonly what: string;
  readonly code: string;
  /** What is sent for the request with this id, which is of ten records of Singapore from the first on. */
  readonly sends: (id: number) => Promise<void> | void;
}

const data = (id: number, firstSeq: number, count: number, bytes: Uint8Array) =>
  scene.peer.send({ $case: "data", value: { id, firstSeq, count, block: bytes, rawBytes: 0 } });

const BLOCKS: readonly Lie[] = [
  {
    what: "a block with a bit flipped",
    code: "CORRUPT_BLOCK",
    sends(id) {
      const bytes = block(0, 3);
      bytes[60] = (bytes[60] as number) ^ 4;
      data(id, 0, 3, bytes);
    },
  },
  { what: "a block of zeros", code: "CORRUPT_BLOCK", sends: (id) => data(id, 0, 3, new Uint8Array(500)) },
  {
    what: "a block of another origin than was asked for",
    code: "CORRUPT_BLOCK",
    sends: (id) => data(id, 0, 3, block(0, 3, {}, originId("sydney.a~other"))),
  },
  {
    what: "a block with more records than is said",
    code: "CORRUPT_BLOCK",
    sends: (id) => data(id, 0, 2, block(0, 3)),
  },
  {
    what: "a block that is said to begin elsewhere",
    code: "CORRUPT_BLOCK",
    sends: (id) => data(id, 0, 3, block(3, 3)),
  },
  {
    what: "a block that cannot be inflated",
    code: "CORRUPT_BLOCK",
    sends(id) {
      const value = { id, firstSeq: 0, count: 3, block: new Uint8Array(90).fill(7), rawBytes: 400 };
      scene.peer.send({ $case: "data", value });
    },
  },
  {
    what: "a block without records",
    code: "PROTOCOL_ERROR",
    sends: (id) => data(id, 0, 0, new Uint8Array(0)),
  },
  {
    what: "a block that is larger than any",
    code: "PROTOCOL_ERROR",
    sends: (id) => data(id, 0, 3, new Uint8Array(1_500_000)),
  },
  { what: "a seq that jumps", code: "PROTOCOL_ERROR", sends: (id) => data(id, 3, 3, block(3, 3)) },
  { what: "data that was never asked for", code: "PROTOCOL_ERROR", sends: () => data(4_711, 0, 3, block(0, 3)) },
  {
    what: "data for the request of another link",
    code: "PROTOCOL_ERROR",
    sends(id) {
      // Tokyo asked Sydney, too, before or after.
      for (let other = 1; other <= id + 3; other++) if (other !== id) data(other, 0, 3, block(0, 3));
    },
  },
  {
    what: "a topic outside the grammar",
    code: "CORRUPT_BLOCK",
    sends: (id) =>
      data(
        id,
        0,
        1,
        forged((view, at) => view.setUint8(at - TOPIC.length, 0x20)),
      ),
  },
  {
    what: "a value over its limit",
    code: "CORRUPT_BLOCK",
    sends: (id) =>
      data(
        id,
        0,
        1,
        forged((view, at) => view.setUint32(at + RECORD_VALUE_BYTES_AT, VALUE_BYTES_MAX + 1, true)),
      ),
  },
  {
    what: "a time that is no number",
    code: "CORRUPT_BLOCK",
    sends: (id) =>
      data(
        id,
        0,
        1,
        forged((view, at) => view.setFloat64(at + RECORD_TIMESTAMP_AT, Number.NaN, true)),
      ),
  },
  {
    what: "a time that no date can say",
    code: "INVALID_ARGUMENT",
    sends: (id) =>
      data(
        id,
        0,
        1,
        forged((view, at) => view.setFloat64(at + RECORD_TIMESTAMP_AT, TIMESTAMP_MS_MAX + 1, true)),
      ),
  },
  {
    what: "an offset that no clock gives",
    code: "CLOCK_REFUSED",
    sends: (id) => data(id, 0, 1, block(0, 1, { offset: (OFFSET_MAX + 1024) as Offset })),
  },
  {
    what: "one offset twice",
    code: "PROTOCOL_ERROR",
    sends: (id) => data(id, 0, 2, block(0, 2, { offset: (START_MS * 1000) as Offset })),
  },
];

/** Blocks [first, next) of the run, as frames carry them. */
async function part(id: number, first: number, next: number, over: Partial<Sealed> = {}): Promise<void> {
  const { run } = sealed;
  const { bytes } = await sealed.read(first, next - first === 1 ? 1 : 1e9);
  const { stream: _stream, origin: _origin, id: name, bytes: runBytes, ...facts } = run;
  scene.peer.send({ $case: "sealed", value: { id, run: name, ...facts, runBytes, first, next, bytes, ...over } });
}

const whole = (over: (run: SealedRun) => Partial<Sealed>) => async (id: number) => {
  await part(id, 0, sealed.run.blocks, over(sealed.run));
};

const RUNS: readonly Lie[] = [
  { what: "more seqs than it has", code: "CORRUPT_BLOCK", sends: whole(({ to }) => ({ to: to + 1 })) },
  { what: "fewer seqs than it has", code: "PROTOCOL_ERROR", sends: whole(({ to }) => ({ to: to - 1 })) },
  { what: "another first seq", code: "PROTOCOL_ERROR", sends: whole(({ to }) => ({ from: 7, to: to + 7 })) },
  { what: "more seqs than any run has", code: "PROTOCOL_ERROR", sends: whole(() => ({ to: 2 ** 40 })) },
  { what: "fewer records", code: "CORRUPT_BLOCK", sends: whole(({ count }) => ({ count: count - 1 })) },
  { what: "more records than seqs", code: "PROTOCOL_ERROR", sends: whole(({ count }) => ({ count: count + 1 })) },
  { what: "another id", code: "CORRUPT_BLOCK", sends: whole(() => ({ run: "x".repeat(22) })) },
  { what: "fewer bytes", code: "PROTOCOL_ERROR", sends: whole(({ bytes }) => ({ runBytes: bytes - 1 })) },
  { what: "more bytes", code: "CORRUPT_BLOCK", sends: whole(({ bytes }) => ({ runBytes: bytes + 1 })) },
  { what: "absurdly many bytes unpacked", code: "INVALID_ARGUMENT", sends: whole(() => ({ rawBytes: 2 ** 52 })) },
  {
    what: "more blocks in a frame than it has",
    code: "PROTOCOL_ERROR",
    sends: whole(({ blocks }) => ({ next: blocks + 1 })),
  },
  {
    what: "a block with a bit flipped",
    code: "CORRUPT_BLOCK",
    async sends(id) {
      const { bytes } = await sealed.read(0, 1);
      const damaged = bytes.slice();
      damaged[100] = (damaged[100] as number) ^ 1;
      await part(id, 0, 1, { bytes: damaged });
    },
  },
  {
    what: "a block that does not end",
    code: "CORRUPT_BLOCK",
    async sends(id) {
      const { bytes } = await sealed.read(0, 1);
      await part(id, 0, 1, { bytes: bytes.subarray(0, bytes.byteLength - 1) });
    },
  },
  {
    what: "the same block twice",
    code: "PROTOCOL_ERROR",
    async sends(id) {
      await part(id, 0, 1);
      await part(id, 1, 2);
      await part(id, 1, 2);
    },
  },
  {
    what: "its second block for its first",
    code: "CORRUPT_BLOCK",
    async sends(id) {
      const { bytes } = await sealed.read(1, 1);
      await part(id, 0, 1, { bytes });
      await part(id, 1, 2);
    },
  },
  {
    what: "other facts with its second block than with its first",
    code: "PROTOCOL_ERROR",
    async sends(id) {
      await part(id, 0, 1);
      await part(id, 1, 2, { to: sealed.run.to + 1_000 });
    },
  },
  {
    what: "its middle alone",
    code: "PROTOCOL_ERROR",
    sends: (id) => part(id, 2, 3),
  },
];

describe.each(DIRECTIONS)("U2, S3: a peer that sends bad records, %s", (direction) => {
  it.each(BLOCKS)("$what: refused with $code, recorded, nothing applied", async ({ code, sends }) => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    await sends(await scene.offer(ORIGIN, 10));
    expect((await scene.peer.ended()).code).toBe(code);
    await scene.isRecorded(code);
    await scene.isUnharmed();
  });

  it.each(RUNS)("a sealed run with $what: refused with $code, recorded, nothing applied", async ({ code, sends }) => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    await sends(await scene.offer(sealed.run.origin, sealed.run.to));
    expect((await scene.peer.ended()).code).toBe(code);
    await scene.isRecorded(code);
    await scene.isUnharmed();
  });

  it.each(["the same records again", "records from before what comes next"])(
    "%s: refused with PROTOCOL_ERROR",
    async (what) => {
      scene = await Scene.open({ direction, authority });
      await scene.greet();
      const id = await scene.offer(ORIGIN, 10);
      data(id, 0, 3, block(0, 3));
      const from = what.startsWith("the same") ? 0 : 1;
      data(id, from, 3, block(from, 3));
      expect((await scene.peer.ended()).code).toBe("PROTOCOL_ERROR");
      await scene.isRecorded("PROTOCOL_ERROR", /where 3 was next/);
      // What was asked for and good is kept.
      await until(() => scene.tokyo.store.vector(CONTAINERS)[ORIGIN] === 3);
    },
  );

  it("records for which it has no credit, faster than they can be stored: refused, and memory stays bounded", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    const id = await scene.offer(ORIGIN, 1_000_000);
    // A disk that takes its time.
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { store } = scene.tokyo;
    const apply = store.apply.bind(store);
    store.apply = async (batch) => {
      await gate;
      await apply(batch);
    };
    const value = Buffer.alloc(VALUE_BYTES_MAX);
    let sent = 0;
    for (let seq = 0; seq < 120 && !scene.peer.hasEnded; seq += 3) {
      const bytes = block(seq, 3, { value });
      sent += bytes.byteLength;
      data(id, seq, 3, bytes);
    }
    expect(sent).toBeGreaterThan(20_000_000);
    expect((await scene.peer.ended()).code).toBe("PROTOCOL_ERROR");
    await scene.isRecorded("PROTOCOL_ERROR", /no credit/);
    release();
    store.apply = apply;
    const held = () => scene.tokyo.store.vector(CONTAINERS)[ORIGIN] ?? 0;
    await scene.write(scene.sydney, 1);
    await until(
      () => total(scene.tokyo) - held() === total(scene.sydney) - (scene.sydney.store.vector(CONTAINERS)[ORIGIN] ?? 0),
    );
    // Its window, and a frame.
    expect(held() * VALUE_BYTES_MAX).toBeLessThan(8 * 1024 * 1024);
  });

  it("a sealed run that is what it is said to be is taken in", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    const id = await scene.offer(sealed.run.origin, sealed.run.to);
    await part(id, 0, sealed.run.blocks);
    await until(() => scene.tokyo.store.vector(CONTAINERS)[sealed.run.origin] === sealed.run.to);
    expect(scene.peer.hasEnded).toBe(false);
    expect(scene.tokyo.reported).toEqual([]);
  });
});
