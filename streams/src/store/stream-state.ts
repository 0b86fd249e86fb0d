import { OriginLog } from "./origin-log.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { VersionVector } from "../model/record.js";
import type { Run } from "./segment-format.js";

/** What the store knows of one stream without reading. */
export class StreamState {
  readonly logs = new Map<OriginId, OriginLog>();
  /** Largest offset given in this stream, or seen of what is here. */
  highest = 0;
  /** Largest offset of what expired: topics that are not found may have had it. */
  expiredHighest = 0;
  /** Sealed runs of all origins. */
  runs: Run[] = [];

  constructor(
    readonly name: StreamName,
    readonly number: number,
  ) {}

  /** No offset that was ever known here is larger: the next ones of this stream are, whatever their topics (O2). */
  get highestEver(): number {
    return Math.max(this.highest, this.expiredHighest);
  }

  log(origin: OriginId): OriginLog {
    let log = this.logs.get(origin);
    if (log === undefined) {
      log = new OriginLog(this, origin);
      this.logs.set(origin, log);
    }
    return log;
  }

  vector(): VersionVector {
    const vector: Record<OriginId, number> = {};
    for (const log of this.logs.values()) if (log.next > 0) vector[log.origin] = log.next;
    return vector;
  }

  /** At least one record is durable, or was. */
  get exists(): boolean {
    for (const log of this.logs.values()) if (log.next > 0 || log.end > 0) return true;
    return false;
  }
}

/** All streams, numbered as they come up: their numbers live as long as the process. */
export class Streams {
  private readonly byName = new Map<StreamName, StreamState>();
  private readonly byNumber: StreamState[] = [];

  get(name: StreamName): StreamState | undefined {
    return this.byName.get(name);
  }

  at(number: number): StreamState {
    return this.byNumber[number] as StreamState;
  }

  forWriting(name: StreamName): StreamState {
    let stream = this.byName.get(name);
    if (stream === undefined) {
      stream = new StreamState(name, this.byNumber.length);
      this.byName.set(name, stream);
      this.byNumber.push(stream);
    }
    return stream;
  }

  existing(): StreamState[] {
    return this.byNumber.filter((stream) => stream.exists);
  }

  get all(): readonly StreamState[] {
    return this.byNumber;
  }
}
