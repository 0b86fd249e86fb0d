import type { OriginId, StreamName } from "@landfall/streams/model/names";
import type { NewRecord, StoredRecord } from "@landfall/streams/model/record";
import type { Sisters } from "@landfall/streams/node/node";
import type { Appended, StreamStore } from "@landfall/streams/store/store";

/**
 * Appends to the store and resolves once a second node of the site holds the records durably, too. There is no
 * deadline: while no second node is in reach nothing resolves, and whoever publishes is held back by what is under way.
 */
export class QuorumStore implements Pick<StreamStore, "append"> {
  /** @param onDurable told of records once they are durable here, whether or not they can be acknowledged yet */
  constructor(
    private readonly store: Pick<StreamStore, "append" | "origin">,
    private readonly sisters: Pick<Sisters, "secondCopy">,
    private readonly onDurable: (stream: StreamName, records: readonly NewRecord[]) => void,
  ) {}

  async append(stream: StreamName, records: readonly NewRecord[]): Promise<Appended[]> {
    const appended = await this.store.append(stream, records);
    this.onDurable(stream, records);
    const last = appended.at(-1);
    if (last !== undefined) await this.sisters.secondCopy(stream, this.store.origin, last.seq);
    return appended;
  }

  /** Resolves once a second node holds a record that was found here. */
  secured({ stream, origin, seq }: Pick<StoredRecord, "stream" | "seq"> & { origin: OriginId }): Promise<void> {
    return this.sisters.secondCopy(stream, origin, seq);
  }
}
