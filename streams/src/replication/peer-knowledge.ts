import type { LinkClass } from "@landfall/proto/api";
import { keyId, type Key, type KeyId } from "./machine-state.js";
import type { SiteName, StreamName, OriginId } from "../model/names.js";
import type { PeerView } from "../node/node.js";
import { peerName } from "./peer-name.js";
import { GONE_PER_SITE_MAX, KEYS_PER_LINK_MAX } from "./wire-limits.js";

/** A node of a site. */
export interface Peer {
  readonly site: string;
  readonly node: string;
}

interface Known extends Peer {
  lastContact: number;
  linkClass: LinkClass;
  readonly next: Map<KeyId, Key & { next: number }>;
}

/** What each peer last said it holds; outlives the connection, so that a backlog is known while the link is down. */
export class PeerKnowledge {
  readonly #peers = new Map<string, Known>();
  readonly #arrivedOver = new Map<KeyId, LinkClass>();

  contact({ site, node }: Peer, at: number, linkClass: LinkClass): void {
    const name = peerName(site, node);
    const known = this.#peers.get(name);
    if (known === undefined) {
      this.#peers.set(name, { site, node, lastContact: at, linkClass, next: new Map() });
      this.#forgetOldest(site);
    } else {
      known.lastContact = Math.max(known.lastContact, at);
      known.linkClass = linkClass;
    }
  }

  /** It has announced so much; less than before, when it has lost its disk. */
  says({ site, node }: Peer, key: Key, next: number): void {
    this.#note(this.#peers.get(peerName(site, node)), key, next);
  }

  /** Records before this seq came from it. */
  holds({ site, node }: Peer, key: Key, next: number): void {
    const known = this.#peers.get(peerName(site, node));
    this.#note(known, key, Math.max(known?.next.get(keyId(key.stream, key.origin))?.next ?? 0, next));
  }

  #note(known: Known | undefined, key: Key, next: number): void {
    const id = keyId(key.stream, key.origin);
    if (known === undefined || (known.next.size >= KEYS_PER_LINK_MAX && !known.next.has(id))) return;
    known.next.set(id, { ...key, next });
  }

  /** A site may call its nodes as it likes. */
  #forgetOldest(site: string): void {
    const ofSite = [...this.#peers].filter(([, known]) => known.site === site);
    if (ofSite.length <= GONE_PER_SITE_MAX) return;
    ofSite.sort(([, one], [, other]) => one.lastContact - other.lastContact);
    this.#peers.delete(ofSite[0]?.[0] ?? "");
  }

  arrived(key: KeyId, linkClass: LinkClass): void {
    this.#arrivedOver.set(key, linkClass);
  }

  arrivedOver(key: KeyId): LinkClass | undefined {
    return this.#arrivedOver.get(key);
  }

  /** Next seq that the peer lacks, as far as this site knows; undefined before it said anything about the key. */
  nextAt({ site, node }: Peer, key: KeyId): number | undefined {
    return this.#peers.get(peerName(site, node))?.next.get(key)?.next;
  }

  /** The same of a site: of the one of its nodes that is furthest. */
  nextAtSite(site: string, key: KeyId): number | undefined {
    let best: number | undefined;
    for (const known of this.#peers.values()) {
      const next = known.site === site ? known.next.get(key)?.next : undefined;
      if (next !== undefined && next > (best ?? -1)) best = next;
    }
    return best;
  }

  /** The most that any peer of another site than `own` is known to hold of a key. */
  bestNext(key: KeyId, own: string): number {
    let best = 0;
    for (const known of this.#peers.values()) {
      if (known.site !== own) best = Math.max(best, known.next.get(key)?.next ?? 0);
    }
    return best;
  }

  views(): PeerView[] {
    return [...this.#peers.values()].map(({ site, node, lastContact, linkClass, next }) => {
      const holdings = new Map<StreamName, Record<OriginId, number>>();
      for (const { stream, origin, next: held } of next.values()) {
        const vector = holdings.get(stream) ?? {};
        vector[origin] = held;
        holdings.set(stream, vector);
      }
      return { site: site as SiteName, node, lastContact, linkClass, holdings };
    });
  }
}
