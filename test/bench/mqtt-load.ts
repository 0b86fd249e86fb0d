import { connect, type Socket } from "node:net";
import { containerCheckDigit } from "@landfall/proto/identifiers";

/** What one run sends: QoS 1, each connection keeps `window` writes of `chunk` messages unacknowledged. */
export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly chunk: number;
  readonly window: number;
  /** Messages of all connections together; a multiple of connections × chunk. */
  readonly messages: number;
  /** Containers that they come from. */
  readonly topics: number;
  /** Time of the first message; each later one of a container is a second newer, so none is a repetition. */
  readonly firstTime: number;
}

export interface LoadResult {
  readonly messagesPerSecond: number;
  /** From a write to the last PUBACK of its messages. */
  readonly ackMsMedian: number;
  readonly ackMs99: number;
}

const CONNACK_BYTES = 4;
const PUBACK_BYTES = 4;

/** Encodes everything first, then sends: what is measured is the broker, not the client. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const perConnection = load.messages / load.connections;
  const writes = Array.from({ length: load.connections }, (_, c) => encode(load, c, perConnection));
  const sockets = await Promise.all(writes.map((_, c) => handshake(load.port, `bench-${c}`)));
  const latencies: number[] = [];
  const start = performance.now();
  await Promise.all(sockets.map((socket, c) => pump(socket, writes[c] ?? [], load, latencies)));
  const seconds = (performance.now() - start) / 1000;
  for (const socket of sockets) socket.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return { messagesPerSecond: load.messages / seconds, ackMsMedian: at(0.5), ackMs99: at(0.99) };
}

function encode(load: Load, connection: number, count: number): Buffer[] {
  const writes: Buffer[] = [];
  for (let at = 0; at < count; at += load.chunk) {
    const packets: Buffer[] = [];
    for (let i = at; i < Math.min(at + load.chunk, count); i++) packets.push(publish(load, connection, i));
    writes.push(Buffer.concat(packets));
  }
  return writes;
}

/** Each connection speaks for containers of its own, as gateways do; the `n`-th message of it. */
function publish(load: Load, connection: number, n: number): Buffer {
  const own = Math.floor(load.topics / load.connections);
  const serial = String(connection * own + (n % own)).padStart(6, "0");
  const topic = Buffer.from(`containers/MSKU${serial}${containerCheckDigit(`MSKU${serial}`)}/telemetry`);
  const time = load.firstTime + Math.floor(n / own) * 1000;
  const id = (n % 65_535) + 1;
  const varying = (n * 2_654_435_761) % 1000;
  const payload = Buffer.from(
    `{"time":${time},"latitude":${(35 - varying / 100).toFixed(4)},"longitude":139.7812,"temperatureC":${(4 + varying / 500).toFixed(2)},"humidityPct":61,"batteryPct":88}`,
  );
  const length = 2 + topic.length + 2 + payload.length;
  const head = Buffer.from([0x32, (length & 0x7f) | 0x80, length >> 7, topic.length >> 8, topic.length & 0xff]);
  return Buffer.concat([head, topic, Buffer.from([id >> 8, id & 0xff]), payload]);
}

function handshake(port: number, clientId: string): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const id = Buffer.from(clientId);
  socket.write(
    Buffer.concat([Buffer.from([0x10, 12 + id.length, 0, 4, 77, 81, 84, 84, 4, 2, 0, 0, 0, id.length]), id]),
  );
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("data", (reply: Buffer) => {
      if (reply.length === CONNACK_BYTES && reply[3] === 0) resolve(socket);
      else reject(new Error(`the broker refused the connection: ${reply.toString("hex")}`));
    });
  });
}

function pump(socket: Socket, writes: readonly Buffer[], load: Load, latencies: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const sentAt: number[] = [];
    let acknowledged = 0;
    let bytes = 0;
    const send = () => {
      const next = writes[sentAt.length];
      if (next === undefined) return;
      sentAt.push(performance.now());
      socket.write(next);
    };
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      for (; acknowledged < writes.length; acknowledged++) {
        const messages = Math.min(load.chunk * (acknowledged + 1), load.messages / load.connections);
        if (bytes < messages * PUBACK_BYTES) break;
        latencies.push(performance.now() - (sentAt[acknowledged] ?? 0));
        send();
      }
      if (acknowledged === writes.length) resolve();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the broker closed the connection")));
    for (let i = 0; i < load.window; i++) send();
  });
}
