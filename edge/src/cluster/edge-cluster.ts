import type { StreamName } from "@landfall/streams/model/names";
import type { NewRecord, OriginRecord, VersionVector } from "@landfall/streams/model/record";
import type { LandfallNode } from "@landfall/streams/node/node";
import type { StreamStore } from "@landfall/streams/store/store";
import type { SisterRecords } from "../ingest/deduplicator.js";
import { caughtUp } from "./catch-up.js";
import { InCharge } from "./in-charge.js";
import { QuorumStore } from "./quorum-store.js";
import { SecondNodeWatch } from "./second-node.js";
import { SisterFeed } from "./sister-feed.js";

/** What an edge does besides where its site has several nodes. */
export interface EdgeCluster {
  /** Where sensors' records are appended: resolves when they may be acknowledged. */
  readonly appender: Pick<StreamStore, "append">;
  readonly records: SisterRecords;
  readonly isInCharge: () => boolean;
  /** `onDurable` is told of what sensors publish, so that on-board rules do not wait for a second node. */
  readonly tellsDurable: boolean;
  /** Per origin of this site's other nodes, the first seq that was not told. */
  readonly told: (stream: StreamName) => VersionVector;
  /** Other nodes in reach, and batches that wait for a second copy. */
  readonly connected: () => number;
  readonly waiting: () => number;
  /** Resolves when this node may take sensors: replication runs, and it knows what its sisters know. */
  caughtUp(): Promise<void>;
  /** From now on what sisters take in is told. */
  follow(): void;
  close(): Promise<void>;
}

export function edgeCluster(
  node: LandfallNode,
  { nodes, ack }: NonNullable<LandfallNode["settings"]["cluster"]>,
  tell: {
    /** What another node took in is durable here. */
    readonly onRecord: (stream: StreamName, record: OriginRecord) => void;
    /** What this node took in is durable here; told where it is acknowledged only later. */
    readonly onDurable: (stream: StreamName, records: readonly NewRecord[]) => void;
  },
): EdgeCluster {
  const { store, env, log, exceptions, self, settings, replication, readiness } = node;
  const { sisters } = replication;
  const quorum = ack === "quorum" ? new QuorumStore(store, sisters, tell.onDurable) : undefined;
  const secondNode = quorum && new SecondNodeWatch({ sisters, env, log, exceptions });
  if (secondNode) readiness.add("cluster", () => secondNode.problem());
  const isWanted = (stream: StreamName) =>
    /\.(containers|alerts)$|^port\./.test(stream) ||
    stream === `${self.owner}.unassigned` ||
    stream === `${self.owner}.ships`;
  const feed = new SisterFeed({ store, sisters, site: self.site, env, exceptions, isWanted, onRecord: tell.onRecord });
  const seniors = nodes.slice(0, nodes.indexOf(settings.node)).map((name) => `${self.site}.${name}`);
  const inCharge = new InCharge(seniors, sisters, env);
  let isClosed = false;
  return {
    appender: quorum ?? store,
    records: {
      level: (streams) => feed.level(streams),
      secured: (record) => quorum?.secured(record) ?? Promise.resolve(),
    },
    isInCharge: () => inCharge.isInCharge(),
    told: (stream) => feed.told(stream),
    tellsDurable: quorum !== undefined,
    connected: () => sisters.connected().length,
    waiting: () => sisters.waiting,
    async caughtUp() {
      await caughtUp(sisters, nodes.length - 1, store, env, () => isClosed);
    },
    follow() {
      feed.start();
      secondNode?.start();
    },
    async close() {
      isClosed = true;
      secondNode?.close();
      await feed.close();
    },
  };
}
