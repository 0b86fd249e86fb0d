import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { SimulationState } from "@landfall/proto/api";
import { SHIP } from "./settings.js";

/** The simulator's control interface: remembers what it was asked. */
export class FakeSimulator {
  readonly asked: string[] = [];
  state: SimulationState = {
    time: "2026-01-03T00:00:00.000Z",
    speed: 1000,
    waiting: true,
    ships: [
      {
        imo: SHIP,
        name: "Big Blue Hyacinth",
        phase: "docked",
        port: "JPTYO",
        latitude: 1,
        longitude: 2,
        containers: 3,
      },
    ],
    links: [],
    story: [{ time: "2026-01-03T00:00:00.000Z", text: "It begins." }],
  };
  private constructor(private readonly server: Server) {}

  static async start(): Promise<FakeSimulator> {
    const server = createServer();
    const fake = new FakeSimulator(server);
    server.on("request", (request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        fake.asked.push(`${request.method} ${request.url}${body === "" ? "" : ` ${body}`}`);
        if (request.url === "/viewer") fake.state = { ...fake.state, waiting: false };
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(request.url === "/state" ? fake.state : { ok: true }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
