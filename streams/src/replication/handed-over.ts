import { matchesAny } from "../access/pattern.js";
import type { Policy } from "../access/policy.js";
import { siteOfOrigin, type OriginId, type StreamName } from "../model/names.js";
import type { NodeSettings, SiteEntry } from "../settings/node-settings.js";
import type { LinkMemory } from "./link-views.js";
import { keyId } from "./machine-state.js";
import type { PeerKnowledge } from "./peer-knowledge.js";
import { sitePrincipal } from "./producers.js";

/**
 * First seq of the origin that has not been handed over: no port or headquarters next to this site has said that it
 * holds it (S6). Infinity when none of them may have the stream. What is known is forgotten at a restart, and learned
 * again from the peers' first announcements.
 * @param most who says that it holds more is not believed
 */
export function handedOver(
  given: {
    readonly settings: NodeSettings;
    readonly policy: Policy;
    readonly memory: Iterable<LinkMemory>;
    readonly knowledge: PeerKnowledge;
  },
  stream: StreamName,
  origin: OriginId,
  most = Infinity,
): number {
  const { settings, policy, knowledge } = given;
  const memory = [...given.memory];
  const mayTake = (entry: SiteEntry): boolean => {
    // The origin may have expired it because we hold it; a ship or a yard passes nothing on.
    if (entry.site === settings.site || entry.site === siteOfOrigin(origin)) return false;
    if (entry.kind !== "port" && entry.kind !== "hq") return false;
    const replicates = policy.allows(sitePrincipal(entry), "replicate", stream);
    const links = memory.filter(({ peer }) => peer === entry.site);
    if (links.length === 0) return replicates && settings.replication.listen !== undefined;
    // Before the first hello nobody knows what the peer wants.
    return links.some(
      ({ rights, carries }) => rights?.maySend(stream, origin) ?? (replicates && matchesAny(carries, stream)),
    );
  };
  const takers = settings.sites.filter(mayTake);
  if (takers.length === 0) return Number.POSITIVE_INFINITY;
  const key = keyId(stream, origin);
  const said = takers.map(({ site }) => knowledge.nextAtSite(site, key) ?? 0);
  return Math.max(0, ...said.filter((next) => next <= most));
}
