import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { testProxy } from "@landfall/streams/testing/test-proxy";
import { freePorts } from "../../support/free-ports.js";
import { AckedPublisher } from "./peers/acked-publisher.js";
import { hasClient, installed } from "./peers/jetstream.js";
import { startServer, writeConfig } from "./peers/nats-server.js";
import { telemetry } from "./replication-load.js";
import type { Figures } from "./replication-scenarios.js";

const BATCH = 2_000;
const POLL_MS = 20;
const CONTAINERS = 1_000;

export interface PeerWay {
  readonly scenario: string;
  /** Of the leaf node's connection; the server's default where it is undefined. */
  readonly compression: string | undefined;
}

export const PEER_WAYS: readonly PeerWay[] = [
  { scenario: "peer-leaf", compression: undefined },
  { scenario: "peer-leaf-s2", compression: "s2_best" },
];

/** Name and version of the peer, or why it cannot be run here. */
export function findPeer({ compression }: PeerWay): { readonly name: string } | { readonly missing: string } {
  const { program, version } = installed();
  if (program === undefined) return { missing: "nats-server is not installed" };
  if (!hasClient()) return { missing: "the package nats is not installed" };
  const kind = compression === undefined ? "plain" : `compression: ${compression}`;
  if (compression !== undefined && !knows(program, compression)) return { missing: `${version} does not know ${kind}` };
  return { name: `leaf node with a mirror (${version}), ${kind}` };
}

/**
 * A leaf node on board holds a stream of telemetry; a server ashore begins to mirror it. Over the same proxy as our own, on
 * disk as they come: neither syncs before it says that it has a message.
 */
export async function mirror(folder: string, records: number, { compression }: PeerWay): Promise<Figures> {
  const { connect, createInbox } = await import("nats");
  const program = installed().program ?? "";
  const [leafPort = 0] = await freePorts(1);
  const [ashore, aboard] = [join(folder, "hub"), join(folder, "leaf")];
  for (const one of [ashore, aboard]) mkdirSync(one, { recursive: true });
  const hub = await startServer(program, ashore, undefined, {
    jetStream: "domain: hub",
    lines: `server_name: hub\nleafnodes { host: 127.0.0.1, port: ${leafPort} }\n`,
  });
  const proxy = await testProxy(leafPort, 0);
  const leaf = await startServer(program, aboard, undefined, leafConfig(proxy.port, compression));
  const [onHub, onLeaf] = [await connect({ servers: hub.url }), await connect({ servers: leaf.url })];
  try {
    const [there, here] = [await onHub.jetstreamManager(), await onLeaf.jetstreamManager()];
    await here.streams.add({ name: "telemetry", subjects: ["telemetry.*"] });
    const publisher = new AckedPublisher(onLeaf, createInbox());
    let written = 0;
    for (const some of telemetry(CONTAINERS, Math.ceil(records / CONTAINERS))) {
      for (let i = 0; i < some.length; i += BATCH) {
        const batch = some.slice(i, i + BATCH);
        await publisher.publish(batch.map(({ topic, value }) => ({ subject: `telemetry.${topic}`, value })));
        written += batch.length;
      }
    }
    const before = proxy.bytes;
    const started = performance.now();
    const external = { api: "$JS.ship.API", deliver: "" };
    await there.streams.add({ name: "mirror", mirror: { name: "telemetry", external } });
    while ((await there.streams.info("mirror")).state.messages < written) await pause(POLL_MS);
    const seconds = (performance.now() - started) / 1_000;
    const bytes = Math.round(((proxy.bytes - before) / written) * 10) / 10;
    return { records: written, rate: Math.round(written / seconds), bytes };
  } finally {
    await onHub.close();
    await onLeaf.close();
    await leaf.stop();
    await hub.stop();
    await proxy.close();
  }
}

function leafConfig(port: number, compression: string | undefined) {
  const more = compression === undefined ? "" : `, compression: ${compression}`;
  return {
    jetStream: "domain: ship",
    lines: `server_name: leaf\nleafnodes { remotes: [ { url: "nats-leaf://127.0.0.1:${port}"${more} } ] }\n`,
  };
}

function knows(program: string, compression: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), "landfall-nats-"));
  try {
    const path = writeConfig(folder, undefined, leafConfig(4222, compression));
    return spawnSync(program, ["-t", "-c", path]).status === 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
