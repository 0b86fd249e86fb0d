import type { RulesInForce, RulesOf } from "@landfall/proto/api";
import { RULE_KEYS } from "@landfall/streams/settings/fleet/document";
import { RULES_BYTES_MAX } from "@landfall/streams/settings/fleet/rule-schemas";
import { RulesInForceSchema } from "@landfall/streams/http/routes/rules";
import { Type } from "typebox";
import type { HqApp, HqContext } from "../context.js";
import { notFound } from "../refusals.js";
import { answers } from "../schemas.js";

const tags = ["rules"];
/** What stands around the rules in a request. */
const ENVELOPE_BYTES_MAX = 1_024;
const Owner = Type.String({ minLength: 1, maxLength: 100, description: "Company whose rules these are" });
const Key = Type.Enum([...RULE_KEYS]);
const Replaces = Type.Optional(
  Type.Integer({
    minimum: 0,
    description: "Version that this replaces, 0 for none: 409 when another is in force by now",
  }),
);

interface RuleName {
  readonly owner: string;
  readonly key: string;
}
const ruleOf = ({ owner, key }: RuleName): string => `${owner} ${key}`;

/** Changes rules that travel; what is in force is told by every node's `GET /api/rules`. */
export function addRulesRoutes(app: HqApp, { rulesDesk }: HqContext): void {
  // Before anything else is looked at: to whoever may not rule, these routes do not exist.
  const onRequest = (
    request: { principal: Parameters<typeof rulesDesk.mayRule>[0] },
    _reply: unknown,
    done: (e?: Error) => void,
  ) => done(rulesDesk.mayRule(request.principal) ? undefined : notFound("route"));
  app.put(
    "/api/rules",
    {
      bodyLimit: RULES_BYTES_MAX + ENVELOPE_BYTES_MAX,
      onRequest,
      config: {
        audit: {
          action: "rules.put",
          kind: "change",
          subject: ({ body }) => ruleOf(body as RuleName),
          owners: ({ body }) => [(body as RuleName).owner],
          detail: ({ body }) => ({ rules: (body as { readonly rules: unknown }).rules }),
        },
      },
      schema: {
        tags,
        summary: "Set an owner's rules of one key, wherever they are known; for that owner's administrators",
        body: Type.Object(
          {
            owner: Owner,
            key: Key,
            rules: Type.Unknown({ description: "As `rules` in the answer to GET; it is set as a whole" }),
            replaces: Replaces,
          },
          { additionalProperties: false },
        ),
        response: answers(RulesInForceSchema),
      },
    },
    (request): Promise<RulesInForce> => {
      const { owner, key, rules, replaces } = request.body;
      const wanted = { owner, key, rules: rules as RulesOf[typeof key], ...(replaces !== undefined && { replaces }) };
      return rulesDesk.put(request.principal, wanted);
    },
  );

  app.delete(
    "/api/rules",
    {
      onRequest,
      config: {
        audit: {
          action: "rules.remove",
          kind: "change",
          subject: ({ query }) => ruleOf(query as RuleName),
          owners: ({ query }) => [(query as RuleName).owner],
        },
      },
      schema: {
        tags,
        summary: "Return to the base, to what each site's own settings say; for that owner's administrators",
        querystring: Type.Object({ owner: Owner, key: Key, replaces: Replaces }, { additionalProperties: false }),
        response: answers(RulesInForceSchema),
      },
    },
    (request): Promise<RulesInForce> => {
      const { owner, key, replaces } = request.query;
      return rulesDesk.remove(request.principal, owner, key, replaces);
    },
  );
}
