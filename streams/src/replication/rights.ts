import { matchesAny } from "../access/pattern.js";
import type { Policy } from "../access/policy.js";
import { siteOfOrigin, type OriginId, type StreamName } from "../model/names.js";
import type { SiteEntry } from "../settings/node-settings.js";
import type { LinkRights } from "./machine-state.js";
import { sitePrincipal, type Producers } from "./producers.js";
import { remember } from "./remember.js";
import { urgencyIn } from "./urgency.js";

/** Rights of one link that remember what they were asked. */
export interface KeptRights extends LinkRights {
  /** Rules have changed: everything is asked anew. */
  forget(): void;
}

/**
 * What may cross one link, and in which direction (R8). A peer gets only streams that its identity may replicate, is believed
 * only about those, and only of origins that may produce into them; what others have written is taken from it only where it may
 * relay. This site asks for no stream, and tells of none, that it may not replicate itself; the link's own rule narrows that
 * further.
 */
export function linkRights(options: {
  policy: Policy;
  producers: Producers;
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
  const { policy, producers, self, peer, carries, urgent, peerWants, ownWants } = options;
  const [us, them] = [sitePrincipal(self), sitePrincipal(peer)];
  const replicates = remember((stream: StreamName) => policy.allows(them, "replicate", stream));
  const mayHold = remember((stream: StreamName) => policy.allows(us, "replicate", stream));
  const relays = remember((stream: StreamName) => policy.allows(them, "relay", stream));
  const produces = (stream: StreamName, origin: OriginId) => producers.mayProduce(stream, origin);
  const isPeers = (origin: OriginId) => siteOfOrigin(origin) === peer.site;
  const carried = remember((stream: StreamName) => matchesAny(carries, stream));
  const peerWanted = remember((stream: StreamName) => matchesAny(peerWants, stream));
  const ownWanted = remember((stream: StreamName) => matchesAny(ownWants, stream));
  return {
    maySend: (stream, origin) =>
      replicates(stream) && carried(stream) && peerWanted(stream) && produces(stream, origin),
    mayRequest: (stream, origin) =>
      replicates(stream) &&
      mayHold(stream) &&
      carried(stream) &&
      ownWanted(stream) &&
      (isPeers(origin) || relays(stream)) &&
      produces(stream, origin),
    mayProbe: (stream, origin) =>
      replicates(stream) &&
      mayHold(stream) &&
      carried(stream) &&
      (ownWanted(stream) || siteOfOrigin(origin) === self.site),
    mayBeProbed: (stream, origin) => replicates(stream) && carried(stream) && isPeers(origin),
    // The peer also hears how far we have its own records, so that it knows what is still to be sent.
    mayAnnounce: (stream, origin) =>
      replicates(stream) && mayHold(stream) && (peerWanted(stream) || isPeers(origin)) && produces(stream, origin),
    mayBelieve: (stream, origin) => replicates(stream) && produces(stream, origin),
    urgency: remember(urgencyIn(urgent)),
    forget() {
      replicates.forget();
      mayHold.forget();
      relays.forget();
    },
  };
}

/**
 * Nodes of one site hold the same: what the link carries crosses both ways, whatever each of them wants of other sites. What one
 * of them was let to write, the others copy, also when rules have changed meanwhile: it was acknowledged.
 */
export function sisterRights({
  carries,
  urgent,
  producers,
  self,
}: Pick<Parameters<typeof linkRights>[0], "carries" | "urgent" | "producers" | "self">): KeptRights {
  const carried = remember((stream: StreamName) => matchesAny(carries, stream));
  const counts = (stream: StreamName, origin: OriginId) =>
    siteOfOrigin(origin) === self.site || producers.mayProduce(stream, origin);
  const mayCross = (stream: StreamName, origin: OriginId) => carried(stream) && counts(stream, origin);
  return {
    maySend: mayCross,
    mayRequest: mayCross,
    mayProbe: carried,
    mayBeProbed: carried,
    mayAnnounce: mayCross,
    mayBelieve: counts,
    urgency: remember(urgencyIn(urgent)),
    forget: () => undefined,
  };
}
