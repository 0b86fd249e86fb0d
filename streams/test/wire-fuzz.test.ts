import * as fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import type { TlsSettings } from "../src/settings/node-settings.js";
import { deferred } from "../testing/deferred.js";
import { heapBytes } from "../testing/heap.js";
import { testSeed } from "../testing/seeded-random.js";
import { TestAuthority } from "../testing/test-authority.js";
import { until } from "../testing/until.js";
import { HELLO, Scene } from "./support/bad-peer-scene.js";
import { rawCall } from "./support/raw-call.js";
import { framed, wireNoise } from "./support/wire-noise.js";

/**
 * Frames by chance, over mutual TLS, before and after the hello. `LANDFALL_FUZZ_RUNS` runs more of them, `LANDFALL_SEED` the same
 * again. A seed that found something is added to `KEPT`, and run ever after.
 */
const RUNS = Number(process.env["LANDFALL_FUZZ_RUNS"] ?? 60);
const SEED = testSeed();
const KEPT: readonly number[] = [1, 9101];
const KEPT_RUNS = 15;
const TIMEOUT_MS = Math.max(180_000, RUNS * 1_000);
/** What a node may hold more after all runs than after some; a leak of one frame or connection each is more. */
const GROWTH_BYTES_MAX = 8 * 1024 * 1024;

const HELLO_FRAME = framed(Frame.encode({ body: { $case: "hello", value: HELLO } }).finish());

let authority: TestAuthority;
let singapore: TlsSettings;
let scene: Scene;
beforeAll(async () => {
  authority = await TestAuthority.create();
  singapore = await authority.issue({ site: "singapore" });
});
afterAll(() => authority?.close());
beforeEach(async () => {
  scene = await Scene.open({ direction: "it dials us", authority });
  scene.peer.leave();
});
afterEach(() => scene?.close());

/** Singapore's call, of which a test writes the bytes. */
function call() {
  const { session, stream } = rawCall(scene.tokyo.replicator.port as number, singapore);
  const heard: Buffer[] = [];
  const first = deferred<void>();
  const ended = deferred<void>();
  stream.on("data", (chunk: Buffer) => {
    heard.push(chunk);
    first.resolve();
  });
  stream.on("close", () => {
    first.resolve();
    ended.resolve();
  });
  return { session, stream, heard: () => framesIn(Buffer.concat(heard)), first: first.promise, ended: ended.promise };
}

/** What a node has said, as far as it came. */
function framesIn(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    frames.push(Frame.decode(new Uint8Array(bytes.subarray(at + 5, end))));
    at = end;
  }
  return frames;
}

/** Says it all, hangs up, and waits for the end. @returns what the node has said */
async function say(pieces: readonly Buffer[], greets: boolean): Promise<Frame[]> {
  const { session, stream, heard, first, ended } = call();
  if (greets) {
    stream.write(HELLO_FRAME);
    await first;
  }
  for (const piece of pieces) if (!stream.destroyed) stream.write(piece);
  stream.end();
  await ended;
  session.destroy();
  return heard();
}

describe(`U2: whatever frames come over mutual TLS, the node goes on (seed ${SEED}, ${RUNS} runs)`, () => {
  async function runs(greets: boolean): Promise<void> {
    const check = async (pieces: readonly Buffer[]) => {
      for (const { body } of await say(pieces, greets)) {
        // S1, R8: to say how far it has a history is to acknowledge it; of Singapore's, nothing was stored.
        const told = body?.$case === "announce" ? body.value.holdings : [];
        expect(told.filter(({ origin, next }) => origin.startsWith("singapore.") && next > 0)).toEqual([]);
      }
    };
    const links = () => scene.tokyo.replicator.links().filter(({ state }) => state === "up");
    let before = 0;
    for (const seed of [...KEPT, SEED]) {
      const numRuns = seed === SEED ? RUNS : Math.min(RUNS, KEPT_RUNS);
      await fc.assert(fc.asyncProperty(wireNoise, check), { seed, numRuns, endOnFailure: true });
      if (seed !== SEED) before = heapBytes();
    }
    // Nothing of all those calls is left but what is recorded of them, and the other link goes on.
    await until(() => links().length === 1);
    await scene.isUnharmed();
    expect(heapBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  }

  it("before the hello", () => runs(false), TIMEOUT_MS);

  it("S1: after the hello, and nothing is acknowledged that is not stored", () => runs(true), TIMEOUT_MS);
});
