import net from "node:net";

export interface TestProxy {
  readonly port: number;
  /** Bytes that came in so far, from both sides. */
  readonly bytes: number;
  /** From now on nothing more comes back to the dialler, or goes to the listener; reading goes on. */
  hold(direction: "to-dialler" | "to-listener"): void;
  /** Ends every `hold`, for what comes from now on. */
  release(): void;
  /** Destroys all connections; new ones are accepted. */
  cut(): void;
  close(): Promise<void>;
}

/** A TCP proxy on loopback that holds every byte for a while, both ways: a long link for tests. */
export async function testProxy(targetPort: number, oneWayMs: number): Promise<TestProxy> {
  const sockets = new Set<net.Socket>();
  const held = new Set<string>();
  let bytes = 0;
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
    from.on("data", (chunk) => {
      bytes += chunk.byteLength;
      if (!held.has(direction)) setTimeout(() => to.write(chunk), oneWayMs);
    });
    from.on("end", () => setTimeout(() => to.end(), oneWayMs));
    from.on("close", () => setTimeout(() => to.destroy(), oneWayMs));
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
