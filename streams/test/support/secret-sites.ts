import { tokenDigest } from "../../src/replication/gate.js";
import type { Replicator } from "../../src/replication/replicator.js";
import type { LinkSettings, NodeSettings, SiteEntry } from "../../src/settings/node-settings.js";
import { startTestNode, type TestNode } from "./test-node.js";

/** The token by which a site proves itself. */
export const secretOf = (site: string) => `secret of ${site}`;

export const siteEntry = (site: string, owner: string, groups: string[]): SiteEntry => ({
  site,
  kind: "port",
  name: site,
  owner,
  groups,
  tokenSha256: tokenDigest(secretOf(site)),
});

/** How to start whole nodes of these sites: one that listens, or one with a link to another that does. */
export function siteStarter(sites: NodeSettings["sites"], access: NodeSettings["access"]) {
  return (name: string, to?: TestNode): Promise<TestNode> => {
    const links: LinkSettings[] = [];
    if (to) {
      const address = `127.0.0.1:${(to.replication as Replicator).port}`;
      links.push({ id: `${name}~${to.settings.site}`, to: to.settings.site, class: "wan", address, carries: ["*"] });
    }
    return startTestNode({
      site: name,
      sites,
      access,
      links,
      replication: { token: secretOf(name), wants: ["*"], ...(!to && { listen: "127.0.0.1:0" }) },
    });
  };
}
