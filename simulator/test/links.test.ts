import { connect, createServer, type Server, type Socket } from "node:net";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { LinkBoard, type LinkSpec } from "../src/links/board.js";
import { LinkProxy } from "../src/links/proxy.js";
import { bufferBytes, Line, lossDelayMs, pieceBytes, type Shape } from "../src/links/shaper.js";
import { LINK_BUFFER_BYTES_MAX, LINK_BUFFER_BYTES_MIN, LINK_PIECE_BYTES_MAX } from "../src/limits.js";
import { uniform } from "../src/random.js";
import type { ShipState } from "../src/world/state.js";
import { listening, newWorld, until } from "./support.js";

const CLEAR: Shape = { latencyMs: 0, kbps: 0, lossPct: 0 };

function seededRandom(seed = 7): () => number {
  let drawn = 0;
  return () => uniform(seed, drawn++);
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server that keeps what it gets and sends back what the test wants. */
async function peer(onSocket: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    closing.push(() => socket.destroy());
    onSocket(socket);
  });
  closing.push(() => server.close());
  return listening(server);
}

async function proxyTo(port: number, shape: Partial<Shape> = {}): Promise<{ proxy: LinkProxy; port: number }> {
  const proxy = new LinkProxy({ host: "127.0.0.1", port: 0 }, { host: "127.0.0.1", port }, { ...CLEAR, ...shape });
  const at = await proxy.listen();
  closing.push(() => proxy.close());
  proxy.setState("up");
  return { proxy, port: at };
}

function dial(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  closing.push(() => socket.destroy());
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

describe("line", () => {
  it("lets nothing out before its latency, in order, and no more than its bandwidth", () => {
    const shapes = fc.record({
      latencyMs: fc.nat(2_000),
      kbps: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 50_000 })),
      lossPct: fc.nat(50),
    });
    const pieces = fc.array(
      fc.record({ bytes: fc.integer({ min: 1, max: 20_000 }), wait: fc.nat(50), shape: shapes }),
      {
        minLength: 1,
        maxLength: 50,
      },
    );
    fc.assert(
      fc.property(pieces, (list) => {
        const line = new Line(seededRandom());
        let now = 1_000;
        let last = 0;
        for (const { bytes, wait, shape } of list) {
          now += wait;
          const out = line.send(bytes, now, shape);
          expect(out).toBeGreaterThanOrEqual(
            now + shape.latencyMs + (shape.kbps > 0 ? (bytes * 8) / shape.kbps : 0) - 1e-6,
          );
          expect(out).toBeGreaterThanOrEqual(last);
          last = out;
        }
      }),
      { seed: 9_213 },
    );
    const line = new Line(() => 1);
    const outs = Array.from({ length: 100 }, () => line.send(1_000, 0, { ...CLEAR, latencyMs: 40, kbps: 800 }));
    // 100 kB at 100 kB/s: the last byte leaves after a second, and arrives 40 ms later.
    expect(outs.at(-1)).toBeCloseTo(1_040, 6);
  });

  it("loses the share that was asked for; what is lost comes a round trip later, or twice that", () => {
    const shape: Shape = { latencyMs: 150, kbps: 0, lossPct: 10 };
    const delays = Array.from(
      { length: 20_000 },
      (
        (random) => () =>
          lossDelayMs(100, shape, random)
      )(seededRandom()),
    );
    expect([...new Set(delays)].sort((a, b) => a - b).slice(0, 4)).toEqual([0, 300, 900, 2_100]);
    const lost = delays.filter((delay) => delay > 0).length / delays.length;
    expect(lost).toBeGreaterThan(0.09);
    expect(lost).toBeLessThan(0.11);
    // Many packets together are rarely all there at once.
    expect(lossDelayMs(146_000, shape, () => 0.999)).toBeGreaterThan(0);
    expect(lossDelayMs(146_000, { ...shape, lossPct: 0 }, () => 0)).toBe(0);
    expect(lossDelayMs(100, { ...shape, lossPct: 50 }, () => 0)).toBe(300 * (2 ** 6 - 1));
  });

  it("cuts into pieces and buffers within its bounds", () => {
    for (const kbps of [0, 1, 64, 3_000, 1_000_000]) {
      expect(pieceBytes(kbps, LINK_PIECE_BYTES_MAX)).toBeGreaterThanOrEqual(512);
      expect(pieceBytes(kbps, LINK_PIECE_BYTES_MAX)).toBeLessThanOrEqual(LINK_PIECE_BYTES_MAX);
      const bytes = bufferBytes({ ...CLEAR, latencyMs: 300, kbps }, LINK_BUFFER_BYTES_MIN, LINK_BUFFER_BYTES_MAX);
      expect(bytes).toBeGreaterThanOrEqual(LINK_BUFFER_BYTES_MIN);
      expect(bytes).toBeLessThanOrEqual(LINK_BUFFER_BYTES_MAX);
    }
  });
});

describe("proxy over real sockets", () => {
  it("carries bytes both ways unchanged, and the end of each side", async () => {
    const port = await peer((socket) => socket.pipe(socket));
    const { proxy, port: at } = await proxyTo(port, { latencyMs: 3, kbps: 80_000 });
    const socket = dial(at);
    const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251));
    const back: Buffer[] = [];
    socket.on("data", (data: Buffer) => back.push(data));
    socket.end(sent);
    await new Promise<void>((resolve) => socket.once("end", () => resolve()));
    expect(Buffer.concat(back).equals(sent)).toBe(true);
    expect(proxy.bytes).toBe(2 * sent.length);
    await until(() => proxy.connections === 0);
  });

  it("a cut destroys what is connected and refuses what comes; restored, it works again", async () => {
    const far: Socket[] = [];
    const port = await peer((socket) => {
      far.push(socket);
      socket.pipe(socket);
    });
    const { proxy, port: at } = await proxyTo(port);
    const first = dial(at);
    first.write("hello");
    await new Promise((resolve) => first.once("data", resolve));
    proxy.setState("down");
    await closed(first);
    await closed(far[0] as Socket);
    const refused = dial(at);
    await closed(refused);
    expect(refused.bytesRead).toBe(0);
    expect(far).toHaveLength(1);
    proxy.setState("up");
    const again = dial(at);
    again.write("again");
    const answer = await new Promise<Buffer>((resolve) => again.once("data", resolve));
    expect(answer.toString()).toBe("again");
  });

  it("half-open, it keeps and accepts connections and swallows every byte; restored, those are reset", async () => {
    const far: Socket[] = [];
    const port = await peer((socket) => {
      far.push(socket);
      socket.pipe(socket);
    });
    const { proxy, port: at } = await proxyTo(port);
    const first = dial(at);
    first.write("hello");
    await new Promise((resolve) => first.once("data", resolve));
    proxy.setState("half-open");
    const second = dial(at);
    await new Promise((resolve) => second.once("connect", resolve));
    for (const socket of [first, second]) {
      await new Promise<void>((resolve) => socket.write("into the void", () => resolve()));
    }
    first.end();
    await until(() => proxy.connections === 2);
    expect(first.destroyed || second.destroyed || far[0]?.readableEnded).toBe(false);
    expect([far.length, far[0]?.bytesRead, second.bytesRead]).toEqual([1, 5, 0]);
    proxy.setState("up");
    await closed(first);
    await closed(second);
    const again = dial(at);
    again.write("again");
    expect(String(await new Promise<Buffer>((resolve) => again.once("data", resolve)))).toBe("again");
  });

  it("with losses everything arrives, in order", async () => {
    const port = await peer((socket) => socket.pipe(socket));
    const { port: at } = await proxyTo(port, { lossPct: 5 });
    const socket = dial(at);
    const sent = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 31) % 251));
    const back: Buffer[] = [];
    socket.on("data", (data: Buffer) => back.push(data));
    socket.end(sent);
    await new Promise<void>((resolve) => socket.once("end", () => resolve()));
    expect(Buffer.concat(back).equals(sent)).toBe(true);
  });

  it("an answer takes two latencies at least", async () => {
    const port = await peer((socket) => socket.pipe(socket));
    const { port: at } = await proxyTo(port, { latencyMs: 60, kbps: 0 });
    const socket = dial(at);
    await new Promise((resolve) => socket.once("connect", resolve));
    const started = performance.now();
    socket.write("ping");
    await new Promise((resolve) => socket.once("data", resolve));
    // A lower bound holds on the slowest machine.
    expect(performance.now() - started).toBeGreaterThanOrEqual(120);
  });

  it("bandwidth bounds how much has come out when", async () => {
    let got = 0;
    const arrivals: { atMs: number; bytes: number }[] = [];
    const port = await peer((socket) =>
      socket.on("data", (data: Buffer) => {
        got += data.length;
        arrivals.push({ atMs: performance.now(), bytes: got });
      }),
    );
    const { port: at } = await proxyTo(port, { latencyMs: 0, kbps: 1_600 });
    const socket = dial(at);
    const started = performance.now();
    socket.end(Buffer.alloc(60_000));
    await until(() => got === 60_000);
    // 1,600 kbit/s are 200 bytes a millisecond; never more than that has come out, whatever the machine's load.
    for (const { atMs, bytes } of arrivals) expect(bytes).toBeLessThanOrEqual((atMs - started) * 200 + 1);
    expect(performance.now() - started).toBeGreaterThanOrEqual(300);
  });

  it("pauses a sender that is faster than the line instead of buffering without bound", async () => {
    const port = await peer((socket) => socket.resume());
    const { port: at } = await proxyTo(port, { latencyMs: 0, kbps: 8 });
    const socket = dial(at);
    await new Promise((resolve) => socket.once("connect", resolve));
    const flood = 64 * 1024 * 1024;
    const chunk = Buffer.alloc(1024 * 1024);
    let sent = 0;
    while (sent < flood && socket.write(chunk)) sent += chunk.length;
    // What was written and not taken stays with the sender: the proxy and both kernels hold a few MB at the most.
    await until(() => socket.writableNeedDrain);
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(32 * 1024 * 1024);
  });

  it("a far side that does not answer closes the near side", async () => {
    const port = await peer(() => undefined);
    const gone = port === 1 ? 2 : 1;
    const { port: at } = await proxyTo(gone);
    await closed(dial(at));
  });
});

describe("link board", () => {
  const spec: LinkSpec = {
    id: "ship-9321483~singapore",
    from: "ship-9321483",
    to: "singapore",
    class: "port",
    listen: { host: "127.0.0.1", port: 0 },
    target: { host: "127.0.0.1", port: 9 },
    latencyMs: 20,
    kbps: 6_000,
    reach: { imo: "9321483", port: "SGSIN" },
  };
  const lan: LinkSpec = { ...withoutReach(spec), id: "tokyo-yard~tokyo", class: "lan" };
  const inPort = (port: string): ShipState[] =>
    newWorld().ships.map((ship) => ({
      ...ship,
      phase: { kind: "docked", port, sinceMs: 0, workFromMs: 0, departMs: 0, nextMoveMs: 0 },
    }));

  it("a ship's link is up only alongside, and not while somebody has cut it", () => {
    const board = new LinkBoard([spec, lan], {});
    const state = (): unknown[] => board.views().map(({ state, outOfReach }) => [state, outOfReach]);
    board.follow(inPort("JPTYO"));
    expect(state()).toEqual([
      ["down", true],
      ["up", false],
    ]);
    board.follow(inPort("SGSIN"));
    expect(state()[0]).toEqual(["up", false]);
    board.patch(spec.id, { state: "down" });
    expect(state()[0]).toEqual(["down", false]);
    board.follow(inPort("JPTYO"));
    board.follow(inPort("SGSIN"));
    expect(state()[0]).toEqual(["down", false]);
    board.patch(spec.id, { state: "up" });
    expect(state()[0]).toEqual(["up", false]);
  });

  it("keeps what people did, and refuses what makes no sense", () => {
    const board = new LinkBoard([spec, lan], {});
    board.patch(lan.id, { state: "down", latencyMs: 500, kbps: 64 });
    expect(new LinkBoard([spec, lan], board.overrides()).views()[1]).toMatchObject({ latencyMs: 500, kbps: 64 });
    board.patch(lan.id, { lossPct: 2 });
    const halfOpen = new LinkBoard([spec, lan], { [lan.id]: { halfOpen: true } });
    halfOpen.follow(inPort("SGSIN"));
    expect(halfOpen.views()[1]).toMatchObject({ state: "half-open", outOfReach: false, lossPct: 0 });
    expect(halfOpen.patch(lan.id, { state: "up", lossPct: 3 })).toMatchObject({ state: "up", lossPct: 3 });
    const reopened = new LinkBoard([spec, lan], board.overrides());
    reopened.follow(inPort("SGSIN"));
    expect(reopened.views().map(({ state }) => state)).toEqual(["up", "down"]);
    expect(() => board.patch("nowhere~else", { state: "up" })).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
    expect(() => board.patch(lan.id, { kbps: -1 })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => board.patch(lan.id, { lossPct: 51 })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => board.patch(lan.id, { latencyMs: 1e9 })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});

function withoutReach(spec: LinkSpec): Omit<LinkSpec, "reach"> {
  const { reach: _, ...rest } = spec;
  return rest;
}
