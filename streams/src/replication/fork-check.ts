import type { Digest } from "@landfall/proto/gen/landfall/v1/replication";
import { DIGEST_CHUNK_RECORDS } from "../limits.js";
import type { OriginRecord } from "../model/record.js";
import { OriginDigests } from "../store/origin-digests.js";
import { digestOf } from "../store/record-digest.js";
import type { LocalStore } from "../store/store.js";
import type { Key } from "./machine-state.js";

/** What a peer may have read here before a request is served. */
const DIGESTS_COMPARED_MAX = 4;

/** Whether two sites hold the same history of an origin, told by digests of its records (rule 10). */
export class ForkCheck {
  #digests: OriginDigests;

  constructor(private readonly store: Pick<LocalStore, "readOrigin" | "digests">) {
    this.#digests = new OriginDigests(store);
  }

  /** What stands under some numbers has changed. */
  forget(): void {
    this.#digests = new OriginDigests(this.store);
  }

  /** Digests of single records, without those that are not here. */
  async of(key: Key, seqs: readonly number[]): Promise<Digest[]> {
    const found: Digest[] = [];
    for (const seq of seqs) {
      const sum = await this.#digests.of(key.stream, key.origin, seq, seq + 1);
      if (sum !== undefined) found.push({ from: seq, to: seq + 1, ...sum });
    }
    return found;
  }

  /**
   * Whether this record stands here under its number; undefined when nothing does.
   * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
   */
  async holds({ stream, origin }: Key, record: OriginRecord): Promise<boolean | undefined> {
    const own = await this.#digests.of(stream, origin, record.seq, record.seq + 1);
    const { high, low } = digestOf(record);
    return own && own.high === high && own.low === low;
  }

  /** Whether a peer holds other records than this site; what is not here tells nothing. */
  async isFork(key: Key, digests: readonly Digest[]): Promise<boolean> {
    for (const { from, to, high, low } of digests.slice(0, DIGESTS_COMPARED_MAX)) {
      if (to - from > DIGEST_CHUNK_RECORDS) continue;
      const own = await this.#digests.of(key.stream, key.origin, from, to);
      if (own !== undefined && (own.high !== high || own.low !== low)) return true;
    }
    return false;
  }
}
