import { join } from "node:path";
import { TOPICS_COUNTED_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import { readError } from "./disk-errors.js";
import { decodeRunTopics } from "./run-block.js";
import { decodeEntries, decodePages, lastNotAfter } from "./run-index.js";
import { segmentName } from "./segment-format.js";
import { SizedCache } from "./sized-cache.js";
import type { TopicName } from "../model/names.js";
import type { Catalog } from "./catalog.js";
import type { Disk } from "./disk.js";
import type { Generation } from "./generation.js";
import type { BlockEntry, PageEntry } from "./run-index.js";
import type { IndexSoFar, JournalIndex } from "./journal-index.js";
import type { Run } from "./segment-format.js";
import type { StreamState } from "./stream-state.js";

const CACHE_BYTES = 4 * 1024 * 1024;
/** A name and its string, about. */
const NAME_BYTES = 40;

/**
 * Lists topics in order. The names lie sorted in the runs, so no list of all topics is kept: a listing reads the few
 * blocks that hold its page of names.
 */
export class TopicLister {
  private readonly cache = new SizedCache<readonly unknown[]>(CACHE_BYTES);
  /** Names of a generation's topics of a stream, sorted, and how many of its topics they cover. */
  private readonly unsealed = new WeakMap<Generation, Map<number, { visible: number; names: string[] }>>();
  private readonly counts = new Map<StreamState, { readonly state: string; readonly count: number }>();

  constructor(
    private readonly catalog: Catalog,
    private readonly journals: JournalIndex,
    private readonly disk: Disk,
    private readonly folder: string,
  ) {}

  /** Names behind `after` that begin with `prefix`, in order of their code units. @throws LandfallError */
  names(stream: StreamState, prefix: string, after: string | undefined, limit: number): TopicName[] {
    const start = after !== undefined && after >= prefix ? `${after}\0` : prefix;
    const sources = [
      ...this.catalog.generations.map((generation) => this.generationNames(generation, stream, start)),
      ...stream.runs.map((run) => this.runNames(run, start)),
    ];
    const heads = sources.map((source) => source.next());
    const names: TopicName[] = [];
    while (names.length < limit) {
      let least: string | undefined;
      for (const { done, value } of heads) if (done !== true && (least === undefined || value < least)) least = value;
      if (least === undefined || !least.startsWith(prefix)) break;
      names.push(least as TopicName);
      heads.forEach((head, i) => {
        if (head.done !== true && head.value === least) heads[i] = (sources[i] as Generator<string, void>).next();
      });
    }
    return names;
  }

  /**
   * Topics of these streams: of each counted, unless there are so many that an estimate has to do, or many records of
   * unsealed journals whose topics nobody has asked for yet: the estimate is then of those that are known.
   * @throws LandfallError
   */
  count(streams: readonly StreamState[]): number {
    const unsealed = this.catalog.generations.map((generation) => this.journals.soFar(generation));
    return streams.reduce((sum, stream) => sum + this.countOf(stream, unsealed), 0);
  }

  private countOf(stream: StreamState, unsealed: readonly IndexSoFar[]): number {
    const isWhole = unsealed.every((one) => one.isWhole);
    const parts = [
      ...stream.runs.map(({ topics }) => topics),
      ...unsealed.map(({ index }) => index.topicCount(stream.number)),
    ].filter((part) => part > 0);
    if (parts.length <= 1) return parts[0] ?? 0;
    const state = `${isWhole} ${parts.join(" ")}`;
    const known = this.counts.get(stream);
    if (known?.state === state) return known.count;
    const sum = parts.reduce((a, b) => a + b, 0);
    const isExact = isWhole && sum <= TOPICS_COUNTED_MAX;
    const count = isExact ? this.names(stream, "", undefined, sum).length : Math.max(...parts);
    this.counts.set(stream, { state, count });
    return count;
  }

  private *generationNames(generation: Generation, stream: StreamState, start: string): Generator<string, void> {
    const names = this.sorted(generation, stream);
    let low = 0;
    let high = names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((names[middle] as string) < start) low = middle + 1;
      else high = middle;
    }
    for (; low < names.length; low++) yield names[low] as string;
  }

  private sorted(generation: Generation, stream: StreamState): readonly string[] {
    let streams = this.unsealed.get(generation);
    if (streams === undefined) this.unsealed.set(generation, (streams = new Map()));
    const known = streams.get(stream.number);
    if (known?.visible === generation.visible) return known.names;
    const names = this.journals.now(generation).topicsOf(stream.number).sort();
    streams.set(stream.number, { visible: generation.visible, names });
    return names;
  }

  private *runNames(run: Run, start: string): Generator<string, void> {
    const pages = this.list<PageEntry>(run, run.at, run.bytes, decodePages);
    let last: string | undefined;
    for (let p = Math.max(lastNotAfter(pages, start), 0); p < pages.length; p++) {
      const page = pages[p] as PageEntry;
      const entries = this.list<BlockEntry>(run, page.at, page.bytes, decodeEntries);
      for (const entry of entries) {
        if (entry.last < start) continue;
        const isOne = entry.first === entry.last;
        const names = isOne ? [entry.first] : this.list<string>(run, entry.at, entry.bytes, decodeRunTopics);
        for (const name of names) {
          if (name >= start && name !== last) yield name;
          last = name;
        }
      }
    }
  }

  private list<T>(run: Run, at: number, length: number, decode: (bytes: Uint8Array) => readonly T[]): readonly T[] {
    const key = `${run.segment.number}:${at}`;
    const cached = this.cache.get(key) as readonly T[] | undefined;
    if (cached !== undefined) return cached;
    const bytes = new Uint8Array(length);
    const path = join(this.folder, segmentName(run.segment.number));
    try {
      if (this.disk.readSync(path, bytes, at) < length) {
        throw new LandfallError("CORRUPT_BLOCK", `${path} is cut short`);
      }
    } catch (error) {
      throw readError(error, path);
    }
    const list = decode(bytes);
    this.cache.add(key, list, list.length * NAME_BYTES);
    return list;
  }
}
