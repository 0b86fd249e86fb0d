import { createServer, type Server, type Socket } from "node:net";
import { Aedes, type PublishPacket } from "aedes";

/** A real broker on a fixed port that can be killed as with `kill -9`, and keeps what it acknowledged. */
export class RealBroker {
  readonly got: string[] = [];
  /** Messages from this number on are taken and never acknowledged. */
  silentAfter = Infinity;
  private server: Server | undefined;
  private aedes: Aedes | undefined;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly port: number) {}

  async start(): Promise<void> {
    const aedes = await Aedes.createBroker();
    aedes.authorizePublish = (_client, packet: PublishPacket, done): void => {
      this.got.push(`${packet.topic} ${packet.payload.toString()}`);
      if (this.got.length <= this.silentAfter) done(null);
    };
    const server = createServer((socket) => {
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
      aedes.handle(socket);
    });
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    this.aedes = aedes;
    this.server = server;
  }

  async kill(): Promise<void> {
    for (const socket of this.sockets) socket.resetAndDestroy();
    const { server, aedes } = this;
    if (server?.listening === true) await new Promise<void>((resolve) => server.close(() => resolve()));
    await new Promise<void>((resolve) => (aedes === undefined ? resolve() : aedes.close(() => resolve())));
  }
}
