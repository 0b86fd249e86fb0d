import { streamName, topicName } from "../model/names.js";
import type { StreamName, TopicName } from "../model/names.js";
import type { TimestampMs } from "../model/record.js";
import type { EmbeddedStore } from "../store/embedded-store.js";
import type { Batch } from "../store/store.js";
import type { Partition } from "./partition.js";

/**
 * A stream of the local store alone: of each partition, how far the store has followed it; and which nodes of the site have been heard
 * of. Nobody else is shown it.
 */
export const POSITIONS: StreamName = streamName("local.kafka-positions");
const PAGE = 1000;
/** In no name of a partition, which ends with a number. */
const NODE = "/node";

/**
 * Positions are records in the journal that holds what was read up to them, appended in the turn in which that is applied: in
 * the same group commit, or in a later one, so none is ever ahead of the state.
 */
export class Positions {
  constructor(private readonly store: Pick<EmbeddedStore, "applyWithNote" | "latest">) {}

  async read(): Promise<{ readonly positions: Map<string, number>; readonly nodes: string[] }> {
    const positions = new Map<string, number>();
    const nodes: string[] = [];
    for (let after: TopicName | undefined; ;) {
      const page = await this.store.latest(POSITIONS, { limit: PAGE, ...(after !== undefined && { after }) });
      for (const { topic, value } of page) {
        if (topic.endsWith(NODE)) {
          nodes.push(topic.slice(0, -NODE.length));
          continue;
        }
        const position = Number(Buffer.from(value).toString("latin1"));
        if (Number.isSafeInteger(position)) positions.set(topic, position);
      }
      after = page.at(-1)?.topic;
      if (after === undefined || page.length < PAGE) return { positions, nodes };
    }
  }

  /** A node of the site, `site.node`, has been heard of. */
  async meet(node: string, now: number): Promise<void> {
    const note = { topic: topicName(node + NODE), timestamp: Math.floor(now) as TimestampMs, value: new Uint8Array(0) };
    await this.store.applyWithNote([], POSITIONS, note);
  }

  /** What is read up to `next` is durable, and so is that it is, when it resolves; never the second without the first. */
  async put(of: Partition, batches: readonly Batch[], next: number, now: number): Promise<void> {
    const value = new TextEncoder().encode(String(next));
    const note = { topic: positionName(of), timestamp: Math.floor(now) as TimestampMs, value };
    await this.store.applyWithNote(batches, POSITIONS, note);
  }
}

export function positionName({ topic, partition }: Pick<Partition, "topic" | "partition">): TopicName {
  return topicName(`${topic}/${partition}`);
}
