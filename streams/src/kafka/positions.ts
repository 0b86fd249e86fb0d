import { isLandfallError } from "../model/errors.js";
import { streamName, topicName } from "../model/names.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { TimestampMs } from "../model/record.js";
import type { EmbeddedStore } from "../store/embedded-store.js";
import type { Batch } from "../store/store.js";
import type { Partition } from "./partition.js";

/**
 * A stream of the local store alone: of each partition, how far the store has followed it; which nodes of the site have been heard
 * of; and the node's origin, which changes where damage may have taken anything. Nobody else is shown it.
 */
export const POSITIONS: StreamName = streamName("local.kafka-positions");
const PAGE = 1000;
/** In no name of a partition, which ends with a number. */
const NODE = "/node";
/** Under which the node appended when it had all up to its positions. */
const ORIGIN = topicName("origin");

export interface KnownPositions {
  readonly positions: Map<string, number>;
  readonly nodes: string[];
  /** Undefined where it is not known. */
  readonly origin: string | undefined;
}

/**
 * Positions are records in the journal that holds what was read up to them, appended in the turn in which that is applied: in
 * the same group commit, or in a later one, so none is ever ahead of the state.
 */
export class Positions {
  constructor(private readonly store: Pick<EmbeddedStore, "applyWithNote" | "latest">) {}

  /** Nothing is known where damage has taken any of it: then all is read again from the beginning. */
  async read(): Promise<KnownPositions> {
    try {
      return await this.readAll();
    } catch (error) {
      if (!isLandfallError(error, "CORRUPT_BLOCK")) throw error;
      return { positions: new Map(), nodes: [], origin: undefined };
    }
  }

  private async readAll(): Promise<KnownPositions> {
    let origin: string | undefined;
    const positions = new Map<string, number>();
    const nodes: string[] = [];
    for (let after: TopicName | undefined; ;) {
      const page = await this.store.latest(POSITIONS, {
        limit: PAGE,
        ...(after !== undefined && { after }),
      });
      for (const { topic, value } of page) {
        if (topic === ORIGIN) {
          origin = Buffer.from(value).toString("latin1");
          continue;
        }
        if (topic.endsWith(NODE)) {
          nodes.push(topic.slice(0, -NODE.length));
          continue;
        }
        const position = Number(Buffer.from(value).toString("latin1"));
        if (Number.isSafeInteger(position)) positions.set(topic, position);
      }
      after = page.at(-1)?.topic;
      if (after === undefined || page.length < PAGE) return { positions, nodes, origin };
    }
  }

  /** All that is before its positions is here, of which the node has lost nothing since it has this origin. */
  async areOf(origin: OriginId, now: number): Promise<void> {
    const value = new TextEncoder().encode(origin);
    await this.store.applyWithNote([], POSITIONS, { topic: ORIGIN, timestamp: Math.floor(now) as TimestampMs, value });
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
