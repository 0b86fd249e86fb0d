import { LandfallError } from "../model/errors.js";
import type { LinkSettings, NodeSettings, SiteEntry } from "../settings/node-settings.js";
import type { Hello } from "./link.js";
import { peerName } from "./peer-name.js";

/**
 * Whether whoever said hello may be there: a site of the fleet, the one that was dialled, the very node if one is named; and
 * of this site itself only another node of its cluster, over a link of the class that such have.
 * @returns the site's entry
 * @throws LandfallError PROTOCOL_ERROR
 */
export function checkPeer(peer: Hello, expected: LinkSettings, settings: NodeSettings): SiteEntry {
  const { site, node } = peer;
  const name = JSON.stringify(peerName(site, node).slice(0, 130));
  const entry = settings.sites.find((one) => one.site === site);
  if (site !== expected.to || entry === undefined) {
    throw new LandfallError("PROTOCOL_ERROR", `expected site ${expected.to}, but ${JSON.stringify(site)} answered`);
  }
  if (expected.node !== undefined && expected.node !== node) {
    throw new LandfallError("PROTOCOL_ERROR", `expected ${peerName(site, expected.node)}, but ${name} answered`);
  }
  if (site !== settings.site) return entry;
  const nodes = settings.cluster?.nodes ?? [settings.node];
  if (node === settings.node || !nodes.includes(node)) {
    const wanted = node === settings.node ? "which is this node's own name" : "which is not one of cluster.nodes here";
    throw new LandfallError("PROTOCOL_ERROR", `${name} is at the other end, ${wanted}`);
  }
  if (peer.linkClass !== "lan") {
    throw new LandfallError(
      "PROTOCOL_ERROR",
      `${name} is a node of this site, and its link of class ${peer.linkClass}`,
    );
  }
  return entry;
}

export function isSameNode(one: Hello, other: Hello): boolean {
  return one.site === other.site && one.node === other.node;
}
