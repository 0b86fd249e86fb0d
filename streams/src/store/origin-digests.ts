import { NO_RECORDS, addDigests, digestOf } from "./record-digest.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { RecordDigest } from "./record-digest.js";
import type { LocalStore } from "./store.js";

/** Digests of what a store holds of an origin, for requests between sites: mostly of one record. */
export class OriginDigests {
  constructor(private readonly store: Pick<LocalStore, "readOrigin" | "digests">) {}

  /**
   * Of the records with seqs [from, to); undefined when not all of them are here.
   * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
   */
  async of(stream: StreamName, origin: OriginId, from: number, to: number): Promise<RecordDigest | undefined> {
    if (to - from === 1) {
      const [record] = await this.store.readOrigin(stream, origin, from as Seq, 1);
      return record === undefined ? undefined : digestOf(record);
    }
    let sum = NO_RECORDS;
    let count = 0;
    for (let at = from; at < to;) {
      const [part] = await this.store.digests(stream, origin, [{ from: at, to, step: Number.MAX_SAFE_INTEGER }], false);
      const [cell] = part?.cells ?? [];
      if (part === undefined || part.next <= at) break;
      at = part.next;
      if (cell === undefined) continue;
      sum = addDigests(sum, cell);
      count += cell.count;
    }
    return count === to - from ? sum : undefined;
  }
}
