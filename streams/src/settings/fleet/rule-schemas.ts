import { Type } from "typebox";
import { EXPRESSION_CHARS_MAX } from "../../limits.js";
import { RulesSettingsSchema } from "../onboard-rules.js";
import { closed } from "../settings-schema.js";

/** Rules of one document: written by people, and gone through at every question. */
export const RULES_PER_DOCUMENT_MAX = 500;
/** Bytes of one document: far below what a record may have, far beyond what anybody writes. */
export const RULES_BYTES_MAX = 64 * 1024;
/** Sites, or kinds of sites, of one rule of retention. */
const PLACES_MAX = 1_000;

const OwnPattern = Type.String({
  pattern: "^[a-z0-9][a-z0-9._*-]*$",
  maxLength: 249,
  wanted: 'a stream of the owner or a pattern of such, e.g. "duckworks.*"',
});
const ExpressionText = Type.String({ minLength: 1, maxLength: EXPRESSION_CHARS_MAX, wanted: "an access expression" });

export const AccessRuleSchema = Type.Object(
  {
    stream: OwnPattern,
    read: Type.Optional(ExpressionText),
    replicate: Type.Optional(ExpressionText),
    produce: Type.Optional(ExpressionText),
    relay: Type.Optional(ExpressionText),
    admin: Type.Optional(ExpressionText),
  },
  { additionalProperties: false },
);

export const TravellingRetentionSchema = Type.Object(
  {
    stream: OwnPattern,
    minutes: Type.Optional(Type.Number({ minimum: 1 })),
    days: Type.Optional(Type.Number({ minimum: 0.01 })),
    megabytes: Type.Optional(Type.Number({ minimum: 1 })),
    compact: Type.Optional(Type.Boolean()),
    at: Type.Optional(
      Type.Array(Type.String({ pattern: "^[a-z0-9][a-z0-9-]*$", maxLength: 63, wanted: "a site or a kind of site" }), {
        minItems: 1,
        maxItems: PLACES_MAX,
      }),
    ),
  },
  { additionalProperties: false },
);

const list = <T extends Parameters<typeof Type.Array>[0]>(rule: T) =>
  Type.Array(rule, { minItems: 1, maxItems: RULES_PER_DOCUMENT_MAX });

/** What each key's document may say. */
export const RULE_SCHEMAS = {
  access: list(AccessRuleSchema),
  retention: list(TravellingRetentionSchema),
  onboard: Type.Partial(RulesSettingsSchema, { additionalProperties: false }),
} as const;

/** A document around the rules of a key. */
export const DOCUMENT_SCHEMA = closed(
  Type.Object({
    kind: Type.Literal("rules"),
    version: Type.Literal(1),
    key: Type.Enum(["access", "retention", "onboard"]),
    rules: Type.Unknown(),
    by: Type.Optional(Type.String({ maxLength: 255 })),
  }),
);
