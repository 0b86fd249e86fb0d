import type { TokenReply, TokensReply } from "@landfall/proto/api";
import { LandfallError } from "@landfall/streams/model/errors";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { mayManagePeople } from "../../auth/controls.js";
import { describeToken } from "../../auth/machine-tokens.js";
import {
  BODY_BYTES_MAX,
  LABEL_CHARS_MAX,
  TOKEN_DAYS_DEFAULT,
  TOKEN_DAYS_MAX,
  USERNAME_CHARS_MAX,
} from "../../limits.js";
import type { HqApp, HqContext } from "../context.js";
import { answers, answersNothing, TokenSchema, TokensReplySchema } from "../schemas.js";

const tags = ["people"];

/** Bearer tokens for programs: one's own, or, for administrators, anybody's. */
export function addTokenRoutes(app: HqApp, { tokens, peopleDesk }: HqContext): void {
  /** A token cannot make more of itself, or it would outlive its end. */
  const mayManage = ({ credential, principal }: FastifyRequest, user: string): boolean =>
    mayManagePeople(principal) || (credential?.kind === "session" && user === principal.user);

  app.get(
    "/api/tokens",
    {
      config: { audit: { action: "token.list", kind: "read" } },
      schema: {
        tags,
        summary: "Bearer tokens: yours, or, for administrators, all",
        response: answers(TokensReplySchema),
      },
    },
    ({ principal }): TokensReply => ({
      tokens: tokens.list(mayManagePeople(principal) ? undefined : principal.user).map(describeToken),
    }),
  );

  app.post(
    "/api/tokens",
    {
      bodyLimit: BODY_BYTES_MAX,
      config: {
        audit: {
          action: "token.create",
          kind: "change",
          subject: ({ body, principal }) => (body as { readonly user?: string } | undefined)?.user ?? principal.user,
          detail: ({ body }) => body as Readonly<Record<string, unknown>>,
        },
      },
      schema: {
        tags,
        summary: "Make a bearer token for a program: it is shown this once",
        body: Type.Object(
          {
            user: Type.Optional(Type.String({ minLength: 1, maxLength: USERNAME_CHARS_MAX })),
            label: Type.String({ minLength: 1, maxLength: LABEL_CHARS_MAX, description: "What it is for" }),
            days: Type.Integer({ minimum: 1, maximum: TOKEN_DAYS_MAX, default: TOKEN_DAYS_DEFAULT }),
          },
          { additionalProperties: false },
        ),
        response: answers(TokenSchema),
      },
    },
    async (request): Promise<TokenReply> => {
      const { body, principal } = request;
      if (!mayManage(request, body.user ?? principal.user)) {
        throw new LandfallError(
          "NOT_FOUND",
          "tokens are made by administrators, or by people for themselves once signed in",
        );
      }
      const { token, text } = await peopleDesk.createToken(principal.user, body);
      return { ...describeToken(token), token: text };
    },
  );

  app.delete(
    "/api/tokens/:id",
    {
      config: {
        audit: {
          action: "token.revoke",
          kind: "change",
          subject: ({ params }) => (params as { readonly id: string }).id,
        },
      },
      schema: {
        tags,
        summary: "Revoke a bearer token: it is good for nothing from now on",
        params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) }),
        response: answersNothing("There is no such token any more"),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const token = tokens.get(id);
      // One that is not theirs and one that is not there look the same (A3).
      const isOwnHand = token !== undefined && (mayManage(request, token.user) || request.credential?.id === id);
      if (!isOwnHand) throw new LandfallError("NOT_FOUND", "there is no such token of yours");
      await tokens.revoke((other) => other.id === id);
      return reply.code(204).send();
    },
  );
}
