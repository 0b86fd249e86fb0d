import { isLandfallError } from "@landfall/streams/model/errors";
import type { NewRecord } from "@landfall/streams/model/record";
import type { StreamName } from "@landfall/streams/model/names";
import type { StreamStore } from "@landfall/streams/store/store";
import { BATCH_BYTES_MAX, BATCH_RECORDS_MAX } from "../limits.js";

interface Batch {
  readonly stream: StreamName;
  readonly records: NewRecord[];
  bytes: number;
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** What one record of a batch comes to when the store would not take the batch as a whole. */
  single: Map<NewRecord, Promise<void>> | undefined;
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

  /** Resolves when the record is durable (S1); rejects as `StreamStore.append` does. Records of a stream keep their order. */
  append(stream: StreamName, record: NewRecord): Promise<void> {
    const batch = this.#batchOf(stream);
    batch.records.push(record);
    batch.bytes += record.value.byteLength;
    if (batch.records.length >= BATCH_RECORDS_MAX || batch.bytes >= BATCH_BYTES_MAX) this.#send(batch);
    return batch.durable.then(
      () => undefined,
      (error: unknown) => {
        const single = batch.single?.get(record);
        if (single) return single;
        throw error;
      },
    );
  }

  #batchOf(stream: StreamName): Batch {
    const open = this.#open.get(stream);
    if (open) return open;
    let resolve!: () => void;
    let reject!: (error: unknown) => void;
    const durable = new Promise<void>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    const batch: Batch = { stream, records: [], bytes: 0, durable, resolve, reject, single: undefined };
    this.#open.set(stream, batch);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        for (const waiting of this.#open.values()) this.#send(waiting);
      });
    }
    return batch;
  }

  #send(batch: Batch): void {
    this.#open.delete(batch.stream);
    this.#store.append(batch.stream, batch.records).then(
      () => batch.resolve(),
      (error: unknown) => {
        // One record that the store will never take must not take the others with it.
        if (batch.records.length > 1 && isRecordsFault(error)) {
          batch.single = new Map(
            batch.records.map((record) => [record, this.#store.append(batch.stream, [record]).then(() => undefined)]),
          );
        }
        batch.reject(error);
      },
    );
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
