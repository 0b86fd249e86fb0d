import { LandfallError, isLandfallError } from "../model/errors.js";
import { evaluate, parseExpression } from "./expression.js";
import { matchesPattern } from "./pattern.js";
import type { StreamName } from "../model/names.js";
import type { Expression } from "./expression.js";

/** Who asks. Sites are principals too: `site.<name>`. */
export interface Principal {
  /** Empty for somebody who has not said who they are. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
}

export const ANONYMOUS: Principal = { user: "", groups: [], roles: [] };

export type Action = "read" | "replicate";

/** Access control expressions for all streams whose name matches `stream` (`*` stands for any characters). */
export interface StreamRule {
  readonly stream: string;
  readonly read?: string;
  readonly replicate?: string;
}

/** The one decision point (A2). Pure: same question, same answer. */
export interface Policy {
  /** False unless a rule says otherwise (A1); of several matching rules the first counts. */
  allows(principal: Principal, action: Action, stream: StreamName): boolean;
}

/**
 * The policy that these rules describe. Expressions are parsed here, once.
 * @throws LandfallError INVALID_EXPRESSION naming the rule (counted from 1), the action and the column
 */
export function createPolicy(rules: readonly StreamRule[]): Policy {
  const parsed = rules.map((rule, i) => ({
    pattern: rule.stream,
    read: parseRule(rule, i, "read"),
    replicate: parseRule(rule, i, "replicate"),
  }));
  return {
    allows(principal, action, stream) {
      const rule = parsed.find(({ pattern }) => matchesPattern(pattern, stream));
      const expression = rule?.[action];
      return expression !== undefined && evaluate(expression, principal);
    },
  };
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
