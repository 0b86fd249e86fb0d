import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AckedPublisher } from "./acked-publisher.js";
import { bytesOf } from "./peer.js";
import { startServer, writeConfig } from "./nats-server.js";
import type { PeerKind } from "./peer.js";

/** On the path, or where Debian's package puts it, which is not on everybody's. */
const PROGRAMS = ["nats-server", "/usr/sbin/nats-server"];
/** A reader that waits longer for its history than this has not got it. */
const READ_MS_MAX = 60_000;

/** As it comes: acknowledges what it has written, and syncs every two minutes. */
export const JETSTREAM = jetstream("peer-jetstream", undefined);
/** Syncs before it acknowledges, as the others do. */
export const JETSTREAM_SYNCED = jetstream("peer-jetstream-synced", "always");

/** One stream, a subject for each topic, on disk. */
function jetstream(scenario: string, syncInterval: string | undefined): PeerKind {
  const kind = syncInterval === undefined ? "default" : `sync_interval: ${syncInterval}`;
  return {
    scenario,
    find: () => {
      const { program, version } = installed();
      if (program === undefined) return { missing: "nats-server is not installed" };
      if (!hasClient()) return { missing: "the package nats is not installed" };
      const knows = syncInterval === undefined || acceptsConfig(program, syncInterval);
      return knows ? { name: `JetStream (${version}), ${kind}` } : { missing: `${version} does not know ${kind}` };
    },
    open: async (folder) => {
      const { AckPolicy, DeliverPolicy, connect, createInbox } = await import("nats");
      const server = await startServer(installed().program ?? "", folder, syncInterval);
      const connection = await connect({ servers: server.url });
      const manager = await connection.jetstreamManager();
      // Only "file" is kept at all; the other values are those of the server.
      await manager.streams.add({ name: "bench", subjects: ["bench.*"] });
      const client = connection.jetstream();
      const publisher = new AckedPublisher(connection, createInbox());
      let readers = 0;
      return {
        append: (records) =>
          publisher.publish(records.map(({ topic, value }) => ({ subject: `bench.${topic}`, value }))),
        // It keeps what comes as it came.
        settle: () => Promise.resolve(),
        history: async (topic, expected) => {
          const name = `reader${readers++}`;
          await manager.consumers.add("bench", {
            durable_name: name,
            ack_policy: AckPolicy.None,
            deliver_policy: DeliverPolicy.All,
            filter_subject: `bench.${topic}`,
          });
          const consumer = await client.consumers.get("bench", name);
          let found = 0;
          const messages = await consumer.fetch({ max_messages: expected, expires: READ_MS_MAX });
          for await (const _message of messages) found++;
          return found;
        },
        bytesOnDisk: () => bytesOf(folder),
        close: async () => {
          await connection.close();
          await server.stop();
        },
      };
    },
  };
}

export function installed(): { readonly program?: string; readonly version: string } {
  for (const program of PROGRAMS) {
    const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
    if (status === 0) return { program, version: stdout.trim().replace(": v", " ") };
  }
  return { version: "" };
}

export function hasClient(): boolean {
  try {
    return createRequire(import.meta.url).resolve("nats") !== "";
  } catch {
    return false;
  }
}

function acceptsConfig(program: string, syncInterval: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), "landfall-nats-"));
  try {
    return spawnSync(program, ["-t", "-c", writeConfig(folder, syncInterval)]).status === 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
