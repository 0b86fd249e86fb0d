import type { RulesReply } from "@landfall/proto/api";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { ANONYMOUS, type Principal } from "../../access/policy.js";
import { LandfallError } from "../../model/errors.js";
import type { LandfallNode } from "../../node/node.js";
import { describeRules, ownersFor, type RulesParts } from "../../settings/fleet/describe.js";
import { isOperator } from "../principals.js";
import { problemResponses } from "../schemas.js";

/** Rules of one key, as every node tells them. */
export const RulesInForceSchema = Type.Object({
  key: Type.Enum(["access", "retention", "onboard"]),
  // Told as they are: a schema with defaults would add what nobody has set.
  rules: Type.Optional(Type.Unknown({ description: "What travelled; absent: the base alone. See docs/settings.md" })),
  base: Type.Unknown({ description: "What stands in the answering site's own settings" }),
  version: Type.Optional(Type.Integer({ description: "Offset of the newest valid document" })),
  site: Type.Optional(Type.String({ description: "Where it was written" })),
  time: Type.Optional(Type.String()),
  by: Type.Optional(Type.String()),
});

const OwnerRulesSchema = Type.Object({ owner: Type.String(), keys: Type.Array(RulesInForceSchema) });
const RulesReplySchema = Type.Unsafe<RulesReply>(
  Type.Object({ site: Type.String(), owners: Type.Array(OwnerRulesSchema) }),
);

/** Lets whoever runs the node pass. @throws LandfallError UNAUTHENTICATED, NOT_FOUND: to others there is no such route (A3) */
export function assertOperator(principal: Principal, what: string): void {
  if (principal === ANONYMOUS) throw new LandfallError("UNAUTHENTICATED", `${what}: send a bearer token`);
  if (!isOperator(principal)) throw new LandfallError("NOT_FOUND", "this is not part of this node's API");
}

/** `GET /api/rules`: the rules in force at this node and where each came from. */
export function addRulesRoute(
  http: FastifyInstance,
  node: Pick<LandfallNode, "principals" | "self">,
  parts: RulesParts,
): void {
  http.withTypeProvider<TypeBoxTypeProvider>().get(
    "/api/rules",
    {
      config: { audit: { action: "rules.show", kind: "read" } },
      schema: {
        tags: ["rules"],
        summary: "Rules in force at this site, and where each came from; for those who run it",
        querystring: Type.Object(
          { owner: Type.Optional(Type.String({ description: "Of this owner alone" })) },
          { additionalProperties: false },
        ),
        response: {
          200: RulesReplySchema,
          ...problemResponses,
        },
      },
    },
    async (request): Promise<RulesReply> => {
      const principal = await node.principals.resolve(request);
      assertOperator(principal, "rules are for those who run a site");
      const { owner } = request.query;
      const owners = ownersFor(principal, parts).filter((name) => owner === undefined || name === owner);
      return { site: node.self.site, owners: owners.map((name) => describeRules(name, parts)) };
    },
  );
}
