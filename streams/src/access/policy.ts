import { LandfallError, isLandfallError } from "../model/errors.js";
import { systemEnv } from "../env.js";
import { evaluate, parseExpression } from "./expression.js";
import { commonScope, grantedSlices, isInForce, type Grant, type Scope } from "./grant.js";
import { matchesPattern } from "./pattern.js";
import { ownerOfStream, type StreamName } from "../model/names.js";
import type { Expression } from "./expression.js";

/** Who asks. Sites are principals too: `site.<name>`. */
export interface Principal {
  /** Empty for somebody who has not said who they are. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  /** Owner and id (`<owner>/<id>`) of the grant whose share link they hold: they may what it says, and nothing that a rule allows anybody. */
  readonly link?: string;
  /** The administrator who looks as this one: they are shown what both may see. */
  readonly seenBy?: Principal;
}

export const ANONYMOUS: Principal = { user: "", groups: [], roles: [] };

/**
 * `read`: be shown records. `replicate`: hold them, of sites. `produce`: write records that count, of sites. `relay`: pass on to
 * others what another site has written. `admin`: say who else may, by rules that travel and by grants.
 */
export const ACTIONS = ["read", "replicate", "produce", "relay", "admin"] as const;
export type Action = (typeof ACTIONS)[number];

/** As what an action goes that a rule of the base does not name: fleets were set up before there were these. */
const UNSAID: { readonly [A in Action]?: Action } = { produce: "replicate", relay: "replicate", admin: "read" };
/** Who administers what a rule does not say of: of those who may read it, those with this role. */
const ADMIN_ROLE = "admin";

/** Access control expressions for all streams whose name matches `stream` (`*` stands for any characters). */
export type StreamRule = { readonly stream: string } & { readonly [A in Action]?: string };

/** The one decision point (A2). Between two changes, and two ends of grants: same question, same answer. */
export interface Policy {
  /**
   * False unless a rule, or a grant of the whole stream, says otherwise (A1); of several matching rules the first counts. Where that
   * one does not say who may produce or relay, those may who may replicate by it; where it does not say who may
   * administer, those with the role `admin` who may read.
   */
  allows(principal: Principal, action: Action, stream: StreamName): boolean;
  /** What of a stream somebody may be shown: everything, or the topics and times that grants in force name; none for nothing. */
  scope(principal: Principal, stream: StreamName): Scope;
}

/** What changed in a policy. Grants are asked about people alone: what moves between sites does not depend on them. */
export type PolicyChange = "rules" | "grants";

/** A policy whose rules of one owner can be changed while it is asked. */
export interface ChangeablePolicy extends Policy {
  /** Whether a rule names the action for this stream, whoever it lets. */
  names(action: Action, stream: StreamName): boolean;
  /** Called after rules or grants changed: whoever keeps answers asks again (A4). Returns how to stop. */
  onChange(listener: (what: PolicyChange) => void): () => void;
  /**
   * Rules that stand before the base for the streams of `owner`, and of no other; undefined: the base alone. For each action,
   * the first that matches and says something of it counts; where none does, it is as the base has it. Streams `*.settings` follow the base alone: who may write rules, and who
   * hears of them, is not for rules to say.
   * @throws LandfallError INVALID_EXPRESSION; nothing is changed then
   */
  change(owner: string, rules: readonly StreamRule[] | undefined): void;
  /**
   * The grants of an owner, instead of those before: they concern that owner's streams and no other's, and never its settings. Each
   * ends by the clock; who keeps answers is told by calling this again.
   */
  grant(owner: string, grants: readonly Grant[]): void;
}

type ParsedRule = { readonly pattern: string } & { readonly [A in Action]?: Expression | undefined };

/**
 * The policy that these rules describe, its base. Expressions are parsed here, once.
 * @param now milliseconds since 1970, by which grants end
 * @throws LandfallError INVALID_EXPRESSION naming the rule (counted from 1), the action and the column
 */
export function createPolicy(
  rules: readonly StreamRule[],
  now: () => number = () => systemEnv.now(),
): ChangeablePolicy {
  const base = parseRules(rules);
  const owners = new Map<string, readonly ParsedRule[]>();
  /** By owner, then by stream: whoever reads by rules alone pays nothing for them. */
  const grants = new Map<string, ReadonlyMap<StreamName, readonly Grant[]>>();
  const listeners = new Set<(what: PolicyChange) => void>();
  const tell = (what: PolicyChange): void => {
    for (const listener of listeners) listener(what);
  };
  const ruleFor = (action: Action, stream: StreamName): ParsedRule | undefined => {
    const own = isSettings(stream) ? undefined : owners.get(ownerOfStream(stream));
    const matches = ({ pattern }: ParsedRule) => matchesPattern(pattern, stream);
    return own?.find((other) => other[action] !== undefined && matches(other)) ?? base.find(matches);
  };
  const ruled = (principal: Principal, action: Action, stream: StreamName): boolean =>
    ruledAlone(principal, action, stream) &&
    (principal.seenBy === undefined || ruled(principal.seenBy, action, stream));
  const ruledAlone = (principal: Principal, action: Action, stream: StreamName): boolean => {
    if (principal.link !== undefined) return false;
    const rule = ruleFor(action, stream);
    const said = rule?.[action];
    if (said !== undefined) return evaluate(said, principal);
    if (action === "admin") return principal.roles.includes(ADMIN_ROLE) && ruledAlone(principal, "read", stream);
    const unsaid = rule?.[UNSAID[action] ?? action];
    return unsaid !== undefined && evaluate(unsaid, principal);
  };
  const scopeAlone = (principal: Principal, stream: StreamName): Scope => {
    if (ruledAlone(principal, "read", stream)) return "all";
    const given = grants.get(ownerOfStream(stream))?.get(stream);
    return given === undefined ? [] : grantedSlices(given, principal, now());
  };
  const scope = (principal: Principal, stream: StreamName): Scope => {
    const own = scopeAlone(principal, stream);
    return principal.seenBy === undefined ? own : commonScope(own, scope(principal.seenBy, stream));
  };
  return {
    allows: (principal, action, stream) =>
      action === "read" ? scope(principal, stream) === "all" : ruled(principal, action, stream),
    scope,
    names: (action, stream) => ruleFor(action, stream)?.[action] !== undefined,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    change(owner, own) {
      if (own === undefined) {
        if (!owners.delete(owner)) return;
      } else {
        owners.set(owner, parseRules(own));
      }
      tell("rules");
    },
    grant(owner, own) {
      const byStream = new Map<StreamName, Grant[]>();
      for (const grant of own) {
        if (!isInForce(grant, now())) continue;
        for (const stream of grant.streams) {
          if (ownerOfStream(stream) !== owner || isSettings(stream)) continue;
          const others = byStream.get(stream);
          if (others === undefined) byStream.set(stream, [grant]);
          else others.push(grant);
        }
      }
      if (byStream.size === 0 && !grants.has(owner)) return;
      if (byStream.size === 0) grants.delete(owner);
      else grants.set(owner, byStream);
      tell("grants");
    },
  };
}

/** `<owner>.settings`, where rules come from. */
export function isSettings(stream: string): boolean {
  return stream.endsWith(".settings");
}

function parseRules(rules: readonly StreamRule[]): ParsedRule[] {
  return rules.map((rule, i) => ({
    pattern: rule.stream,
    ...Object.fromEntries(ACTIONS.map((action) => [action, parseRule(rule, i, action)])),
  }));
}

function parseRule(rule: StreamRule, index: number, action: Action): Expression | undefined {
  const text = rule[action];
  if (text === undefined) return undefined;
  try {
    return parseExpression(text);
  } catch (cause) {
    if (!isLandfallError(cause)) throw cause;
    throw new LandfallError(
      cause.code,
      `access rule ${index + 1} (stream ${JSON.stringify(rule.stream)}), ${action}: ${cause.message}`,
      { cause },
    );
  }
}
