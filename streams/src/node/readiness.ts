import type { ReadinessChecks } from "./node.js";

/** The checks of a node and what they say now. */
export interface Readiness extends ReadinessChecks {
  /** Why the node is not ready; empty when it is. */
  reasons(): { readonly name: string; readonly reason: string }[];
}

export function createReadiness(): Readiness {
  const checks: { readonly name: string; readonly check: () => string | undefined }[] = [];
  return {
    add(name, check) {
      checks.push({ name, check });
    },
    reasons() {
      return checks.flatMap(({ name, check }) => {
        const reason = check();
        return reason === undefined ? [] : [{ name, reason }];
      });
    },
  };
}
