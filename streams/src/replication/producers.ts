import type { ChangeablePolicy, Policy, Principal } from "../access/policy.js";
import { siteOfOrigin, type OriginId, type StreamName } from "../model/names.js";
import type { SiteEntry } from "../settings/node-settings.js";
import { remember, type Remembering } from "./remember.js";

/** A site as a principal: `site.<name>` with the groups that the fleet's settings give it. */
export function sitePrincipal(site: Pick<SiteEntry, "site" | "groups">): Principal {
  return { user: `site.${site.site}`, groups: site.groups, roles: [] };
}

/** Whose records count in which stream (R8): of a site, whatever the path on which they come. Remembers what it was asked. */
export class Producers {
  /** Of sites that are listed alone, so that invented ones cost nothing. */
  readonly #sites: ReadonlyMap<string, Remembering<boolean>>;

  constructor(
    private readonly policy: Policy,
    sites: readonly SiteEntry[],
  ) {
    this.#sites = new Map(
      sites.map((entry) => {
        const principal = sitePrincipal(entry);
        return [entry.site, remember((stream) => policy.allows(principal, "produce", stream))];
      }),
    );
  }

  /** Whether what this origin's site has written into the stream counts. */
  mayProduce(stream: StreamName, origin: OriginId): boolean {
    return this.maySiteProduce(siteOfOrigin(origin), stream);
  }

  /** The same of a site. One that is not listed under `sites` has no groups. */
  maySiteProduce(site: string, stream: StreamName): boolean {
    const listed = this.#sites.get(site);
    if (listed === undefined) return this.policy.allows(sitePrincipal({ site, groups: [] }), "produce", stream);
    return listed(stream);
  }

  isListed(site: string): boolean {
    return this.#sites.has(site);
  }

  /** Rules have changed: everything is asked anew. */
  forget(): void {
    for (const listed of this.#sites.values()) listed.forget();
  }
}

/**
 * Whether a site may write into a stream itself. Only rules that say who may produce bind it: a site whose rules say nothing of
 * that, or nothing of the stream, keeps what its services write, as ever. Every append asks: the answer is remembered until rules change.
 */
export function ownAppends(policy: ChangeablePolicy, self: SiteEntry): (stream: StreamName) => boolean {
  const principal = sitePrincipal(self);
  const may = remember((stream) => !policy.names("produce", stream) || policy.allows(principal, "produce", stream));
  policy.onChange((what) => {
    if (what === "rules") may.forget();
  });
  return may;
}
