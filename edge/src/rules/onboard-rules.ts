import type { LandfallNode } from "@landfall/streams/node/node";
import { THRESHOLD_NAMES } from "@landfall/proto/onboard-rules";
import type { RulesSettings } from "@landfall/streams/settings/onboard-rules";
import type { RulesInForce } from "./rules-state.js";

/**
 * The thresholds in force on board: those of this node's settings, and before them what the ship's owner has set for its
 * ships (`rules.onboard`). A cargo's owner has no say in how a ship watches.
 */
export function onboardRules(
  { rules, self, log }: Pick<LandfallNode, "rules" | "self" | "log">,
  base: RulesSettings,
): () => RulesInForce {
  const merged = (): RulesInForce => {
    const ruling = rules.ruling(self.owner, "onboard");
    if (!ruling || ruling.rules === null) return base;
    return { ...base, ...ruling.rules, version: ruling.version };
  };
  let inForce = merged();
  rules.onChange((owner) => {
    if (owner !== self.owner) return;
    const before = inForce;
    inForce = merged();
    const changed = THRESHOLD_NAMES.filter((key) => before[key] !== inForce[key]);
    if (changed.length > 0) {
      log.info({ rules: Object.fromEntries(changed.map((key) => [key, inForce[key]])) }, "on-board rules changed");
    }
  });
  return () => inForce;
}
