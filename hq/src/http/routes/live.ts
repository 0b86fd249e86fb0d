import type { OutgoingHttpHeaders } from "node:http";
import { problemResponses } from "@landfall/streams/http/schemas";
import { Type } from "typebox";
import { LIVE_BUFFER_BYTES_MAX } from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";

/** Server-sent events: what changes, as far as the reader may know it, until the session ends. */
export function addLiveRoute(app: HqApp, { node, hub, seeAs }: HqContext): void {
  app.get(
    "/api/live",
    {
      // A HEAD of it would be a reader who never reads.
      exposeHeadRoute: false,
      config: { audit: { action: "live.feed", kind: "read", isFeed: true } },
      schema: {
        tags: ["live"],
        summary: "What changes, as server-sent events; resumes by Last-Event-ID",
        response: {
          200: { description: "Events", content: { "text/event-stream": { schema: Type.String() } } },
          ...problemResponses,
        },
      },
    },
    (request, reply) => {
      const { principal, credential } = request;
      hub.assertRoom(principal);
      const isSame = seeAs.stillStands(principal);
      const lastEventId = request.headers["last-event-id"];
      reply.hijack();
      const { raw } = reply;
      // Nothing comes after a feed: its end is the end of the connection, also when the node closes.
      raw.shouldKeepAlive = false;
      raw.writeHead(200, {
        ...(reply.getHeaders() as OutgoingHttpHeaders),
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        // Proxies that would collect the answer first.
        "x-accel-buffering": "no",
      });
      raw.flushHeaders();
      const stop = hub.open(
        {
          principal,
          isAlive: () =>
            (credential === undefined || credential.isAlive()) && node.grants.stands(principal) && isSame(),
          sink: {
            write(text) {
              if (raw.destroyed || raw.writableEnded) return false;
              raw.write(text);
              return raw.writableLength <= LIVE_BUFFER_BYTES_MAX;
            },
            end() {
              // What a slow reader has not taken would keep the socket.
              if (raw.writableLength > LIVE_BUFFER_BYTES_MAX) raw.destroy();
              else raw.end();
            },
          },
        },
        typeof lastEventId === "string" ? lastEventId : undefined,
      );
      raw.on("close", stop).on("error", stop);
      request.raw.on("error", stop);
    },
  );
}
