import { connect, createServer, type Server, type Socket } from "node:net";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { LinkProxy } from "../src/link-proxy/link-proxy.js";
import {
  LINK_BUFFER_BYTES_MAX,
  LINK_BUFFER_BYTES_MIN,
  LINK_PIECE_BYTES_MAX,
} from "../src/link-proxy/link-proxy-limits.js";
import { bufferBytes, jitterDelayMs, Line, lossDelayMs, pieceBytes, type Shape } from "../src/link-proxy/shaper.js";

const CLEAR: Shape = { latencyMs: 0, kbps: 0, lossPct: 0 };

/** A linear congruential generator (Numerical Recipes): the same numbers every time. */
function seededRandom(seed = 7): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server does not listen");
  return address.port;
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
  const host = "127.0.0.1";
  const proxy = new LinkProxy({
    listen: { host, port: 0 },
    target: { host, port },
    shape: { ...CLEAR, ...shape },
    random: seededRandom(),
  });
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

  it("with jitter, pieces come up to so much later, never out of turn, and other connections overtake", () => {
    const shape: Shape = { ...CLEAR, latencyMs: 50, jitterMs: 100 };
    const random = seededRandom();
    const [one, other] = [new Line(random), new Line(random)];
    let last = 0;
    let overtaken = 0;
    for (let now = 0; now < 10_000; now += 20) {
      const out = one.send(100, now, shape);
      expect(out).toBeGreaterThanOrEqual(Math.max(last, now + 50));
      // Later than its own lateness only where it waits behind the one before it.
      expect(out).toBeLessThanOrEqual(Math.max(last, now + 150));
      last = out;
      if (other.send(100, now + 1, shape) < out) overtaken++;
    }
    expect(overtaken).toBeGreaterThan(50);
    expect(overtaken).toBeLessThan(450);
    expect(jitterDelayMs(CLEAR, () => 1)).toBe(0);
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

  it("held in one direction, it loses what is sent there, and nothing else; a cut leaves it up", async () => {
    const far: Socket[] = [];
    const heard: string[] = [];
    const port = await peer((socket) => {
      far.push(socket);
      socket.on("data", (data: Buffer) => heard.push(String(data)));
      socket.write("welcome");
    });
    const { proxy, port: at } = await proxyTo(port);
    const socket = dial(at);
    await new Promise((resolve) => socket.once("data", resolve));
    proxy.hold("to-dialler");
    far[0]?.write("lost");
    socket.write("still heard");
    await until(() => heard.join("") === "still heard" && proxy.bytesIn("to-dialler") === "welcomelost".length);
    proxy.release();
    far[0]?.write("back");
    expect(String(await new Promise<Buffer>((resolve) => socket.once("data", resolve)))).toBe("back");
    expect(proxy.bytesOut("to-dialler")).toBe("welcomeback".length);
    expect(proxy.bytesOut("to-listener")).toBe("still heard".length);
    proxy.cut();
    await closed(socket);
    expect(String(await new Promise<Buffer>((resolve) => dial(at).once("data", resolve)))).toBe("welcome");
  });

  it("with losses and jitter everything arrives, in order", async () => {
    const port = await peer((socket) => socket.pipe(socket));
    const { port: at } = await proxyTo(port, { lossPct: 5, jitterMs: 30 });
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
