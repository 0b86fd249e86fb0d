import { connect, type Socket } from "node:net";
import { connect as tls } from "node:tls";
import { setTimeout as pause } from "node:timers/promises";
import { generate, type Packet } from "mqtt-packet";

/** Whom hostile clients attack, and with what. */
export interface Target {
  readonly port: number;
  readonly tlsPort: number;
  /** Credentials that are good: some misbehave after they were let in. */
  readonly insiders: readonly { readonly name: string; readonly password: string; readonly container: string }[];
  /** A container that is not theirs. */
  readonly victim: string;
}

export interface Attempt {
  readonly target: Target;
  readonly random: () => number;
  readonly address: string;
  /** For so long, at most. */
  readonly ms: number;
}

/** Ways of misbehaving, by name. Each ends by itself, and its connection with it. */
export const WAYS: Readonly<Record<string, (attempt: Attempt) => Promise<void>>> = {
  "says nothing": (a) => withSocket(a, async () => pause(a.ms)),
  "says nothing over TLS": (a) => withSocket(a, async () => pause(a.ms), a.target.tlsPort),
  "begins a CONNECT byte by byte": (a) =>
    withSocket(a, async (socket) => {
      const bytes = generate(connectOf(a, { clientId: "slow" }));
      for (const byte of bytes.subarray(0, 20)) {
        if (socket.destroyed) return;
        socket.write(Buffer.from([byte]));
        await pause(a.ms / 20);
      }
    }),
  "sends garbage": (a) =>
    withSocket(a, async (socket) => {
      socket.write(noise(a.random, 2_000));
      await gone(socket, a.ms);
    }),
  "sends garbage over TLS": (a) =>
    withSocket(a, (socket) => (socket.write(noise(a.random, 2_000)), gone(socket, a.ms)), a.target.tlsPort),
  "guesses a password": (a) =>
    withSocket(a, async (socket) => {
      const { name } = pick(a.random, a.target.insiders);
      socket.write(
        generate(connectOf(a, { clientId: name, username: name, password: Buffer.from(String(a.random())) })),
      );
      await gone(socket, a.ms);
    }),
  "has no name": (a) =>
    withSocket(a, (socket) => (socket.write(generate(connectOf(a, { clientId: "anybody" }))), gone(socket, a.ms))),
  "announces a huge CONNECT": (a) =>
    withSocket(a, (socket) => (socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])), gone(socket, a.ms))),
  "connects and leaves at once": (a) => withSocket(a, async () => pause(5)),
  "shakes hands over TLS and leaves": (a) =>
    new Promise((resolve) => {
      const { tlsPort: port } = a.target;
      const socket = tls({ port, host: "127.0.0.1", localAddress: a.address, rejectUnauthorized: false } as never);
      const end = () => (socket.destroy(), resolve());
      socket.once("secureConnect", end).once("error", end).setTimeout(a.ms, end);
    }),
  "publishes where it may not": (a) =>
    inside(a, async (send) => {
      for (let i = 0; i < 50; i++) {
        const topic = pick(a.random, [`containers/${a.target.victim}/telemetry`, "$SYS/x/new/clients", "a/b"]);
        send({ ...PUBLISH, topic, payload: '{"temperatureC":99}', retain: true, messageId: i + 1 });
        await pause(a.ms / 50);
      }
    }),
  "floods with its own readings": (a) =>
    inside(a, async (send, { container }, socket) => {
      const end = performance.now() + a.ms;
      for (let i = 0; performance.now() < end && !socket.destroyed; i++) {
        send({ ...PUBLISH, topic: `containers/${container}/telemetry`, payload: FLOOD, messageId: (i % 60_000) + 1 });
        if (socket.writableLength > 200_000 || i % 100 === 99) await pause(50);
      }
    }),
  "floods with QoS 2 that it never releases": (a) =>
    inside(a, async (send, { container }) => {
      for (let i = 0; i < 500; i++) {
        send({ ...PUBLISH, qos: 2, topic: `containers/${container}/telemetry`, payload: FLOOD, messageId: i + 1 });
      }
      await pause(a.ms);
    }),
  "sends packets that are too large": (a) =>
    inside(a, async (send, { container }, socket) => {
      const payload = Buffer.alloc(900_000, "x");
      send({ ...PUBLISH, topic: `containers/${container}/telemetry`, payload, messageId: 1 });
      await pause(a.ms / 2);
      socket.write(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]));
      await gone(socket, a.ms / 2);
    }),
  "subscribes to everything": (a) =>
    inside(a, async (send) => {
      for (let i = 1; i <= 50; i++) {
        const filters = ["#", "$SYS/#", `containers/${a.target.victim}/commands`, `x/${i}`];
        send({ cmd: "subscribe", messageId: i, subscriptions: filters.map((topic) => ({ topic, qos: 1 })) });
      }
      await pause(a.ms);
    }),
  "never reads its acknowledgements": (a) =>
    inside(a, async (send, { container }, socket) => {
      socket.pause();
      for (let i = 0; i < 2_000 && !socket.destroyed; i++) {
        send({ ...PUBLISH, topic: `containers/${container}/telemetry`, payload: FLOOD, messageId: i + 1 });
        if (i % 100 === 99) await pause(a.ms / 20);
      }
    }),
  "begins a packet and does not end it": (a) =>
    inside(a, async (_send, _who, socket) => {
      socket.write(Buffer.from([0x32, 0xff, 0x7f, 0, 5, 0x61]));
      await gone(socket, a.ms);
    }),
  "takes over its own connection again and again": (a) =>
    inside(a, async (_send, { name, password }) => {
      for (let i = 0; i < 5; i++) {
        const again = { clientId: name, username: name, password: Buffer.from(password) };
        await withSocket(a, async (socket) => void socket.write(generate(connectOf(a, again))));
        await pause(a.ms / 5);
      }
    }),
};

const PUBLISH = { cmd: "publish", qos: 1, dup: false, retain: false } as const;
const FLOOD = '{"time":"2026-03-01T00:00:00Z","temperatureC":4.5}';

function connectOf(_a: Attempt, more: Partial<Extract<Packet, { cmd: "connect" }>>): Packet {
  return { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 30, clientId: "", ...more };
}

/** Signs in with good credentials, then misbehaves. */
function inside(
  a: Attempt,
  act: (send: (packet: Packet) => void, who: Target["insiders"][number], socket: Socket) => Promise<unknown>,
): Promise<void> {
  return withSocket(a, async (socket) => {
    const who = pick(a.random, a.target.insiders);
    const clientId = `${who.name}:${Math.floor(a.random() * 1e9)}`;
    const connack = new Promise<void>((resolve) => socket.once("data", () => resolve()));
    socket.write(generate(connectOf(a, { clientId, username: who.name, password: Buffer.from(who.password) })));
    await Promise.race([connack, gone(socket, a.ms)]);
    socket.resume();
    if (!socket.destroyed) await act((packet) => void socket.write(generate(packet)), who, socket);
  });
}

/** A connection that is there while `use` runs, and ends as a cut cable, or with an end. */
async function withSocket(a: Attempt, use: (socket: Socket) => Promise<unknown>, port = a.target.port): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: a.address });
  socket.on("error", () => undefined).resume();
  try {
    await use(socket);
  } finally {
    if (a.random() < 0.5) socket.end();
    else socket.resetAndDestroy();
    // Whoever never hears the other side's end is cut.
    setTimeout(() => socket.destroy(), 1_000).unref();
  }
}

async function gone(socket: Socket, withinMs: number): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, withinMs);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function noise(random: () => number, most: number): Buffer {
  return Buffer.from(Array.from({ length: 1 + Math.floor(random() * most) }, () => Math.floor(random() * 256)));
}

export function pick<T>(random: () => number, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}
