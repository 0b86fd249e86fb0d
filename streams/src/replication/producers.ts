import type { ChangeablePolicy, Policy, Principal } from "../access/policy.js";
import { siteOfOrigin, type OriginId, type StreamName } from "../model/names.js";
import type { SiteEntry } from "../settings/node-settings.js";

/** A site as a principal: `site.<name>` with the groups that the fleet's settings give it. */
export function sitePrincipal(site: Pick<SiteEntry, "site" | "groups">): Principal {
  return { user: `site.${site.site}`, groups: site.groups, roles: [] };
}

/** Whose records count in which stream (R8): of a site, whatever the path on which they come. Remembers what it was asked. */
export class Producers {
  readonly #sites: ReadonlyMap<string, Principal>;
  /** By site and stream; of sites that are listed alone, so that invented ones cost nothing. */
  readonly #known = new Map<string, Map<StreamName, boolean>>();

  constructor(
    private readonly policy: Policy,
    sites: readonly SiteEntry[],
  ) {
    this.#sites = new Map(sites.map((entry) => [entry.site, sitePrincipal(entry)]));
  }

  /** Whether what this origin's site has written into the stream counts. */
  mayProduce(stream: StreamName, origin: OriginId): boolean {
    return this.maySiteProduce(siteOfOrigin(origin), stream);
  }

  /** The same of a site. One that is not listed under `sites` has no groups. */
  maySiteProduce(site: string, stream: StreamName): boolean {
    const listed = this.#sites.get(site);
    if (listed === undefined) return this.policy.allows(sitePrincipal({ site, groups: [] }), "produce", stream);
    const known = this.#known.get(site) ?? new Map<StreamName, boolean>();
    this.#known.set(site, known);
    const before = known.get(stream);
    if (before !== undefined) return before;
    const may = this.policy.allows(listed, "produce", stream);
    known.set(stream, may);
    return may;
  }

  isListed(site: string): boolean {
    return this.#sites.has(site);
  }

  /** Rules have changed: everything is asked anew. */
  forget(): void {
    this.#known.clear();
  }
}

/**
 * Whether a site may write into a stream itself. Only rules that say who may produce bind it: a site whose rules say nothing of
 * that, or nothing of the stream, keeps what its services write, as ever.
 */
export function ownAppends(policy: ChangeablePolicy, self: SiteEntry): (stream: StreamName) => boolean {
  const principal = sitePrincipal(self);
  return (stream) => !policy.names("produce", stream) || policy.allows(principal, "produce", stream);
}
