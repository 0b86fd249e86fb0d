import type { AccessRule, RuleKey, RulesOf, RulesValue, TravellingRetention } from "@landfall/proto/api";
import { Type } from "typebox";
import { parseExpression } from "../../access/expression.js";
import { isLandfallError } from "../../model/errors.js";
import { streamName, topicName, type StreamName, type TopicName } from "../../model/names.js";
import { findProblems } from "../problems.js";
import { closed, type SettingsSchema } from "../settings-schema.js";
import { DOCUMENT_SCHEMA, RULE_SCHEMAS, RULES_BYTES_MAX } from "./rule-schemas.js";

export const RULE_KEYS = ["access", "retention", "onboard"] as const satisfies readonly RuleKey[];
/** Problems told of one document: the first ones say enough. */
const PROBLEMS_MAX = 5;
const OWNER_PATTERN = /^[a-z0-9][a-z0-9_-]{0,99}$/;

const RULES: Readonly<Record<RuleKey, SettingsSchema>> = {
  access: rulesSchema("access"),
  retention: rulesSchema("retention"),
  onboard: rulesSchema("onboard"),
};

/** Stream that holds an owner's rules. @throws LandfallError INVALID_NAME */
export function settingsStream(owner: string): StreamName {
  return streamName(`${owner}.settings`);
}

/** The owner whose rules a stream holds; undefined for every other stream. */
export function ownerOfSettings(stream: string): string | undefined {
  const owner = stream.slice(0, stream.indexOf("."));
  return stream === `${owner}.settings` && OWNER_PATTERN.test(owner) ? owner : undefined;
}

export function rulesTopic(key: RuleKey): TopicName {
  return topicName(`rules.${key}`);
}

/** Reads a record `rules.<key>` of `<owner>.settings`; a text says why it is no document of rules. */
export function readRules<K extends RuleKey>(owner: string, key: K, value: Uint8Array): RulesValue<K> | string {
  if (value.byteLength > RULES_BYTES_MAX)
    return `it has ${value.byteLength} bytes, at most ${RULES_BYTES_MAX} are read`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8"));
  } catch {
    return "the value is not JSON";
  }
  const problems = findProblems(DOCUMENT_SCHEMA, parsed);
  if (problems.length > 0) return said(problems.map(({ message }) => message));
  const document = parsed as RulesValue<K>;
  if (document.key !== key) return `key is ${document.key}, but it stands under the topic ${rulesTopic(key)}`;
  if (document.rules === null) return document;
  const wrong = rulesProblems(owner, key, document.rules);
  return wrong.length > 0 ? said(wrong) : document;
}

/** What is wrong with the rules of a key; none that concerns a stream of somebody else passes. */
export function rulesProblems(owner: string, key: RuleKey, rules: unknown): string[] {
  const problems = findProblems(RULES[key], { rules }).map(({ message }) => message);
  if (problems.length > 0) return problems;
  if (key === "access") return (rules as RulesOf["access"]).flatMap((rule, i) => accessProblems(owner, rule, i));
  if (key === "retention") return (rules as RulesOf["retention"]).flatMap((rule, i) => limitProblems(owner, rule, i));
  return Object.keys(rules as object).length === 0 ? ["rules says nothing, want at least one threshold"] : [];
}

/** The bytes of a document. */
export function writeRules(document: RulesValue): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}

function accessProblems(owner: string, rule: AccessRule, i: number): string[] {
  const { stream, ...expressions } = rule;
  const said = Object.entries(expressions);
  const nothing = said.length === 0 ? [`rules[${i}] says nothing, want read, replicate, produce, relay or admin`] : [];
  const wrong = said.flatMap(([action, text]) => {
    try {
      parseExpression(text);
      return [];
    } catch (error) {
      if (!isLandfallError(error)) throw error;
      return [`rules[${i}].${action}: ${error.message}`];
    }
  });
  return [...foreign(owner, stream, i), ...nothing, ...wrong];
}

function limitProblems(owner: string, rule: TravellingRetention, i: number): string[] {
  const { stream, minutes, days, megabytes, compact } = rule;
  const both =
    minutes !== undefined && days !== undefined ? [`rules[${i}] has minutes and days, want one of them`] : [];
  const limits = [minutes, days, megabytes, compact];
  const none = limits.every((limit) => limit === undefined)
    ? [`rules[${i}] sets no limit, want minutes, days, megabytes or compact`]
    : [];
  return [...foreign(owner, stream, i), ...both, ...none];
}

/** Rules concern the owner's streams alone, and not those that they travel in. */
function foreign(owner: string, stream: string, i: number): string[] {
  const what = `rules[${i}].stream is ${JSON.stringify(stream)}`;
  if (!stream.startsWith(`${owner}.`)) return [`${what}, want one of ${owner}'s own: ${owner}.…`];
  return stream === `${owner}.settings` ? [`${what}, which no rule that travels may change`] : [];
}

function rulesSchema(key: RuleKey): SettingsSchema {
  return closed(Type.Object({ rules: RULE_SCHEMAS[key] }));
}

function said(problems: readonly string[]): string {
  const rest = problems.length - PROBLEMS_MAX;
  return problems.slice(0, PROBLEMS_MAX).join("; ") + (rest > 0 ? `; and ${rest} more` : "");
}
