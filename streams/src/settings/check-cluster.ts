import type { NodeSettings } from "./node-settings.js";
import type { Path } from "./settings-schema.js";

/** Reports what does not fit together about the nodes of this site and the links between them. */
export function checkCluster(settings: NodeSettings, report: (path: Path, message: string) => void): void {
  const { site, node, cluster, links, replication } = settings;
  const nodes = cluster?.nodes ?? [node];
  if (!nodes.includes(node)) {
    report(["cluster", "nodes"], `cluster.nodes is ${nodes.join(", ")}, want this node too: ${node}`);
  }
  nodes.forEach((name, i) => {
    if (nodes.indexOf(name) < i) report(["cluster", "nodes", i], `cluster.nodes[${i}] ${name} is there twice`);
  });
  const others = [...new Set(nodes)].filter((name) => name !== node);
  links.forEach((link, i) => {
    if (link.to !== site) return;
    const at = `links[${i}].to is ${site}, which is this site itself`;
    const wanted = `want node, one of the others of cluster.nodes: ${others.join(", ")}`;
    if (cluster === undefined) report(["links", i, "to"], `${at}: want cluster.nodes, and node, one of the others`);
    else if (link.node === undefined) report(["links", i, "to"], `${at}: ${wanted}`);
    else if (!others.includes(link.node)) report(["links", i, "node"], `links[${i}].node is ${link.node}, ${wanted}`);
    if (link.class !== "lan") {
      report(["links", i, "class"], `links[${i}].class is ${link.class}, want lan between nodes of one site`);
    }
  });
  if (replication.listen !== undefined) return;
  for (const name of others) {
    if (links.some((link) => link.to === site && link.node === name)) continue;
    const way = `no link dials ${name}, and without replication.listen ${name} cannot dial this node`;
    report(["cluster", "nodes"], `cluster.nodes has ${name}: ${way}`);
  }
}
