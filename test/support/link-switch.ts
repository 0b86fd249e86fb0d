import net from "node:net";

/** A TCP link that the test cuts and restores: cut means connections destroyed and new ones refused. */
export interface LinkSwitch {
  readonly port: number;
  /** Bytes that went through, both ways. */
  readonly bytes: number;
  cut(): void;
  restore(): void;
  close(): Promise<void>;
}

export async function openSwitch(targetPort: number, up: boolean): Promise<LinkSwitch> {
  const sockets = new Set<net.Socket>();
  let open = up;
  let bytes = 0;
  const server = net.createServer((near) => {
    if (!open) {
      near.destroy();
      return;
    }
    const far = net.connect({ port: targetPort, host: "127.0.0.1" });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("data", (chunk) => (bytes += chunk.byteLength));
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const cut = () => {
    open = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as net.AddressInfo).port,
    get bytes() {
      return bytes;
    },
    cut,
    restore: () => {
      open = true;
    },
    close: () =>
      new Promise((resolve) => {
        cut();
        server.close(() => resolve());
      }),
  };
}
