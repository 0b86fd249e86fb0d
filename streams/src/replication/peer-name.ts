/** How a node is named among peers, and to people where its site has several. */
export function peerName(site: string, node: string): string {
  return `${site}.${node}`;
}

/** An order of nodes that both ends see alike; by site first, as versions that know of no nodes see it. */
export function precedes(one: string, other: string): boolean {
  const [site = "", node = ""] = one.split(".");
  const [otherSite = "", otherNode = ""] = other.split(".");
  return site < otherSite || (site === otherSite && node < otherNode);
}
