import { isLandfallError } from "@landfall/streams/model/errors";
import type { NewRecord } from "@landfall/streams/model/record";
import type { StreamName } from "@landfall/streams/model/names";
import type { StreamStore } from "@landfall/streams/store/store";
import { BATCH_BYTES_MAX, BATCH_RECORDS_MAX } from "../limits.js";

/** Records that the store will never take, and why; absent when it took all. */
export type Unstorable = ReadonlyMap<NewRecord, unknown> | undefined;

interface Batch {
  readonly stream: StreamName;
  readonly records: NewRecord[];
  bytes: number;
  readonly durable: Promise<Unstorable>;
  readonly resolve: (unstorable: Unstorable | Promise<Unstorable>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Hands records to the store in batches: whatever arrives in one turn of the event loop goes to its stream in one
 * call, in the order of arrival. The store's group commit then makes one fsync of all of them.
 */
export class AppendBatcher {
  readonly #store: Pick<StreamStore, "append">;
  readonly #open = new Map<StreamName, Batch>();
  #scheduled = false;

  constructor(store: Pick<StreamStore, "append">) {
    this.#store = store;
  }

  /**
   * Resolves when the record's batch is durable (S1), with those of it that are not because the store will never take
   * them; rejects as `StreamStore.append` does. Records of a stream keep their order. One promise serves a whole batch.
   */
  append(stream: StreamName, record: NewRecord): Promise<Unstorable> {
    const batch = this.#batchOf(stream);
    batch.records.push(record);
    batch.bytes += record.value.byteLength;
    if (batch.records.length >= BATCH_RECORDS_MAX || batch.bytes >= BATCH_BYTES_MAX) this.#close(batch);
    return batch.durable;
  }

  #batchOf(stream: StreamName): Batch {
    const open = this.#open.get(stream);
    if (open) return open;
    let resolve!: Batch["resolve"];
    let reject!: Batch["reject"];
    const durable = new Promise<Unstorable>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    const batch: Batch = { stream, records: [], bytes: 0, durable, resolve, reject };
    this.#open.set(stream, batch);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        for (const waiting of this.#open.values()) this.#close(waiting);
      });
    }
    return batch;
  }

  #close(batch: Batch): void {
    this.#open.delete(batch.stream);
    this.#store.append(batch.stream, batch.records).then(
      () => batch.resolve(undefined),
      (error: unknown) => {
        // One record that the store will never take must not take the others with it.
        if (isRecordsFault(error)) batch.resolve(this.#oneByOne(batch));
        else batch.reject(error);
      },
    );
  }

  async #oneByOne({ stream, records }: Batch): Promise<Unstorable> {
    const unstorable = new Map<NewRecord, unknown>();
    const each = records.map((record) =>
      this.#store.append(stream, [record]).catch((error: unknown) => {
        if (!isRecordsFault(error)) throw error;
        unstorable.set(record, error);
      }),
    );
    await Promise.all(each);
    return unstorable;
  }
}

/** The store is well, but this record is not what it takes. */
export function isRecordsFault(error: unknown): boolean {
  return (
    isLandfallError(error, "INVALID_ARGUMENT") ||
    isLandfallError(error, "VALUE_TOO_LARGE") ||
    isLandfallError(error, "INVALID_NAME")
  );
}
