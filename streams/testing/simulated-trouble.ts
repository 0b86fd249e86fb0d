import type { OriginId } from "../src/model/names.js";
import type { Cursor } from "../src/model/record.js";
import type { SimDisk } from "./simulated-disk.js";
import { SimulatedFleet } from "./simulated-fleet.js";
import { SimulatedLies } from "./simulated-lies.js";
import type { SimSite } from "./simulated-site.js";

export interface Troubles {
  /** Sites at most, and at least (two unless it is said). */
  readonly sites: number;
  readonly sitesMin?: number;
  readonly writeMs: number;
  /** Mean time between two appends, and between two troubles, in ms. */
  readonly everyMs: number;
  readonly troubleMs: number;
  readonly links?: boolean;
  /** Sites crash; now and then one loses its disk. */
  readonly crashes?: boolean;
  /** Sites crash, and keep their disks. */
  readonly restarts?: boolean;
  readonly expiry?: boolean;
  readonly joiners?: boolean;
  readonly restores?: boolean;
  /** One or two more sites are ships: they have a way to each of the others, besides links that do not carry what they write. */
  readonly ships?: boolean;
  /** Sites crash, and find some of their own records damaged. */
  readonly damage?: boolean;
  /** Sites seal and merge what they have, and send runs as they lie on disk. */
  readonly sealing?: boolean;
  /** Sites lose the right to hold the stream, and get it back. */
  readonly rules?: boolean;
  /** Some sites have two or three nodes. */
  readonly clusters?: boolean;
  /** Some sites have two or three nodes that share a log, which some hear nothing of for a while. */
  readonly shared?: boolean;
  /** Half of the links are metered. */
  readonly budgets?: boolean;
  /** Frames are doubled and overtaken within a connection; connections are repeated by somebody in between. */
  readonly unruly?: boolean;
  /** Clocks jump by days of a budget, forwards and backwards. */
  readonly clocks?: boolean;
  /** Sites say untrue things of what they hold. */
  readonly lies?: boolean;
}

/** Wanders from site to site with its cursor. */
interface Reader {
  cursor: Cursor | undefined;
  /** Seqs, by origin. */
  readonly seen: Map<OriginId, Set<number>>;
}

const HEAL_MS_MAX = 180_000;
const READERS = 3;
const DAMAGED_MAX = 25;
const KEEPALIVE_MS = 3_000;
const CLOCK_JUMP_MS_MAX = 30_000;
/** Two sites may have two ways to each other. */
const SECOND_LINK = 0.1;

/** A fleet's life from one seed: records are written, things go wrong, then everything is healed. */
export class SimulatedLife {
  readonly fleet: SimulatedFleet;
  readonly #readers: Reader[];
  readonly #backups = new Map<SimSite, SimDisk>();

  constructor(
    random: () => number,
    private readonly troubles: Troubles,
  ) {
    this.fleet = new SimulatedFleet(random, troubles.sealing, troubles.unruly);
    this.#readers = Array.from({ length: READERS }, () => ({ cursor: undefined, seen: new Map() }));
  }

  /** Returns whether all converged once everything was healed. */
  live(): boolean {
    const { fleet, troubles } = this;
    const { sites, sitesMin = 2 } = troubles;
    this.#build(sitesMin + Math.floor(fleet.random() * (sites - sitesMin + 1)));
    this.#repeat(troubles.everyMs, () => this.#write());
    this.#repeat(troubles.troubleMs, () => this.#trouble());
    this.#repeat(200, () => this.#read(this.#pick(this.#readers), this.#pick(fleet.ashore), 3));
    fleet.time.run(troubles.writeMs + 4_000, () => this.#check());
    fleet.heal();
    const deadline = fleet.time.now + HEAL_MS_MAX;
    const isDone = () => fleet.converged() && (troubles.restores !== true || fleet.differences().length === 0);
    while (!isDone() && !this.#check() && fleet.time.now < deadline) fleet.time.run(fleet.time.now + 100);
    const done = isDone();
    if (troubles.restores === true) fleet.differences().forEach((difference) => fleet.fail(difference));
    const [site] = fleet.ashore;
    if (site !== undefined && fleet.failures.length === 0)
      for (const reader of this.#readers) this.#readAll(reader, site);
    return done && fleet.failures.length === 0;
  }

  /** A connected random graph, with loops more often than not. */
  #build(count: number): void {
    for (let i = 0; i < count; i++) this.#join();
    if (this.troubles.ships === true) for (let n = 1 + Math.floor(this.fleet.random() * 2); n > 0; n--) this.#launch();
    for (let extra = Math.floor(this.fleet.random() * count * 2); extra > 0; extra--) {
      this.#connect(this.#pick(this.fleet.sites), this.#pick(this.fleet.sites));
    }
  }

  #join(): void {
    const { fleet } = this;
    const other = fleet.sites.length === 0 ? undefined : this.#pick(fleet.sites);
    const isCluster = this.troubles.clusters === true && fleet.random() < 0.6;
    const isShared = this.troubles.shared === true && fleet.random() < 0.6;
    const nodes = isShared
      ? fleet.addShared(2 + Math.floor(fleet.random() * 2))
      : isCluster
        ? fleet.addCluster(2 + Math.floor(fleet.random() * 2))
        : [fleet.addSite()];
    // Every node has its own way ashore.
    if (other !== undefined) for (const node of nodes) this.#connect(node, other);
    // What a shared log is for: several ways to the same.
    if (isShared && fleet.sites.length > nodes.length + 1)
      for (const node of nodes) this.#connect(node, this.#pick(fleet.sites));
  }

  #launch(): void {
    const { fleet } = this;
    const ports = fleet.ashore;
    const ship = fleet.addSite(false);
    for (const port of ports) {
      if (fleet.random() < 0.6) fleet.connect(ship, port, { narrow: true });
      fleet.connect(ship, port);
    }
  }

  #connect(a: SimSite, b: SimSite): void {
    const isKnown = this.fleet.links.some((link) => (link.a === a && link.b === b) || (link.a === b && link.b === a));
    if (a === b || a.site === b.site || (isKnown && this.fleet.random() > SECOND_LINK)) return;
    this.fleet.connect(a, b, { metered: this.troubles.budgets === true && this.fleet.random() < 0.5 });
  }

  #write(): void {
    const site = this.#pick(this.fleet.sites);
    for (let n = 1 + Math.floor(this.fleet.random() * 20); n > 0; n--) site.append();
  }

  #trouble(): void {
    const { links = false, crashes = false, expiry = false, joiners = false } = this.troubles;
    const { restarts = false, restores = false, damage = false, rules = false } = this.troubles;
    const { unruly = false, clocks = false, lies = false, shared = false } = this.troubles;
    const kinds = [
      ...(links ? [() => this.#cut(), () => this.#cut(), () => this.#silence(), () => this.#cutForGood()] : []),
      ...(crashes ? [() => this.#crash(this.fleet.random() < 0.25)] : []),
      ...(restarts ? [() => this.#crash(false)] : []),
      ...(damage ? [() => this.#damage(), () => this.#damage()] : []),
      ...(expiry ? [() => this.#expire(), () => this.#expire()] : []),
      ...(joiners ? [() => this.#join()] : []),
      ...(rules ? [() => this.#revoke(), () => this.#revoke()] : []),
      ...(restores ? [() => this.#backUp(), () => this.#restore()] : []),
      ...(unruly ? [() => this.#mangle(), () => this.#mangle(), () => this.#pick(this.fleet.links).replay()] : []),
      ...(clocks ? [() => this.#jumpClock()] : []),
      ...(shared ? [() => this.#deafen(), () => this.#sleep()] : []),
      ...(lies ? [() => this.#lie()] : []),
    ];
    if (kinds.length > 0) this.#pick(kinds)();
  }

  #cut(): void {
    const link = this.#pick(this.fleet.links);
    link.cut();
    link.reopenSoon();
  }

  #cutForGood(): void {
    const link = this.#pick(this.fleet.links);
    link.wanted = false;
    link.cut();
  }

  #silence(): void {
    const link = this.#pick(this.fleet.links);
    link.goHalfOpen(this.fleet.random() < 0.5 ? 0 : 1);
    // Silence is noticed after a while, as the link's keepalive would.
    this.fleet.time.after(KEEPALIVE_MS, () => {
      link.cut();
      link.reopenSoon();
    });
  }

  /** For a while, the network doubles frames and lets others overtake them. */
  #mangle(): void {
    const link = this.#pick(this.fleet.links);
    // What is doubled there would be paid once.
    if (link.budget !== undefined) return;
    const share = () => this.fleet.random() ** 2 * 0.3;
    link.mangling = { doubled: share(), late: share() };
    this.fleet.time.after(this.fleet.random() * 3_000, () => {
      link.mangling = undefined;
      // Nothing but a new connection makes good what was mixed up.
      if (!link.isSpoilt) return;
      link.cut();
      link.reopenSoon();
    });
  }

  #jumpClock(): void {
    this.#pick(this.fleet.sites).clockErrorMs = (2 * this.fleet.random() - 1) * CLOCK_JUMP_MS_MAX;
  }

  /** A node neither hears from its site's log nor gets anything into it; long enough that others take it to be gone, or not. */
  #deafen(): void {
    const nodes = this.fleet.sites.filter(({ log, up }) => log !== undefined && up);
    if (nodes.length === 0) return;
    const node = this.#pick(nodes);
    node.log?.deafen(node, this.fleet.random() * 12_000);
  }

  /** A process stands still, as one that is stopped or waits for its memory, and goes on as if no time had passed. */
  #sleep(): void {
    const nodes = this.fleet.sites.filter(({ log, up }) => log !== undefined && up);
    if (nodes.length === 0) return;
    const node = this.#pick(nodes);
    const ms = this.fleet.random() * 12_000;
    node.sleepsUntil = this.fleet.time.now + ms;
    node.log?.deafen(node, ms);
    if (ms < KEEPALIVE_MS) return;
    this.fleet.time.after(KEEPALIVE_MS, () => {
      for (const link of this.fleet.links) {
        if (link.a !== node && link.b !== node) continue;
        link.cut();
        link.reopenSoon();
      }
    });
  }

  /** From now on a site lies, until all is healed. */
  #lie(): void {
    const site = this.#pick(this.fleet.sites);
    site.lies ??= new SimulatedLies(this.fleet.random);
  }

  #crash(loseDisk: boolean): void {
    const site = this.#pick(this.fleet.sites);
    site.crash(loseDisk && this.fleet.mayLose(site));
    this.#restartSoon(site);
  }

  #restartSoon(site: SimSite): void {
    this.fleet.time.after(500 + this.fleet.random() * 2_000, () => {
      site.restart();
      this.#reopen(site);
    });
  }

  /** Mostly before records that can still be read. */
  #damage(): void {
    const site = this.#pick(this.fleet.sites);
    const next = site.disk.next(site.origin);
    const from = Math.floor(this.fleet.random() * next);
    if (!site.up || next === 0) return;
    site.damage(from, Math.min(next, from + 1 + Math.floor(this.fleet.random() * DAMAGED_MAX)));
    this.#restartSoon(site);
  }

  #revoke(): void {
    const site = this.#pick(this.fleet.sites);
    this.fleet.revoked++;
    this.fleet.rule(site, false, 1_500);
    this.fleet.time.after(this.fleet.random() * 3_000, () => this.fleet.rule(site, true, 1_500));
  }

  #expire(): void {
    const { disk } = this.#pick(this.fleet.sites);
    const site = this.fleet.sites.find((one) => one.disk === disk) as SimSite;
    const origin = disk.origins.length === 0 ? undefined : this.#pick(disk.origins);
    if (origin !== undefined) site.expire(origin, Math.floor(disk.next(origin) * this.fleet.random()));
  }

  #backUp(): void {
    const { ships = false } = this.troubles;
    const site = this.#pick(ships ? this.fleet.sites.filter(({ wants }) => !wants) : this.fleet.sites);
    this.#backups.set(site, site.disk.copy());
  }

  #restore(): void {
    const [found] = this.#backups;
    if (found === undefined) return;
    const [site, backup] = found;
    this.#backups.delete(site);
    // A folder that is put back twice may end as a fork that stays one (docs/adr/0014).
    if (!site.up || this.fleet.restoresOf.has(site.name)) return;
    site.restore(backup);
    this.#reopen(site);
  }

  #reopen(site: SimSite): void {
    for (const link of this.fleet.links) if (link.a === site || link.b === site) link.reopenSoon();
  }

  #read(reader: Reader, site: SimSite, pieces: number): number {
    const { seen, cursor } = site.disk.read(reader.cursor, pieces);
    for (const { origin, seq } of seen) {
      let seqs = reader.seen.get(origin);
      if (seqs === undefined) reader.seen.set(origin, (seqs = new Set()));
      if (seqs.has(seq)) this.fleet.fail(`a reader is given ${origin} ${seq} again at ${site.name} (O4)`);
      seqs.add(seq);
    }
    // Through JSON, as it travels in an API.
    reader.cursor = JSON.parse(JSON.stringify(cursor)) as Cursor;
    return seen.length;
  }

  /** In the end a reader has seen whatever the site holds. */
  #readAll(reader: Reader, site: SimSite): void {
    while (this.#read(reader, site, 100) > 0);
    for (const origin of site.disk.origins) {
      for (let seq = 0; seq < site.disk.next(origin); seq++) {
        const isHere = site.disk.value(origin, seq) !== undefined;
        if (isHere && reader.seen.get(origin)?.has(seq) !== true)
          this.fleet.fail(`a reader never got ${origin} ${seq} (O4)`);
      }
    }
  }

  /** Whether something is wrong: nothing more needs to happen then. */
  #check(): boolean {
    return this.fleet.failures.length > 0 || this.fleet.duplicates > 0;
  }

  #repeat(everyMs: number, work: () => void): void {
    const next = () => {
      if (this.fleet.time.now > this.troubles.writeMs) return;
      work();
      this.fleet.time.after(this.fleet.random() * 2 * everyMs, next);
    };
    next();
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.fleet.random() * from.length)] as T;
  }
}
