import type { ChangeablePolicy, StreamRule } from "../../access/policy.js";
import type { RetentionOf } from "../../node/retention.js";
import type { FleetRules } from "./fleet-rules.js";

/** Nobody. */
const NONE = "!p";

/** What travelled takes effect in the policy and in how long streams are kept, now and with every change. */
export function putInForce(rules: FleetRules, policy: ChangeablePolicy, retention: RetentionOf): void {
  rules.onChange((owner) => {
    policy.change(owner, rules.isUnread(owner) ? closedTo(owner) : rules.rules(owner, "access"));
    retention.forget();
  });
}

/**
 * What is not known to be allowed is not allowed (A1): nobody is shown anything, and nothing crosses to or from another site. Of
 * `produce` the base counts meanwhile, so that what is measured here is kept and not refused for weeks at sea.
 */
function closedTo(owner: string): StreamRule[] {
  return [{ stream: `${owner}.*`, read: NONE, replicate: NONE }];
}
