import { LandfallError, isLandfallError } from "../model/errors.js";
import { evaluate, parseExpression } from "./expression.js";
import { matchesPattern } from "./pattern.js";
import { ownerOfStream, type StreamName } from "../model/names.js";
import type { Expression } from "./expression.js";

/** Who asks. Sites are principals too: `site.<name>`. */
export interface Principal {
  /** Empty for somebody who has not said who they are. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
}

export const ANONYMOUS: Principal = { user: "", groups: [], roles: [] };

/**
 * `read`: be shown records. `replicate`: hold them, of sites. `produce`: write records that count, of sites. `relay`: pass on to
 * others what another site has written.
 */
export const ACTIONS = ["read", "replicate", "produce", "relay"] as const;
export type Action = (typeof ACTIONS)[number];

/** As what an action goes that a rule of the base does not name: fleets were set up before there were these two. */
const UNSAID: { readonly [A in Action]?: Action } = { produce: "replicate", relay: "replicate" };

/** Access control expressions for all streams whose name matches `stream` (`*` stands for any characters). */
export type StreamRule = { readonly stream: string } & { readonly [A in Action]?: string };

/** The one decision point (A2). Between two changes: same question, same answer. */
export interface Policy {
  /**
   * False unless a rule says otherwise (A1); of several matching rules the first counts. Where that one does not say who may
   * produce or relay, those may who may replicate by it.
   */
  allows(principal: Principal, action: Action, stream: StreamName): boolean;
}

/** A policy whose rules of one owner can be changed while it is asked. */
export interface ChangeablePolicy extends Policy {
  /** Whether a rule names the action for this stream, whoever it lets. */
  names(action: Action, stream: StreamName): boolean;
  /** Called after rules changed: whoever keeps answers asks again (A4). Returns how to stop. */
  onChange(listener: () => void): () => void;
  /**
   * Rules that stand before the base for the streams of `owner`, and of no other; undefined: the base alone. For each action,
   * the first that matches and says something of it counts; where none does, it is as the base has it. Streams `*.settings` follow the base alone: who may write rules, and who
   * hears of them, is not for rules to say.
   * @throws LandfallError INVALID_EXPRESSION; nothing is changed then
   */
  change(owner: string, rules: readonly StreamRule[] | undefined): void;
}

type ParsedRule = { readonly pattern: string } & { readonly [A in Action]?: Expression | undefined };

/**
 * The policy that these rules describe, its base. Expressions are parsed here, once.
 * @throws LandfallError INVALID_EXPRESSION naming the rule (counted from 1), the action and the column
 */
export function createPolicy(rules: readonly StreamRule[]): ChangeablePolicy {
  const base = parseRules(rules);
  const owners = new Map<string, readonly ParsedRule[]>();
  const listeners = new Set<() => void>();
  const ruleFor = (action: Action, stream: StreamName): ParsedRule | undefined => {
    const own = isSettings(stream) ? undefined : owners.get(ownerOfStream(stream));
    const matches = ({ pattern }: ParsedRule) => matchesPattern(pattern, stream);
    return own?.find((other) => other[action] !== undefined && matches(other)) ?? base.find(matches);
  };
  return {
    allows(principal, action, stream) {
      const rule = ruleFor(action, stream);
      const expression = rule?.[action] ?? rule?.[UNSAID[action] ?? action];
      return expression !== undefined && evaluate(expression, principal);
    },
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
      for (const listener of listeners) listener();
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
