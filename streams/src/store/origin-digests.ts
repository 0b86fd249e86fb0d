import { DIGEST_CHUNK_RECORDS, DIGEST_CHUNKS_KEPT_MAX, DIGEST_READ_BYTES } from "../limits.js";
import { NO_RECORDS, addDigests, digestOf } from "./record-digest.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { RecordDigest } from "./record-digest.js";
import type { StreamStore } from "./store.js";

/**
 * Digests of what a store holds of an origin, read when they are asked for. Those of whole chunks (65,536 seqs, at the
 * same places at every site) are kept: a chunk that is complete never changes.
 */
export class OriginDigests {
  private readonly chunks = new Map<string, RecordDigest>();

  constructor(private readonly store: Pick<StreamStore, "readOrigin">) {}

  /**
   * Of the records with seqs [from, to); undefined when not all of them are here.
   * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
   */
  async of(stream: StreamName, origin: OriginId, from: number, to: number): Promise<RecordDigest | undefined> {
    let sum = NO_RECORDS;
    for (let at = from; at < to;) {
      const end = Math.min(to, (Math.floor(at / DIGEST_CHUNK_RECORDS) + 1) * DIGEST_CHUNK_RECORDS);
      const part = await this.part(stream, origin, at, end);
      if (part === undefined) return undefined;
      sum = addDigests(sum, part);
      at = end;
    }
    return sum;
  }

  /** Of a part of one chunk. */
  private async part(
    stream: StreamName,
    origin: OriginId,
    from: number,
    to: number,
  ): Promise<RecordDigest | undefined> {
    const isWhole = to - from === DIGEST_CHUNK_RECORDS;
    const key = `${stream} ${origin} ${from}`;
    const known = isWhole ? this.chunks.get(key) : undefined;
    if (known !== undefined) return known;
    let sum = NO_RECORDS;
    for (let at = from; at < to;) {
      const maxBytes = to - at === 1 ? 1 : DIGEST_READ_BYTES;
      const records = await this.store.readOrigin(stream, origin, at as Seq, maxBytes);
      if (records.length === 0) return undefined;
      for (const record of records.slice(0, to - at)) sum = addDigests(sum, digestOf(record));
      at += records.length;
    }
    if (isWhole) this.keep(key, sum);
    return sum;
  }

  private keep(key: string, digest: RecordDigest): void {
    this.chunks.set(key, digest);
    const [oldest] = this.chunks.keys();
    if (this.chunks.size > DIGEST_CHUNKS_KEPT_MAX && oldest !== undefined) this.chunks.delete(oldest);
  }
}
