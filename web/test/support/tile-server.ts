import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { MapTiles } from "@landfall/proto/api";

/** A PNG of one blue pixel. */
const TILE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNwSDgAAAJEAWHuRLFFAAAAAElFTkSuQmCC",
  "base64",
);

export interface TileServer {
  readonly url: string;
  /** What names it to a headquarters. */
  readonly settings: MapTiles;
  /** Tiles that it was asked for. */
  readonly asked: { readonly z: number; readonly x: number; readonly y: number }[];
  close(): Promise<void>;
}

/** A server of blue tiles on loopback; what is no tile is not there. */
export async function startTileServer(): Promise<TileServer> {
  const asked: TileServer["asked"] = [];
  const server = createServer((request, response) => {
    const [, z, x, y] = /^\/sea\/(\d+)\/(\d+)\/(\d+)\.png$/.exec(request.url ?? "")?.map(Number) ?? [];
    if (z === undefined || x === undefined || y === undefined) {
      response.writeHead(404).end();
      return;
    }
    asked.push({ z, x, y });
    response.writeHead(200, { "content-type": "image/png" }).end(TILE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    settings: { url: `${url}/sea/{z}/{x}/{y}.png`, attribution: "© <b>Harbour</b> Office", maxZoom: 6 },
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
