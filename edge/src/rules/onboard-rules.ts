import type { LandfallNode } from "@landfall/streams/node/node";
import type { RulesSettings } from "@landfall/streams/settings/onboard-rules";

/**
 * The thresholds in force on board: those of this node's settings, and before them what the ship's owner has set for its
 * ships (`rules.onboard`). A cargo's owner has no say in how a ship watches.
 */
export function onboardRules(
  { rules, self, log }: Pick<LandfallNode, "rules" | "self" | "log">,
  base: RulesSettings,
): () => RulesSettings {
  const merged = (): RulesSettings => ({ ...base, ...rules.rules(self.owner, "onboard") });
  let inForce = merged();
  rules.onChange((owner) => {
    if (owner !== self.owner) return;
    const before = inForce;
    inForce = merged();
    const keys = Object.keys(inForce) as (keyof RulesSettings)[];
    const changed = keys.filter((key) => before[key] !== inForce[key]);
    if (changed.length > 0) {
      log.info({ rules: Object.fromEntries(changed.map((key) => [key, inForce[key]])) }, "on-board rules changed");
    }
  });
  return () => inForce;
}
