import { matchesAny } from "../access/pattern.js";
import type { Policy, Principal } from "../access/policy.js";
import { siteOfOrigin, type OriginId, type StreamName } from "../model/names.js";
import type { SiteEntry } from "../settings/node-settings.js";
import type { LinkRights } from "./machine-state.js";
import { urgencyIn } from "./urgency.js";

/** A site as a principal: `site.<name>` with the groups that the fleet's settings give it. */
export function sitePrincipal(site: SiteEntry): Principal {
  return { user: `site.${site.site}`, groups: site.groups, roles: [] };
}

/** Rights of one link that remember what they were asked. */
export interface KeptRights extends LinkRights {
  /** Rules have changed: everything is asked anew. */
  forget(): void;
}

/**
 * What may cross one link, and in which direction. A peer gets only streams that its identity may replicate, and
 * is believed only about those (R8); this site asks for none that it may not replicate itself; the link's own rule narrows
 * that further.
 */
export function linkRights(options: {
  policy: Policy;
  self: SiteEntry;
  peer: SiteEntry;
  /** Patterns of what may cross the link. */
  carries: readonly string[];
  /** Patterns in the order in which the link serves streams. */
  urgent: readonly string[];
  /** Patterns of what the peer and this site want to hold. */
  peerWants: readonly string[];
  ownWants: readonly string[];
}): KeptRights {
  const { policy, self, peer, carries, urgent, peerWants, ownWants } = options;
  const [us, them] = [sitePrincipal(self), sitePrincipal(peer)];
  const replicates = remember((stream: StreamName) => policy.allows(them, "replicate", stream));
  const mayHold = remember((stream: StreamName) => policy.allows(us, "replicate", stream));
  const carried = remember((stream: StreamName) => matchesAny(carries, stream));
  const peerWanted = remember((stream: StreamName) => matchesAny(peerWants, stream));
  const ownWanted = remember((stream: StreamName) => matchesAny(ownWants, stream));
  return {
    maySend: (stream) => replicates(stream) && carried(stream) && peerWanted(stream),
    mayRequest: (stream) => replicates(stream) && mayHold(stream) && carried(stream) && ownWanted(stream),
    mayProbe: (stream, origin) =>
      replicates(stream) &&
      mayHold(stream) &&
      carried(stream) &&
      (ownWanted(stream) || siteOfOrigin(origin) === self.site),
    mayBeProbed: (stream, origin) => replicates(stream) && carried(stream) && siteOfOrigin(origin) === peer.site,
    // The peer also hears how far we have its own records, so that it knows what is still to be sent.
    mayAnnounce: (stream: StreamName, origin: OriginId) =>
      replicates(stream) && (peerWanted(stream) || siteOfOrigin(origin) === peer.site),
    mayBelieve: replicates,
    urgency: remember(urgencyIn(urgent)),
    forget() {
      replicates.forget();
      mayHold.forget();
    },
  };
}

/** Nodes of one site hold the same: what the link carries crosses both ways, whatever each of them wants of other sites. */
export function sisterRights({
  carries,
  urgent,
}: Pick<Parameters<typeof linkRights>[0], "carries" | "urgent">): KeptRights {
  const carried = remember((stream: StreamName) => matchesAny(carries, stream));
  return {
    maySend: carried,
    mayRequest: carried,
    mayProbe: carried,
    mayBeProbed: carried,
    mayAnnounce: carried,
    mayBelieve: () => true,
    urgency: remember(urgencyIn(urgent)),
    forget: () => undefined,
  };
}

/** More streams than any fleet has: whoever names more of them makes them up. */
const REMEMBERED_MAX = 10_000;

interface Remembering<T> {
  (stream: StreamName): T;
  forget(): void;
}

/** Streams are few per node next to the times they are asked about. */
function remember<T>(ask: (stream: StreamName) => T): Remembering<T> {
  const known = new Map<StreamName, T>();
  const answer = (stream: StreamName): T => {
    let found = known.get(stream);
    if (found === undefined) {
      if (known.size >= REMEMBERED_MAX) known.clear();
      found = ask(stream);
      known.set(stream, found);
    }
    return found;
  };
  return Object.assign(answer, { forget: () => known.clear() });
}
