import type { LinkClass } from "@landfall/proto/api";
import { keyId, type Key, type KeyId } from "./machine-state.js";
import type { SiteName, StreamName, OriginId } from "../model/names.js";
import type { PeerView } from "../node/node.js";

interface Known {
  lastContact: number;
  linkClass: LinkClass;
  readonly next: Map<KeyId, Key & { next: number }>;
}

/** What each peer last said it holds; outlives the connection, so that a backlog is known while the link is down. */
export class PeerKnowledge {
  readonly #peers = new Map<SiteName, Known>();
  readonly #arrivedOver = new Map<KeyId, LinkClass>();

  contact(site: SiteName, at: number, linkClass: LinkClass): void {
    const known = this.#peers.get(site);
    if (known === undefined) this.#peers.set(site, { lastContact: at, linkClass, next: new Map() });
    else {
      known.lastContact = Math.max(known.lastContact, at);
      known.linkClass = linkClass;
    }
  }

  /** It has announced so much; less than before, when it has lost its disk. */
  says(site: SiteName, key: Key, next: number): void {
    this.#peers.get(site)?.next.set(keyId(key.stream, key.origin), { ...key, next });
  }

  /** Records before this seq came from it. */
  holds(site: SiteName, key: Key, next: number): void {
    const known = this.#peers.get(site);
    const id = keyId(key.stream, key.origin);
    const entry = known?.next.get(id);
    if (entry !== undefined) entry.next = Math.max(entry.next, next);
    else known?.next.set(id, { ...key, next });
  }

  arrived(key: KeyId, linkClass: LinkClass): void {
    this.#arrivedOver.set(key, linkClass);
  }

  arrivedOver(key: KeyId): LinkClass | undefined {
    return this.#arrivedOver.get(key);
  }

  /** Next seq that the peer lacks, as far as this site knows; undefined before it said anything about the key. */
  nextAt(site: SiteName, key: KeyId): number | undefined {
    return this.#peers.get(site)?.next.get(key)?.next;
  }

  entries(site: SiteName): Iterable<Key & { next: number }> {
    return this.#peers.get(site)?.next.values() ?? [];
  }

  /** The most that any peer is known to hold of a key. */
  bestNext(key: KeyId): number {
    let best = 0;
    for (const known of this.#peers.values()) best = Math.max(best, known.next.get(key)?.next ?? 0);
    return best;
  }

  views(): PeerView[] {
    return [...this.#peers].map(([site, known]) => {
      const holdings = new Map<StreamName, Record<OriginId, number>>();
      for (const { stream, origin, next } of known.next.values()) {
        const vector = holdings.get(stream) ?? {};
        vector[origin] = next;
        holdings.set(stream, vector);
      }
      return { site, lastContact: known.lastContact, linkClass: known.linkClass, holdings };
    });
  }
}
