import { OriginLog } from "./origin-log.js";
import type { OriginId, StreamName, TopicName } from "../model/names.js";
import type { VersionVector } from "../model/record.js";

/** Records of one topic by number, in the order in which they are read: (offset, origin). */
export interface TopicIndex {
  readonly records: number[];
  /** Largest offset known here. */
  lastOffset: number;
}

/** One stream's topics and origins. */
export class StreamIndex {
  readonly logs = new Map<OriginId, OriginLog>();
  private readonly topics = new Map<string, TopicIndex>();
  /** Sorted on demand: new topics come in bursts, listings are rare. */
  private sorted: TopicName[] = [];
  private added: TopicName[] = [];

  constructor(readonly name: StreamName) {}

  get topicCount(): number {
    return this.topics.size;
  }

  topic(name: string): TopicIndex | undefined {
    return this.topics.get(name);
  }

  topicForWriting(name: TopicName): TopicIndex {
    let topic = this.topics.get(name);
    if (topic === undefined) {
      topic = { records: [], lastOffset: 0 };
      this.topics.set(name, topic);
      this.added.push(name);
    }
    return topic;
  }

  logForWriting(origin: OriginId): OriginLog {
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

  /** Names behind `after` that begin with `prefix`, in order of their code units. */
  names(prefix: string, after: string | undefined, limit: number): TopicName[] {
    if (this.added.length > 0) {
      this.sorted = merge(this.sorted, this.added.sort());
      this.added = [];
    }
    const names: TopicName[] = [];
    let at = firstAtOrAfter(this.sorted, prefix);
    if (after !== undefined) at = Math.max(at, firstAtOrAfter(this.sorted, `${after}\0`));
    for (; at < this.sorted.length && names.length < limit; at++) {
      const name = this.sorted[at] as TopicName;
      if (!name.startsWith(prefix)) break;
      names.push(name);
    }
    return names;
  }
}

function merge(a: readonly TopicName[], b: readonly TopicName[]): TopicName[] {
  const merged: TopicName[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) merged.push((a[i] as string) < (b[j] as string) ? a[i++]! : b[j++]!);
  while (i < a.length) merged.push(a[i++] as TopicName);
  while (j < b.length) merged.push(b[j++] as TopicName);
  return merged;
}

function firstAtOrAfter(sorted: readonly string[], text: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
