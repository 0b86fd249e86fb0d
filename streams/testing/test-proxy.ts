import net from "node:net";

const PACKET_BYTES = 1_400;

export interface TestProxy {
  readonly port: number;
  /** Bytes that came in so far, from both sides. */
  readonly bytes: number;
  /** Bytes that have gone out to the listener so far. */
  readonly bytesToListener: number;
  /** From now on nothing more comes back to the dialler, or goes to the listener; reading goes on. */
  hold(direction: "to-dialler" | "to-listener"): void;
  /** Ends every `hold`, for what comes from now on. */
  release(): void;
  /** Destroys all connections; new ones are accepted. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * A TCP proxy on loopback that holds every byte for a while, both ways: a long link for tests.
 * @param kbps thousands of bits a second in each direction, for each connection; 0 for as fast as it goes
 */
export async function testProxy(targetPort: number, oneWayMs: number, kbps = 0): Promise<TestProxy> {
  const sockets = new Set<net.Socket>();
  const held = new Set<string>();
  let bytes = 0;
  let bytesToListener = 0;
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    pipe(near, far, "to-listener");
    pipe(far, near, "to-dialler");
  });
  function pipe(from: net.Socket, to: net.Socket, direction: string): void {
    let freeAt = 0;
    const waiting: (() => void)[] = [];
    const after = (chunkBytes: number): number => {
      const now = performance.now();
      freeAt = Math.max(now, freeAt) + (kbps > 0 ? (chunkBytes * 8) / kbps : 0);
      return freeAt - now + oneWayMs;
    };
    // In order, whichever timer fires first: under load, one that was set later may.
    const later = (chunkBytes: number, act: () => void): void => {
      waiting.push(act);
      setTimeout(() => waiting.shift()?.(), after(chunkBytes));
    };
    from.on("data", (chunk) => {
      bytes += chunk.byteLength;
      if (held.has(direction)) return;
      for (const packet of kbps > 0 ? packets(chunk) : [chunk]) {
        later(packet.byteLength, () => {
          if (direction === "to-listener") bytesToListener += packet.byteLength;
          to.write(packet);
        });
      }
    });
    from.on("end", () => later(0, () => void to.end()));
    from.on("close", () => later(0, () => void to.destroy()));
  }
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as net.AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    get bytes() {
      return bytes;
    },
    get bytesToListener() {
      return bytesToListener;
    },
    hold: (direction) => held.add(direction),
    release: () => held.clear(),
    cut,
    close: () =>
      new Promise((resolve) => {
        cut();
        server.close(() => resolve());
      }),
  };
}

/** As a slow link would deliver them: not in bursts. */
function* packets(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.byteLength; at += PACKET_BYTES) yield chunk.subarray(at, at + PACKET_BYTES);
}
