import type { LinkFlow, StatusLink, StatusReply } from "@landfall/proto/api";
import { CommandError, withErrors } from "./command-error.js";
import { askNode } from "./node-client.js";
import { formatBytes, formatCount, formatDuration, formatTable } from "./table.js";
import { findTargets, type Target, type TargetOptions } from "./target.js";

const LINK_HEAD =
  "LINK,TO,CLASS,STATE,ROUND TRIP,TO SEND,TO RECEIVE,BACKLOG,TIME TO GO,RECORDS/S,SENT/S,RECEIVED/S,BUDGET LEFT,LAST CONTACT,CERTIFICATE".split(
    ",",
  );

export interface StatusOptions extends TargetOptions {
  readonly json?: boolean;
}

/** Prints the status of the nodes that the options name. @returns the exit code: 1 if a node did not answer */
export function status(options: StatusOptions): Promise<number> {
  return withErrors("status", async () => {
    const targets = findTargets(options);
    const answers = await Promise.all(targets.map(ask));
    for (const { target, reply, problem } of answers) {
      if (options.json) {
        const line = reply ?? { site: target.label, url: target.url, problem };
        process.stdout.write(`${JSON.stringify(line)}\n`);
      } else {
        process.stdout.write(reply ? formatStatus(reply) : `${problem}\n`);
        if (targets.length > 1) process.stdout.write("\n");
      }
    }
    return answers.every(({ reply }) => reply) ? 0 : 1;
  });
}

async function ask(target: Target): Promise<{ target: Target; reply?: StatusReply; problem?: string }> {
  try {
    return { target, reply: await askNode<StatusReply>(target, "/api/status") };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { target, problem: error.message };
  }
}

/** Unknown of a node of an earlier version. */
function bytesOf(flow: LinkFlow | undefined): string {
  return flow === undefined ? "-" : formatBytes(flow.bytesPerSecond);
}

function budgetLeft(budget: StatusLink["budget"]): string {
  return budget === undefined ? "-" : `${formatBytes(budget.leftBytes)} of ${formatBytes(budget.bytesPerDay)}`;
}

function sharing({ nodes, asksFor }: NonNullable<StatusReply["shared"]>): string {
  const others = nodes.length === 0 ? "log in Kafka" : `log in Kafka, shared with ${nodes.join(" and ")}`;
  return `${others}, asks for ${formatCount(asksFor)} histories`;
}

/** Nodes of each site that the reply speaks of: they are named where a site has several. */
function countNodes({ site, node, links, peers }: StatusReply): Map<string, Set<string>> {
  const nodes = new Map([[site, new Set([node])]]);
  const add = (name: string, at: string | undefined): void => {
    if (at !== undefined) nodes.set(name, (nodes.get(name) ?? new Set()).add(at));
  };
  for (const link of links) add(link.peer, link.node);
  for (const peer of peers) add(peer.site, peer.node);
  return nodes;
}

/** A node's status for people: what it is, its links, its peers. */
export function formatStatus(reply: StatusReply): string {
  const { site, node, version, uptimeSeconds, store, notHandedOver, links, peers, notReady } = reply;
  const now = Date.parse(reply.time);
  const ago = (time: string | undefined): string =>
    time === undefined ? "never" : `${formatDuration((now - Date.parse(time)) / 1000)} ago`;
  const goodFor = (expires: string | undefined): string => {
    if (expires === undefined) return "-";
    const seconds = (Date.parse(expires) - now) / 1000;
    return seconds > 0 ? formatDuration(seconds) : "EXPIRED";
  };
  const head = [
    `${site}.${node}`,
    notReady.length === 0 ? "ready" : "NOT READY",
    `up ${formatDuration(uptimeSeconds)}`,
    `${formatCount(store.topics)} topics in ${formatCount(store.streams)} streams, ${formatBytes(store.bytesOnDisk)}`,
    `${formatCount(notHandedOver)} still to hand over`,
    ...(reply.shared === undefined ? [] : [sharing(reply.shared)]),
    ...(reply.certificateExpires === undefined ? [] : [`certificate ${goodFor(reply.certificateExpires)}`]),
    version,
  ];
  const nodesOf = countNodes(reply);
  const named = (peer: string, at: string | undefined): string =>
    at !== undefined && (nodesOf.get(peer)?.size ?? 0) > 1 ? `${peer}.${at}` : peer;
  let text = `${head.join(" · ")}\n`;
  for (const reason of notReady) text += `  ${reason}\n`;
  if (store.failed !== undefined) text += `  ${store.failed}\n`;
  if (links.length > 0) {
    text += formatTable(
      LINK_HEAD,
      links.map((link) => [
        link.id,
        named(link.peer, link.node),
        link.class,
        link.state,
        link.roundTripMs === undefined ? "-" : `${formatCount(link.roundTripMs)} ms`,
        formatCount(link.toSend),
        formatCount(link.toReceive),
        link.backlogBytes === undefined ? "-" : formatBytes(link.backlogBytes),
        link.secondsToGo === undefined ? "-" : formatDuration(link.secondsToGo),
        formatCount(link.recordsPerSecond),
        bytesOf(link.sending),
        bytesOf(link.receiving),
        budgetLeft(link.budget),
        ago(link.lastContact),
        goodFor(link.certificateExpires),
      ]),
    );
    for (const { id, problem } of links) if (problem !== undefined) text += `  ${id}: ${problem}\n`;
  }
  if (peers.length > 0) {
    text += formatTable(
      ["PEER", "CLASS", "LACKS", "AHEAD", "LAST CONTACT"],
      peers.map((peer) => [
        named(peer.site, peer.node),
        peer.class,
        formatCount(peer.lacks),
        formatCount(peer.ahead),
        ago(peer.lastContact),
      ]),
    );
  }
  if (reply.rules.length > 0) {
    text += formatTable(
      ["RULES OF", "WHAT", "SET AT", "WHEN", "VERSION"],
      reply.rules.map(({ owner, key, site: from, time, version }) => [owner, key, from, ago(time), String(version)]),
    );
  }
  return text;
}
