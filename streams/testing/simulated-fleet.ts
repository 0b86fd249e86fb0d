import { isFillable, type Hole } from "../src/model/gap.js";
import type { OriginId } from "../src/model/names.js";
import { SimLink } from "./simulated-link.js";
import type { SimDisk } from "./simulated-disk.js";
import { SimSite } from "./simulated-site.js";
import { SimulatedSiteLog } from "./simulated-site-log.js";
import { VirtualTime } from "./virtual-time.js";

/** Of a ship's own network. */
const LAN_MS = 1;
const LAN_BYTES_PER_MS = 12_500;

/** A fleet of protocol machines on virtual disks, links and time. */
export class SimulatedFleet {
  readonly time = new VirtualTime();
  readonly sites: SimSite[] = [];
  readonly links: SimLink[] = [];
  /** By origin and seq. */
  readonly #written = new Map<OriginId, number[][]>();
  /** Of each record, by origin, the one that was written before it: what a fork does not fit to. */
  readonly #before = new Map<OriginId, Map<number, number | undefined>>();
  /** Of sites whose nodes share one. */
  readonly logs: SimulatedSiteLog[] = [];
  readonly failures: string[] = [];
  duplicates = 0;
  delivered = 0;
  bytes = 0;
  forcedCloses = 0;
  /** How often each site's folder was restored. */
  readonly restoresOf = new Map<string, number>();
  /** Folders that were restored, those of which it was noticed, and records that were appended again for it. */
  restores = 0;
  restored = 0;
  again = 0;
  /** Records that came to be on a disk, without those that were lost with the only one that had them. */
  readonly kept = new Set<number>();
  /** Records that were taken for gone, those that damage was said to have taken, and those that filled such gaps. */
  missed = 0;
  unreadable = 0;
  filled = 0;
  /** Origins of which two histories were met. */
  readonly forked = new Set<OriginId>();
  readonly #expired = new Set<string>();
  /** Records that a site could not read any more. */
  readonly #damaged = new Set<string>();
  /** Records that a sensor was told are safe, by site. */
  readonly #acknowledged = new Map<
    string,
    { readonly origin: OriginId; readonly seq: number; readonly value: number }[]
  >();
  /** Nodes that lost their disks; they count as one more until they have everything again. */
  readonly #recovering = new Set<SimSite>();
  disksLost = 0;
  /** Bytes that crossed metered links, by site and day. */
  readonly spent = new Map<string, number>();
  nextValue = 1;
  nextConn = 1;

  /** How often a site lost the right to hold the stream. */
  revoked = 0;

  /** Sealed runs that went over whole. */
  runsTaken = 0;

  /**
   * @param sealing whether sites seal and merge what they have, and send runs as they lie on disk
   * @param isUnruly whether somebody between the sites may repeat what a dialler has said
   */
  constructor(
    readonly random: () => number,
    readonly sealing = false,
    readonly isUnruly = false,
  ) {}

  addSite(wants = true): SimSite {
    const name = `s${String(this.sites.length).padStart(2, "0")}`;
    const site = new SimSite(this, name);
    site.wants = wants;
    this.sites.push(site);
    site.tick();
    return site;
  }

  /** Those that are to end up with all that there is. */
  get ashore(): SimSite[] {
    return this.sites.filter(({ wants }) => wants);
  }

  /** A site of several nodes, which copy each other over a lan of their own. */
  addCluster(count: number): SimSite[] {
    const name = `s${String(this.sites.length).padStart(2, "0")}`;
    const nodes = Array.from({ length: count }, (_, i) => {
      const node = `${name}.${String.fromCharCode(97 + i)}`;
      return new SimSite(this, node);
    });
    this.sites.push(...nodes);
    for (const node of nodes) node.tick();
    nodes.forEach((node, i) => {
      for (const other of nodes.slice(0, i)) this.#link(new SimLink(this, node, other, LAN_MS, LAN_BYTES_PER_MS));
    });
    return nodes;
  }

  /** A site of several nodes that share a log, as on Kafka. */
  addShared(count: number): SimSite[] {
    const name = `s${String(this.sites.length).padStart(2, "0")}`;
    const log = new SimulatedSiteLog(this);
    this.logs.push(log);
    const nodes = Array.from(
      { length: count },
      (_, i) => new SimSite(this, `${name}.${String.fromCharCode(97 + i)}`, log),
    );
    this.sites.push(...nodes);
    for (const node of nodes) {
      node.tick();
      node.beginShare();
    }
    return nodes;
  }

  /**
   * A node says to a sensor that its record is safe: then it is on two disks, whatever is lost next (S1). It may have been lost
   * while the word that it is there was under way.
   */
  acknowledge(node: SimSite, origin: OriginId, seq: number, value: number): void {
    const holders = [node, ...node.sisters].filter(({ disk }) => disk.value(origin, seq) === value);
    if (holders.length < 2 && !node.sisters.some((sister) => this.#recovering.has(sister)))
      this.fail(`${node.name} acknowledges ${origin} ${seq}, on ${holders.length} disk (S1)`);
    const known = this.#acknowledged.get(node.site) ?? [];
    this.#acknowledged.set(node.site, known);
    known.push({ origin, seq, value });
  }

  get acknowledged(): number {
    return [...this.#acknowledged.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Whether the loss of this disk would be the only one that its site has to bear. */
  mayLose(node: SimSite): boolean {
    for (const other of this.#recovering) if (this.#lacking(other) === undefined) this.#recovering.delete(other);
    return !node.sisters.some((sister) => this.#recovering.has(sister));
  }

  /** A disk is gone for good: what was acknowledged is still at another node (S1). Called before it is replaced. */
  lost(node: SimSite): void {
    if (node.sisters.length === 0) return;
    this.disksLost++;
    for (const { origin, seq, value } of this.#acknowledged.get(node.site) ?? []) {
      const isHeld = node.sisters.some(({ disk }) => disk.value(origin, seq) === value);
      if (!isHeld) this.fail(`${origin} ${seq} was acknowledged and is gone with the disk of ${node.name} (S1)`);
    }
    this.#recovering.add(node);
  }

  /** What was acknowledged and is not at one of the nodes. */
  lacking(): string[] {
    return this.sites.flatMap((site) => this.#lacking(site) ?? []);
  }

  #lacking(node: SimSite): string | undefined {
    const lacking = (this.#acknowledged.get(node.site) ?? []).find(
      ({ origin, seq, value }) => node.disk.value(origin, seq) !== value,
    );
    return lacking && `${node.name} lacks ${lacking.origin} ${lacking.seq}, which was acknowledged (S1)`;
  }

  /**
   * @param metered whether `a` pays for what crosses from the budget of its antenna
   * @param narrow whether the stream does not cross it
   */
  connect(a: SimSite, b: SimSite, { metered = false, narrow = false } = {}): SimLink {
    const budget = metered ? a.budget : undefined;
    return this.#link(new SimLink(this, a, b, 5 + this.random() * 60, 1_250, budget, narrow));
  }

  #link(link: SimLink): SimLink {
    this.links.push(link);
    link.open();
    return link;
  }

  fail(message: string): void {
    this.failures.push(`t=${Math.round(this.time.now)} ${message}`);
  }

  /** A site gains or loses the right to hold the stream; everybody learns of it within so long, in any order. */
  rule(site: SimSite, may: boolean, withinMs: number): void {
    const version = ++this.#rules;
    for (const other of this.sites) {
      this.time.after(this.random() * withinMs, () => other.learn(site.name, version, may));
    }
  }
  #rules = 0;

  heal(): void {
    for (const site of this.sites) {
      site.clockErrorMs = 0;
      // Who has lied begins anew, so that others forget what it said.
      if (site.lies !== undefined) site.crash(false);
      site.lies = undefined;
      site.restart();
    }
    this.sail();
    for (const link of this.links) {
      link.wanted = true;
      link.mangling = undefined;
      if (link.isSpoilt) link.cut();
      link.open();
    }
  }

  /** Who was restored meets everybody in the end: a fork is mended by a node that meets its other side. Ships do so all the time. */
  private sail(): void {
    for (const a of this.ashore.filter(({ name }) => this.restoresOf.has(name))) {
      const met = new Set(this.links.flatMap((link) => (link.a === a ? [link.b] : link.b === a ? [link.a] : [])));
      for (const b of this.sites) if (b !== a && !met.has(b)) this.connect(a, b);
    }
  }

  /** A record that its origin wrote: nothing else may ever appear anywhere. */
  wrote(origin: OriginId, seq: number, value: number, before: number | undefined): void {
    let written = this.#written.get(origin);
    if (written === undefined) this.#written.set(origin, (written = []));
    (written[seq] ??= []).push(value);
    let befores = this.#before.get(origin);
    if (befores === undefined) this.#before.set(origin, (befores = new Map()));
    befores.set(value, before);
  }

  /** A site keeps a record; `before` is what it holds right before it. */
  checkKept(site: string, origin: OriginId, seq: number, value: number, before: number | undefined): void {
    if (this.#written.get(origin)?.[seq]?.includes(value) !== true) {
      this.fail(`${site} keeps ${value} as ${origin} ${seq}, which nobody wrote (O1)`);
    }
    if (before !== undefined && this.#before.get(origin)?.get(value) !== before) {
      this.fail(`${site} keeps ${value} as ${origin} ${seq} behind ${before}: two histories mixed (rule 10)`);
    }
  }

  /** A site's retention dropped these. */
  expired(origin: OriginId, from: number, to: number): void {
    for (let seq = from; seq < to; seq++) this.#expired.add(`${origin} ${seq}`);
  }

  /** A site cannot read these any more. */
  damaged(origin: OriginId, from: number, to: number): void {
    for (let seq = from; seq < to; seq++) this.#damaged.add(`${origin} ${seq}`);
  }

  /** A site takes records for gone: then some site has dropped each of them, or lost it to damage, as it says (R6). */
  checkGap(site: string, origin: OriginId, { from, to, reason }: Hole): void {
    const gone = reason === "missed" ? this.#expired : reason === "damaged" ? this.#damaged : new Set<string>();
    if (reason === "damaged") this.unreadable += to - from;
    else this.missed += to - from;
    for (let seq = from; seq < to; seq++) {
      if (!gone.has(`${origin} ${seq}`))
        this.fail(`${site} notes ${origin} ${seq} as ${reason}, which is not true (R6)`);
    }
  }

  /** Every site is as far with every key as the one that is furthest, nothing is held up, no gap is left that a neighbour could fill. */
  converged(): boolean {
    const most = new Map<OriginId, number>();
    for (const { disk } of this.sites) {
      for (const origin of disk.origins) most.set(origin, Math.max(most.get(origin) ?? 0, disk.next(origin)));
    }
    const isFar = this.ashore.every(({ disk }) => [...most].every(([origin, next]) => disk.next(origin) === next));
    const isHeldUp = this.sites.some(({ disk }) => disk.heldUp().length > 0);
    return isFar && !isHeldUp && this.sites.every(({ up }) => up) && this.fillable().length === 0;
  }

  /** A disk is gone, and with it what nobody else had. */
  lostWith(disk: SimDisk): void {
    const left = new Set(this.sites.flatMap((site) => site.disk.values()));
    for (const value of disk.values()) if (!left.has(value)) this.kept.delete(value);
  }

  /** What was acknowledged is everywhere, once, and the same under each number (R1). */
  differences(): string[] {
    const { ashore } = this;
    const [first] = ashore;
    return ashore.flatMap(({ name, disk }) => {
      const seen = new Map<number, number>();
      for (const value of disk.values()) seen.set(value, (seen.get(value) ?? 0) + 1);
      const lost = [...this.kept].filter((value) => !seen.has(value));
      const twice = [...seen].filter(([, times]) => times > 1).map(([value]) => value);
      const other = (first?.disk.origins ?? []).flatMap((origin) => {
        const end = Math.max(disk.next(origin), first?.disk.next(origin) ?? 0);
        const seqs = Array.from({ length: end }, (_, seq) => seq);
        return seqs
          .filter((seq) => disk.value(origin, seq) !== first?.disk.value(origin, seq))
          .map((seq) => `${origin} ${seq}`);
      });
      return [
        ...lost.slice(0, 3).map((value) => `${name} lacks ${value}, which was kept`),
        ...twice.slice(0, 3).map((value) => `${name} has ${value} twice`),
        ...other.slice(0, 3).map((what) => `${name} and ${first?.name ?? ""} differ in ${what}`),
      ];
    });
  }

  /** Records that a site takes for gone for a while, and that a neighbour holds. */
  fillable(): string[] {
    return this.links.flatMap(({ a, b, isNarrow }) => (isNarrow ? [] : [...missedAt(a, b), ...missedAt(b, a)]));
  }
}

function missedAt(site: SimSite, neighbour: SimSite): string[] {
  if (!site.wants) return [];
  return site.disk.origins.flatMap((origin) =>
    site.disk.holes(origin).flatMap(({ from, to, reason }) => {
      if (!isFillable(reason)) return [];
      const seqs = Array.from({ length: to - from }, (_, i) => from + i);
      const held = seqs.filter((seq) => neighbour.disk.value(origin, seq) !== undefined);
      return held.map((seq) => `${site.name} lacks ${origin} ${seq}, ${neighbour.name} holds it`);
    }),
  );
}
