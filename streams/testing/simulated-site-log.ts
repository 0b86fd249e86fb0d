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
  /** From here on nothing lands that a node has sent of other sites' records before. */
  | { readonly kind: "fence" }
  | { readonly kind: "word"; readonly origin: OriginId; readonly words: Uint8Array };

interface Waiting {
  readonly entry: LogEntry;
  /** Of another site: the log takes it as long as nobody has fenced the node. */
  readonly isBrought: boolean;
  /** The putter has it back. */
  readonly done: () => void;
  /** It will not, whether it lands or not. */
  readonly refused: () => void;
}

/** A node that was said to be gone, as another one has heard. */
interface Gone {
  /** Taken in its name; undefined while that is under way. */
  epoch: number | undefined;
  isFenced: boolean;
}

interface Follower {
  /** What is on its way to the log, in order. */
  queue: Waiting[];
  sending: Waiting | undefined;
  /** Under which the node brings; undefined before it has said so in the log. */
  epoch: number | undefined;
  gone: Map<string, Gone>;
  /** Counts processes. */
  life: number;
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
  /** What stands in the log of other sites' records, and who brought it. */
  readonly #brought = new Map<string, string>();
  readonly #crossed = new Set<string>();
  /** Values by seq, of what its nodes wrote. */
  readonly #own = new Map<OriginId, number[]>();
  readonly #followers = new Map<SimSite, Follower>();
  /** Given to each node, by its name, and the latest of them that the log has heard of. */
  readonly #given = new Map<string, number>();
  readonly #fenced = new Map<string, number>();

  constructor(private readonly fleet: SimulatedFleet) {}

  join(site: SimSite): void {
    this.#followers.set(site, {
      queue: [],
      sending: undefined,
      epoch: undefined,
      gone: new Map(),
      life: 0,
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

  /** What the node says, or wrote itself. */
  put(site: SimSite, entry: LogEntry): void {
    this.#queue(site, { entry, isBrought: false, done: () => undefined, refused: () => undefined });
  }

  /** What came to the node from other sites. */
  bring(site: SimSite, entry: LogEntry, done: () => void, refused: () => void): void {
    this.#queue(site, { entry, isBrought: true, done, refused });
  }

  get nodes(): string[] {
    return [...this.#followers.keys()].map(({ name }) => name);
  }

  /** Another node is gone: what it has sent is ended before this one reads what is there. */
  fence(site: SimSite, node: string): void {
    const gone: Gone = { epoch: undefined, isFenced: false };
    this.#of(site).gone.set(node, gone);
    this.#soon(site, () => (gone.epoch = this.#give(node)));
  }

  /** What the node brings is nothing to it any more. What it is just sending may land all the same. */
  giveUp(site: SimSite): void {
    const follower = this.#of(site);
    const given = [follower.sending, ...follower.queue].filter((one) => one?.isBrought === true);
    follower.queue = follower.queue.filter(({ isBrought }) => !isBrought);
    follower.epoch = undefined;
    for (const one of given) this.fleet.time.after(0, () => one?.refused());
  }

  /** Calls back when nothing that gone nodes have sent can land any more, and the node has all that is in the log then. */
  settled(site: SimSite, done: () => void): void {
    const follower = this.#of(site);
    const [open] = [...follower.gone].filter(([, { isFenced }]) => !isFenced);
    if (open !== undefined || follower.epoch === undefined) {
      this.#soon(site, () => {
        if (open === undefined) this.#mark(site, follower);
        else this.#fence(site, ...open);
        this.settled(site, done);
      });
      return;
    }
    this.#when(follower, this.entries.length, done);
    this.#follow(site);
  }

  /** The process is gone: of what it was sending, a part gets there, and no more of it later. */
  tear(site: SimSite): void {
    const follower = this.#of(site);
    const sent = [...(follower.sending === undefined ? [] : [follower.sending]), ...follower.queue];
    const landed = sent.slice(0, Math.floor(this.fleet.random() * (sent.length + 1)));
    const isFenced = follower.epoch !== undefined && follower.epoch < this.#fencedAt(site.name);
    follower.queue = [];
    follower.sending = undefined;
    follower.epoch = undefined;
    follower.gone.clear();
    follower.life++;
    follower.reached.clear();
    follower.deafUntil = 0;
    for (const { entry, isBrought } of landed) if (!(isBrought && isFenced)) this.#land(site, entry);
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

  #queue(site: SimSite, waiting: Waiting): void {
    const follower = this.#of(site);
    follower.queue.push(waiting);
    if (follower.sending === undefined) this.#send(site, follower);
  }

  #send(site: SimSite, follower: Follower): void {
    const next = follower.queue.shift();
    follower.sending = next;
    if (next === undefined) return;
    if (next.isBrought && follower.epoch === undefined) follower.epoch = this.#give(site.name);
    const { epoch } = follower;
    this.#soon(site, () => {
      follower.sending = undefined;
      if (!next.isBrought || epoch === undefined || this.#isTaken(site.name, epoch)) {
        if (epoch === follower.epoch || !next.isBrought) this.#when(follower, this.entries.length + 1, next.done);
        this.#land(site, next.entry);
      } else if (epoch === follower.epoch) {
        site.fenced();
      }
      if (follower.sending === undefined) this.#send(site, follower);
    });
  }

  /** What the process does next with the log, unless it is gone by then. */
  #soon(site: SimSite, work: () => void): void {
    const follower = this.#of(site);
    const { life } = follower;
    const { time, random } = this.fleet;
    time.after(Math.max(0, follower.deafUntil - time.now) + 1 + random() * 8, () => {
      if (follower.life === life) work();
    });
  }

  #give(node: string): number {
    const epoch = (this.#given.get(node) ?? 0) + 1;
    this.#given.set(node, epoch);
    return epoch;
  }

  #fencedAt(node: string): number {
    return this.#fenced.get(node) ?? 0;
  }

  /** Whether the log takes what the node sends under this epoch; from now on it takes nothing under an earlier one. */
  #isTaken(node: string, epoch: number): boolean {
    if (epoch < this.#fencedAt(node)) return false;
    this.#fenced.set(node, epoch);
    return true;
  }

  /** The node ends what an earlier life of its has sent. */
  #mark(site: SimSite, follower: Follower): void {
    follower.epoch ??= this.#give(site.name);
    if (this.#isTaken(site.name, follower.epoch)) this.#land(site, { kind: "fence" });
    else site.fenced();
  }

  /** Where somebody else has done so since, that stands. */
  #fence(site: SimSite, node: string, gone: Gone): void {
    if (gone.epoch === undefined) return;
    if (this.#isTaken(node, gone.epoch)) this.#land(site, { kind: "fence" });
    gone.isFenced = true;
  }

  #land(by: SimSite, entry: LogEntry): void {
    this.entries.push(entry);
    if (entry.kind === "records" && this.#isOfThisSite(entry.origin)) this.#wrote(entry);
    else if (entry.kind === "records") this.#bring(by, entry);
    for (const site of this.#followers.keys()) this.#follow(site);
  }

  #isOfThisSite(origin: OriginId): boolean {
    return [...this.#followers.keys()].some(({ name }) => name === nodeOfOrigin(origin));
  }

  /** Whoever reads the log without Landfall sees what stands there twice. */
  #bring(by: SimSite, { origin, firstSeq, values }: Extract<LogEntry, { kind: "records" }>): void {
    values.forEach((_, i) => {
      const id = `${origin} ${firstSeq + i}`;
      const before = this.#brought.get(id);
      if (before !== undefined) this.fleet.fail(`${by.name} brings ${id}, which ${before} has brought (R3)`);
      this.#brought.set(id, by.name);
    });
  }

  /** What a node of this site wrote itself is there from now on. */
  #wrote({ origin, firstSeq, values }: Extract<LogEntry, { kind: "records" }>): void {
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
