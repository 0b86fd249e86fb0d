import type { ReadinessChecks } from "./node.js";

/** The checks of a node and what they say now. */
export interface Readiness extends ReadinessChecks {
  /** Why the node is not ready; empty when it is. */
  reasons(): { readonly name: string; readonly reason: string }[];
  /** What is not as it should be although it is. */
  warnings(): { readonly name: string; readonly reason: string }[];
}

export function createReadiness(): Readiness {
  const checks: Check[] = [];
  const warnings: Check[] = [];
  return {
    add(name, check) {
      checks.push({ name, check });
    },
    warn(name, check) {
      warnings.push({ name, check });
    },
    reasons: () => saidBy(checks),
    warnings: () => saidBy(warnings),
  };
}

/**
 * What of a store's failure (`CODE: words`) everybody may hear: the words name files, brokers and streams, and stand in the
 * node's status.
 */
export function openReason(failed: string | undefined): string | undefined {
  return failed?.split(":", 1)[0];
}

interface Check {
  readonly name: string;
  readonly check: () => string | undefined;
}

function saidBy(checks: readonly Check[]): { name: string; reason: string }[] {
  return checks.flatMap(({ name, check }) => {
    const reason = check();
    return reason === undefined ? [] : [{ name, reason }];
  });
}
