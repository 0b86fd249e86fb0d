import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import { VALUE_BYTES_MAX } from "../src/limits.js";
import { DISTANCE_INFINITE, type Message } from "../src/replication/machine-state.js";
import { CREDIT_BYTES_MAX, FRAME_BYTES_MAX, KEYS_PER_LINK_MAX } from "../src/replication/wire-limits.js";
import { topicName } from "../src/model/names.js";
import type { TimestampMs } from "../src/model/record.js";
import type { TlsSettings } from "../src/settings/node-settings.js";
import { dialBadly } from "../testing/bad-peer.js";
import { deferred } from "../testing/deferred.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { TestAuthority } from "../testing/test-authority.js";
import { until } from "../testing/until.js";
import { CONTAINERS, HELLO, Scene, exceptionsOf, type Direction } from "./support/bad-peer-scene.js";
import { rawCall } from "./support/raw-call.js";
import { framed } from "./support/wire-noise.js";

const DIRECTIONS: readonly Direction[] = ["it dials us", "we dial it"];
const SEED = testSeed(20_261_128);

let authority: TestAuthority;
let singapore: TlsSettings;
let scene: Scene;
beforeAll(async () => {
  authority = await TestAuthority.create();
  singapore = await authority.issue({ site: "singapore" });
});
afterAll(() => authority.close());
afterEach(() => scene?.close());

const ping: Message = { $case: "ping", value: { token: 1 } };
const bytesOf = (body: Message): Uint8Array => Frame.encode({ body }).finish();
const hello: Message = { $case: "hello", value: HELLO };
const credit: Message = { $case: "credit", value: { bytes: CREDIT_BYTES_MAX - 1 } };

/** Until it is cut off, or `frames` were sent. Waits in between for what was sent to be on its way. */
async function flood(make: (i: number) => Message | Uint8Array, frames = Infinity): Promise<void> {
  for (let i = 0; i < frames && !scene.peer.hasEnded; i++) {
    scene.peer.send(make(i));
    if (i % 20 === 19) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

describe.each(DIRECTIONS)("U2: a peer that does not end, %s", (direction) => {
  it.each([
    ["pings", () => ping],
    ["frames of kinds that nobody knows", () => Buffer.from("a21f03010203", "hex")],
    ["stops of requests that never were", (i: number): Message => ({ $case: "stop", value: { id: i } })],
  ])("an endless stream of %s: cut off, and recorded", async (_what, make) => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    // What a peer may say grows with time: a machine that is slow enough would take all of it.
    await scene.atOnce(() => flood(make));
    expect((await scene.peer.ended()).code).toBe("OVERLOADED");
    await scene.isRecorded("OVERLOADED", /more frames/);
    await scene.isUnharmed();
  });

  it("announcements of histories without end: cut off, and recorded", async () => {
    scene = await Scene.open({ direction, authority });
    await scene.greet();
    const perFrame = 5_000;
    const announcement = (frame: number): Message => {
      const holdings = Array.from({ length: perFrame }, (_, i) => {
        const origin = `singapore.a~${frame * perFrame + i}`;
        return { stream: CONTAINERS, origin, next: 0, distance: DISTANCE_INFINITE, holes: [] };
      });
      return { $case: "announce", value: { holdings } };
    };
    await flood(announcement, KEYS_PER_LINK_MAX / perFrame + 1);
    expect((await scene.peer.ended()).code).toBe("OVERLOADED");
    await scene.isRecorded("OVERLOADED", /histories/);
    await scene.isUnharmed();
  });
});

describe("U2: what no stub would send", () => {
  /** Singapore's call over HTTP/2 as it is. */
  function call() {
    const { session, stream } = rawCall(scene.tokyo.replicator.port as number, singapore);
    const ended = deferred<Record<string, unknown>>();
    stream.on("trailers", (trailers) => ended.resolve(trailers));
    stream.on("close", () => ended.resolve({}));
    stream.resume();
    return { session, stream, ended: ended.promise };
  }

  it("a frame over the limit is refused before it is read, and recorded", async () => {
    scene = await Scene.open({ direction: "it dials us", authority });
    const { session, stream, ended } = call();
    stream.write(framed(Buffer.alloc(16), FRAME_BYTES_MAX + 1));
    expect((await ended)["landfall-code"]).toBe("PROTOCOL_ERROR");
    await scene.isRecorded("PROTOCOL_ERROR", /larger than max/);
    await scene.isUnharmed();
    session.destroy();
  });

  it("a frame over the limit that a listener sends is refused, and recorded", async () => {
    const [ca, key, cert] = [singapore.ca, singapore.key, singapore.cert].map((path) => readFileSync(path));
    const server = createSecureServer({ ca, key, cert, requestCert: true });
    server.on("stream", (stream: ServerHttp2Stream) => {
      stream.on("error", () => undefined);
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      stream.write(framed(Buffer.alloc(16), FRAME_BYTES_MAX + 1));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const link = { address: `127.0.0.1:${port}` };
    scene = await Scene.open({ direction: "we dial it", authority, link, isCalled: false });
    await scene.isRecorded("PROTOCOL_ERROR", /larger than max/);
    await scene.isUnharmed();
    server.close();
  });

  it("a frame that comes byte by byte is a peer that is silent: its link goes down", async () => {
    scene = await Scene.open({ direction: "it dials us", authority });
    const { session, stream, ended } = call();
    stream.write(framed(bytesOf({ $case: "hello", value: { ...HELLO, linkClass: "lan" } })));
    const state = () => scene.tokyo.replicator.links().find(({ peer }) => peer === "singapore")?.state;
    await until(() => state() === "up");
    const frame = framed(Buffer.alloc(1_000), 1_000_000);
    let at = 0;
    const trickle = setInterval(() => stream.write(frame.subarray(at, ++at)), 200);
    await ended;
    clearInterval(trickle);
    expect(state()).toBe("down");
    await scene.isUnharmed();
    session.destroy();
  });

  it("who says nothing after it was let in is refused in time, and recorded", async () => {
    scene = await Scene.open({ direction: "it dials us", authority });
    const { session, ended } = call();
    expect((await ended)["landfall-code"]).toBe("PROTOCOL_ERROR");
    await scene.isRecorded("PROTOCOL_ERROR", /did not say hello/);
    await scene.isUnharmed();
    session.destroy();
  });
});

describe("U2: memory and disk stay bounded", () => {
  it("a peer that asks and does not read is cut off", async () => {
    scene = await Scene.open({ direction: "it dials us", authority, reads: false });
    const value = Buffer.alloc(VALUE_BYTES_MAX, 7);
    const record = { topic: topicName("CSQU3054383"), timestamp: 1_770_000_000_000 as TimestampMs, value, headers: {} };
    const { origin } = scene.tokyo.store;
    const asked = { stream: CONTAINERS, origin, from: 0, to: 0, digests: [], staged: undefined };
    // Either what waits for it becomes too much, or, where the node is slow to read what it gives, its credit.
    const isCut = () => scene.tokyo.reported.some(({ code }) => code === "OVERLOADED" || code === "PROTOCOL_ERROR");
    // It is not for its silence: what is written first takes its time.
    await scene.atOnce(async () => {
      for (let i = 0; i < 10; i++)
        await scene.tokyo.store.append(
          CONTAINERS,
          Array.from({ length: 50 }, () => record),
        );
      for (const frame of [hello, { $case: "request", value: { id: 1, ...asked } } as const]) scene.peer.send(frame);
      await until(() => {
        // As if all that was sent had come, again and again.
        if (!isCut() && !scene.peer.hasEnded) scene.peer.send({ $case: "credit", value: { bytes: 500_000 } });
        return isCut();
      });
    });
    const { code = "" } = scene.tokyo.reported[0] ?? {};
    await scene.isRecorded(code, /does not read|of credit/);
    await until(() => scene.peer.hasEnded);
  });

  it("a hundred lies leave a few records, and few names", async () => {
    scene = await Scene.open({ direction: "it dials us", authority });
    const address = `127.0.0.1:${scene.tokyo.replicator.port}`;
    for (let i = 0; i < 100; i += 20) {
      const liars = Array.from({ length: 20 }, () => dialBadly(address, singapore));
      liars.forEach((liar, n) => {
        // Each link, and each node, with another name: what they call themselves makes no kind of its own.
        liar.send({ $case: "hello", value: { ...HELLO, node: `n${i + n}`, link: `link ${i + n}` } });
        liar.send(hello);
      });
      await Promise.all(liars.map((liar) => liar.ended()));
      for (const liar of liars) liar.close();
    }
    expect(scene.tokyo.reported.length).toBeGreaterThanOrEqual(100);
    await scene.isUnharmed();
    expect((await exceptionsOf(scene.tokyo)).length).toBeLessThan(20);
    const links = scene.tokyo.replicator.links().filter(({ peer }) => peer === "singapore");
    expect(links.length).toBeLessThanOrEqual(65);
  });
});

describe(`U2: frames by chance (seed ${SEED})`, () => {
  const samples = (
    JSON.parse(readFileSync(new URL("./fixtures/wire/v1.json", import.meta.url), "utf8")) as { hex: string }[]
  ).map(({ hex }) => Buffer.from(hex, "hex"));

  it("thousands of mutated and of random frames: nothing is applied, no link stays, the node goes on", async () => {
    scene = await Scene.open({ direction: "it dials us", authority });
    scene.peer.send(ping);
    await scene.peer.ended();
    const random = seededRandom(SEED);
    const upTo = (n: number) => Math.floor(random() * n);
    const address = `127.0.0.1:${scene.tokyo.replicator.port}`;
    const known = [...samples.slice(1), bytesOf(credit), bytesOf(ping)].map((bytes) => Buffer.from(bytes));
    const mutated = (): Buffer => {
      const bytes = Buffer.from(known[upTo(known.length)] as Buffer);
      for (let n = 1 + upTo(3); n > 0; n--) bytes[upTo(bytes.length)] = upTo(256);
      return upTo(4) === 0 ? bytes.subarray(0, upTo(bytes.length)) : bytes;
    };
    const noise = (): Buffer => Buffer.from(Array.from({ length: 1 + upTo(60) }, () => upTo(256)));
    let frames = 0;
    while (frames < 2_000) {
      const liar = dialBadly(address, singapore);
      liar.send(hello);
      await liar.said("credit");
      for (let n = 0; n < 60 && !liar.hasEnded; n++, frames++) liar.send(upTo(5) === 0 ? noise() : mutated());
      // Its last word, which nobody may say.
      liar.send(hello);
      await liar.ended();
      liar.close();
    }
    await until(() =>
      scene.tokyo.replicator.links().every(({ peer, state }) => peer !== "singapore" || state === "down"),
    );
    await scene.isUnharmed();
  });
});
