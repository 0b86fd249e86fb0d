import type { GrantReply, GrantsReply } from "@landfall/proto/api";
import {
  GRANT_BYTES_MAX,
  GRANT_NOTE_CHARS_MAX,
  GRANT_STREAMS_MAX,
  GRANT_TOPICS_MAX,
} from "@landfall/streams/settings/fleet/grant-document";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { GRANTS_LISTED_MAX } from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";
import { notFound } from "../refusals.js";
import { answers, GrantReplySchema, GrantsReplySchema } from "../schemas.js";

const tags = ["grants"];
const Owner = Type.String({ minLength: 1, maxLength: 100, description: "Company whose streams are shared" });
const Time = Type.String({ format: "date-time", maxLength: 40 });
const opt = Type.Optional;

interface GrantName {
  readonly owner: string;
  readonly subject?: string;
  readonly id?: string;
}

/** Who sees a part of somebody's streams for a while: made, listed and taken back by those who administer these streams. */
export function addGrantRoutes(app: HqApp, { grantsDesk }: HqContext): void {
  // Before anything else is looked at: to whoever has nothing to share, these routes do not exist.
  const onRequest = (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void =>
    done(grantsDesk.mayShare(request.principal) ? undefined : notFound("route"));

  app.get(
    "/api/grants",
    {
      onRequest,
      config: { audit: { action: "grant.list", kind: "read" } },
      schema: {
        tags,
        summary: "Grants and links of streams that you administer, the newest first",
        querystring: Type.Object({ owner: opt(Owner) }, { additionalProperties: false }),
        response: answers(GrantsReplySchema),
      },
    },
    (request): GrantsReply => ({
      grants: grantsDesk.list(request.principal, request.query.owner).slice(0, GRANTS_LISTED_MAX),
    }),
  );

  app.post(
    "/api/grants",
    {
      bodyLimit: GRANT_BYTES_MAX,
      onRequest,
      config: {
        audit: {
          action: "grant.make",
          kind: "change",
          subject: ({ body }) => (body as GrantName).subject,
          owners: ({ body }) => [(body as GrantName).owner],
          detail: ({ body }) => body as Readonly<Record<string, unknown>>,
        },
      },
      schema: {
        tags,
        summary: "Show somebody, or whoever holds a link, a part of a company's streams for a while",
        body: Type.Object(
          {
            owner: Owner,
            subject: Type.String({ minLength: 1, maxLength: 260, description: "u:name, g:group, r:role, or link" }),
            streams: opt(
              Type.Array(Type.String({ minLength: 1, maxLength: 249 }), { minItems: 1, maxItems: GRANT_STREAMS_MAX }),
            ),
            topics: opt(
              Type.Array(Type.String({ minLength: 1, maxLength: 249 }), { minItems: 1, maxItems: GRANT_TOPICS_MAX }),
            ),
            from: opt(Time),
            to: opt(Time),
            voyage: opt(
              Type.Boolean({ description: "The voyage that the one container is on, instead of from and to" }),
            ),
            validUntil: opt(Time),
            note: opt(Type.String({ maxLength: GRANT_NOTE_CHARS_MAX })),
          },
          { additionalProperties: false },
        ),
        response: answers(GrantReplySchema),
      },
    },
    (request): Promise<GrantReply> => grantsDesk.make(request.principal, request.body),
  );

  app.delete(
    "/api/grants",
    {
      onRequest,
      config: {
        audit: {
          action: "grant.revoke",
          kind: "change",
          subject: ({ query }) => (query as GrantName).id,
          owners: ({ query }) => [(query as GrantName).owner],
        },
      },
      schema: {
        tags,
        summary: "Take a grant or a link back, at every site that hears of it",
        querystring: Type.Object(
          { owner: Owner, id: Type.String({ minLength: 1, maxLength: 32 }) },
          { additionalProperties: false },
        ),
        response: answers(GrantReplySchema),
      },
    },
    (request): Promise<GrantReply> => grantsDesk.revoke(request.principal, request.query.owner, request.query.id),
  );
}
