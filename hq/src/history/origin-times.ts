import { isLandfallError } from "@landfall/streams/model/errors";
import type { OriginId, StreamName } from "@landfall/streams/model/names";
import type { Seq } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { ORIGIN_TIMES_KEPT_MAX } from "../limits.js";

/** When single records of an origin were measured. A record never changes, so what was read once is remembered. */
export class OriginTimes {
  private readonly known = new Map<string, number>();

  constructor(private readonly store: Pick<StreamStore, "readOrigin">) {}

  /** Undefined where that record is not here, or cannot be read. @throws LandfallError DISK_FAILED */
  async at(stream: StreamName, origin: OriginId, seq: number): Promise<number | undefined> {
    const key = `${stream} ${origin} ${seq}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const record = await this.read(stream, origin, seq);
    if (record?.seq !== seq) return undefined;
    if (this.known.size >= ORIGIN_TIMES_KEPT_MAX) this.known.clear();
    this.known.set(key, record.timestamp);
    return record.timestamp;
  }

  private async read(stream: StreamName, origin: OriginId, seq: number) {
    try {
      const [record] = await this.store.readOrigin(stream, origin, seq as Seq, 1);
      return record;
    } catch (error) {
      if (isLandfallError(error, "CORRUPT_BLOCK")) return undefined;
      throw error;
    }
  }
}
