import type { OwnerRules, RuleKey, RulesInForce, RulesOf, StatusReply } from "@landfall/proto/api";
import type { Policy, Principal } from "../../access/policy.js";
import { siteOfOrigin, type StreamName } from "../../model/names.js";
import type { NodeSettings } from "../node-settings.js";
import { ownerOfSettings, RULE_KEYS, settingsStream } from "./document.js";
import type { FleetRules, Ruling } from "./fleet-rules.js";

export interface RulesParts {
  readonly policy: Policy;
  readonly rules: FleetRules;
  readonly settings: Pick<NodeSettings, "access" | "retention" | "rules" | "sites">;
  readonly streams: () => readonly StreamName[];
}

/** Owners that somebody may hear of here: those of sites and of settings, as far as they may read their settings. */
export function ownersFor(principal: Principal, { policy, settings, streams }: RulesParts): string[] {
  const owners = new Set(settings.sites.map(({ owner }) => owner));
  for (const stream of streams()) owners.add(ownerOfSettings(stream) ?? "");
  owners.delete("");
  return [...owners].filter((owner) => policy.allows(principal, "read", settingsStream(owner))).toSorted();
}

/** The rules of an owner that are in force at this site, and where each comes from. */
export function describeRules(owner: string, { rules, settings }: RulesParts): OwnerRules {
  return { owner, keys: RULE_KEYS.map((key) => inForce(rules.ruling(owner, key), key, baseOf(owner, key, settings))) };
}

/** What travelled and is in force, for `landfall status`. */
export function rulesInStatus(
  principal: Principal,
  { policy, rules }: Pick<RulesParts, "policy" | "rules">,
): StatusReply["rules"] {
  return rules
    .rulings()
    .filter((ruling) => ruling.rules !== null && policy.allows(principal, "read", settingsStream(ruling.owner)))
    .map(({ owner, key, version, origin, time }) => ({
      owner,
      key,
      version,
      site: siteOfOrigin(origin),
      time: new Date(time).toISOString(),
    }));
}

function inForce(ruling: Ruling | undefined, key: RuleKey, base: RulesOf[RuleKey]): RulesInForce {
  if (ruling === undefined) return { key, base };
  const { rules, version, origin, time, by } = ruling;
  return {
    key,
    ...(rules !== null && { rules }),
    base,
    version,
    site: siteOfOrigin(origin),
    time: new Date(time).toISOString(),
    ...(by !== undefined && { by }),
  };
}

/** What of this site's own settings concerns the streams of an owner. */
function baseOf(owner: string, key: RuleKey, settings: RulesParts["settings"]): RulesOf[RuleKey] {
  if (key === "onboard") return settings.rules ?? {};
  if (key === "access") return settings.access.filter(({ stream }) => concerns(stream, owner));
  return settings.retention.filter(({ stream }) => concerns(stream, owner));
}

/** Whether a pattern may match a stream of the owner. */
function concerns(pattern: string, owner: string): boolean {
  const star = pattern.indexOf("*");
  const plain = star < 0 ? pattern : pattern.slice(0, star);
  return plain.startsWith(`${owner}.`) || (star >= 0 && `${owner}.`.startsWith(plain));
}
