import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifySchema } from "fastify";
import type { HqSettings } from "../settings.js";

/** Built assets carry a hash in their names: what has the name has the bytes. */
const HASHED = /\/assets\/[^/]+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;
/** Not part of the API and its document. */
const hidden: FastifySchema & { hide: true } = { hide: true };
const YEAR_SECONDS = 31_536_000;

const NOT_BUILT = "The map is not built yet. Run `npm run build` in Landfall's folder, then load this page again.\n";

/** Where the map may ask for tiles: nowhere, unless the settings name a server of them. */
export function tileOrigins({ map }: Pick<HqSettings, "map">): readonly string[] {
  return map ? [new URL(map.tiles.url).origin] : [];
}

/** Serves the built map; every path that is no file and none of the API's is the map's own (its router's). */
export async function addWeb(http: FastifyInstance, folder: string): Promise<void> {
  await http.register(fastifyStatic, {
    root: folder,
    serve: false,
    cacheControl: false,
    etag: true,
    // Packed when the map was built; whoever cannot unpack gets the file itself.
    preCompressed: true,
    setHeaders(reply, path) {
      const policy = HASHED.test(path.replaceAll("\\", "/").replace(/\.(br|gz)$/, ""))
        ? `public, max-age=${YEAR_SECONDS}, immutable`
        : "no-cache";
      void reply.header("cache-control", policy);
    },
  });
  http.get("/*", { config: { audit: "nothing" }, schema: hidden }, (request, reply) => {
    const path = decodePath(request.url);
    if (path === undefined || path === "/api" || path.startsWith("/api/")) return reply.callNotFound();
    // A file's name has an ending; what has none is a page of the map.
    const isFile = /\.[A-Za-z0-9]+$/.test(path);
    if (isFile) return existsSync(join(folder, path)) ? reply.sendFile(path.slice(1)) : reply.callNotFound();
    if (!existsSync(join(folder, "index.html"))) {
      return reply.code(503).type("text/plain; charset=utf-8").header("retry-after", "5").send(NOT_BUILT);
    }
    return reply.sendFile("index.html");
  });
}

/** Undefined for what is no path: broken escapes, control characters, a way out of the folder. */
function decodePath(url: string): string | undefined {
  try {
    const path = decodeURIComponent(url.split("?", 1)[0] ?? "");
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    return /[\u0000-\u001f\\]/.test(path) || path.split("/").includes("..") ? undefined : path;
  } catch {
    return undefined;
  }
}
