import type { OriginId, StreamName } from "@landfall/streams/model/names";
import type { NewRecord, Seq, StoredRecord } from "@landfall/streams/model/record";
import type { Sisters } from "@landfall/streams/node/node";
import type { Appended, StreamStore } from "@landfall/streams/store/store";

/**
 * Appends to the store and resolves once a second node of the site holds the records durably, too. There is no
 * deadline: while no second node is in reach nothing resolves, and whoever publishes is held back by what is under way.
 */
export class QuorumStore implements Pick<StreamStore, "append"> {
  /** First seqs of batches that are durable here and not yet there, oldest first. */
  readonly #waiting = new Map<StreamName, Seq[]>();

  constructor(
    private readonly store: Pick<StreamStore, "append" | "origin">,
    private readonly sisters: Pick<Sisters, "secondCopy">,
  ) {}

  async append(stream: StreamName, records: readonly NewRecord[]): Promise<Appended[]> {
    const appended = await this.store.append(stream, records);
    const [first, last] = [appended[0], appended.at(-1)];
    if (first === undefined || last === undefined) return appended;
    const waiting = this.#waiting.get(stream) ?? [];
    this.#waiting.set(stream, waiting);
    waiting.push(first.seq);
    try {
      await this.sisters.secondCopy(stream, this.store.origin, last.seq);
    } finally {
      waiting.splice(waiting.indexOf(first.seq), 1);
      if (waiting.length === 0) this.#waiting.delete(stream);
    }
    return appended;
  }

  /** First seq of this node's own records whose appending has not resolved yet; undefined when there is none. */
  firstWaiting(stream: StreamName): Seq | undefined {
    return this.#waiting.get(stream)?.[0];
  }

  /** Resolves once a second node holds a record that was found here. */
  secured({ stream, origin, seq }: Pick<StoredRecord, "stream" | "seq"> & { origin: OriginId }): Promise<void> {
    return this.sisters.secondCopy(stream, origin, seq);
  }
}
