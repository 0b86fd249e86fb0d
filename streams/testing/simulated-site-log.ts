import type { Hole } from "../src/model/gap.js";
import { nodeOfOrigin, type OriginId } from "../src/model/names.js";
import type { SimSite } from "./simulated-site.js";
import type { SimulatedFleet } from "./simulated-fleet.js";

export type LogEntry =
  | {
      readonly kind: "records";
      readonly origin: OriginId;
      readonly firstSeq: number;
      readonly values: readonly number[];
    }
  | { readonly kind: "gap"; readonly origin: OriginId; readonly hole: Hole }
  | { readonly kind: "word"; readonly origin: OriginId; readonly words: Uint8Array };

interface Waiting {
  readonly entry: LogEntry;
  /** The putter has it back. */
  readonly done: () => void;
}

interface Follower {
  /** What is on its way to the log, in order. */
  queue: Waiting[];
  isSending: boolean;
  position: number;
  isFollowing: boolean;
  /** By position: what to call when this node has come so far. */
  readonly reached: Map<number, (() => void)[]>;
  /** Neither sends nor hears before. */
  deafUntil: number;
}

/** The log of a site whose nodes share it, as Kafka keeps one: what is in it is never lost, and everybody reads it in its order. */
export class SimulatedSiteLog {
  readonly entries: LogEntry[] = [];
  /** Records that came over links of this site's nodes once more. */
  twice = 0;
  records = 0;
  readonly #crossed = new Set<string>();
  /** Values by seq, of what its nodes wrote. */
  readonly #own = new Map<OriginId, number[]>();
  readonly #followers = new Map<SimSite, Follower>();

  constructor(private readonly fleet: SimulatedFleet) {}

  join(site: SimSite): void {
    this.#followers.set(site, {
      queue: [],
      isSending: false,
      position: 0,
      isFollowing: false,
      reached: new Map(),
      deafUntil: 0,
    });
  }

  /** For a while nothing gets to the node from the log, nor to the log from it. */
  deafen(site: SimSite, ms: number): void {
    this.#of(site).deafUntil = this.fleet.time.now + ms;
  }

  /** A record came to one of the site's nodes from another site. */
  crossed(origin: OriginId, seq: number): void {
    const id = `${origin} ${seq}`;
    this.records++;
    if (this.#crossed.has(id)) this.twice++;
    this.#crossed.add(id);
  }

  put(site: SimSite, entry: LogEntry, done: () => void = () => undefined): void {
    const follower = this.#of(site);
    follower.queue.push({ entry, done });
    if (!follower.isSending) this.#send(site, follower);
  }

  /** Calls back when the node has all that is in the log now. */
  settled(site: SimSite, done: () => void): void {
    this.#when(this.#of(site), this.entries.length, done);
    this.#follow(site);
  }

  /** The process is gone: of what it was sending, a part gets there, and no more of it later. */
  tear(site: SimSite): void {
    const follower = this.#of(site);
    const landed = follower.queue.slice(0, Math.floor(this.fleet.random() * (follower.queue.length + 1)));
    follower.queue = [];
    follower.reached.clear();
    follower.deafUntil = 0;
    for (const { entry } of landed) this.#land(entry);
  }

  /** The node reads from the beginning. */
  rewind(site: SimSite): void {
    this.#of(site).position = 0;
  }

  /** What the node lacks, all at once: as it does before it begins. */
  catchUp(site: SimSite, take: (entry: LogEntry) => void): void {
    const follower = this.#of(site);
    while (follower.position < this.entries.length) take(this.entries[follower.position++] as LogEntry);
  }

  #of(site: SimSite): Follower {
    const follower = this.#followers.get(site);
    if (follower === undefined) throw new Error(`${site.name} is no node of this site`);
    return follower;
  }

  #send(site: SimSite, follower: Follower): void {
    follower.isSending = true;
    const { time, random } = this.fleet;
    const wait = Math.max(0, follower.deafUntil - time.now);
    time.after(wait + 1 + random() * 8, () => {
      follower.isSending = false;
      const next = follower.queue.shift();
      if (next === undefined) return;
      this.#when(follower, this.entries.length + 1, next.done);
      this.#land(next.entry);
      if (follower.queue.length > 0) this.#send(site, follower);
    });
  }

  #land(entry: LogEntry): void {
    this.entries.push(entry);
    if (entry.kind === "records") this.#wrote(entry);
    for (const site of this.#followers.keys()) this.#follow(site);
  }

  /** What a node of this site wrote itself is there from now on. */
  #wrote({ origin, firstSeq, values }: Extract<LogEntry, { kind: "records" }>): void {
    if (![...this.#followers.keys()].some(({ name }) => name === nodeOfOrigin(origin))) return;
    const own = this.#own.get(origin) ?? [];
    this.#own.set(origin, own);
    values.forEach((value, i) => {
      const seq = firstSeq + i;
      // A node may be given its own again, by a site that it had told of it.
      if (own[seq] !== undefined) return;
      own[seq] = value;
      this.fleet.wrote(origin, seq, value, own[seq - 1]);
      this.fleet.kept.add(value);
    });
  }

  #follow(site: SimSite): void {
    const follower = this.#of(site);
    if (follower.isFollowing) return;
    follower.isFollowing = true;
    const { time, random } = this.fleet;
    time.after(Math.max(0, follower.deafUntil - time.now) + 1 + random() * 15, () => {
      follower.isFollowing = false;
      if (!site.up) return;
      while (site.up && follower.position < this.entries.length && time.now >= follower.deafUntil) {
        const entry = this.entries[follower.position++] as LogEntry;
        site.follow(entry);
        for (const done of follower.reached.get(follower.position) ?? []) done();
        follower.reached.delete(follower.position);
      }
      if (follower.position < this.entries.length) this.#follow(site);
    });
  }

  #when(follower: Follower, position: number, done: () => void): void {
    if (position <= follower.position) {
      this.fleet.time.after(0, done);
      return;
    }
    follower.reached.set(position, [...(follower.reached.get(position) ?? []), done]);
  }
}

/** `site.node`, as words name it. */
export function nodeOf(entry: Extract<LogEntry, { kind: "word" }>): string {
  return nodeOfOrigin(entry.origin);
}
