import type { LinkClass } from "@landfall/proto/api";
import type { StreamName } from "../src/model/names.js";
import { areLevel, compareAll } from "./simulated-store-checks.js";
import type { Acknowledged } from "./simulated-witness.js";
import { SimulatedNetwork, SimulatedRoute } from "./simulated-transport.js";
import { SimulatedStoreReader } from "./simulated-store-reader.js";
import { STREAMS, SimulatedStoreNode, TOPICS } from "./simulated-store-node.js";
import { SimulatedWitness } from "./simulated-witness.js";
import { VirtualTime } from "./virtual-time.js";

const SITES = ["tokyo", "singapore", "sydney", "los-angeles", "ship"];
const CLASSES: readonly LinkClass[] = ["lan", "wan", "port"];
const WRITE_MS = 8_000;
const APPEND_EVERY_MS = 80;
const APPEND_RECORDS_MAX = 16;
/** Now and then so much comes at once that it is worth being sent as it is sealed. */
const BURST = 0.03;
const BURST_RECORDS_MAX = 600;
const TROUBLE_EVERY_MS = 350;
const READ_EVERY_MS = 150;
const READERS = 3;
const HEAL_MS_MAX = 240_000;
/** What was said last has arrived by then. */
const QUIET_MS = 3_000;
const CLOCK_JUMP_MS_MAX = 6 * 3_600_000;
const RETENTION_MS = 5_000;
/** How many more links than a tree has, for each site. */
const EXTRA_LINKS = 0.8;

export interface StoreTroubles {
  /** Frames are doubled and overtaken; connections are answered twice, repeated, or open at one end only. */
  readonly unruly: boolean;
  readonly clocks: boolean;
  readonly lostDisks: boolean;
  /** Some sites keep records for a few seconds only. */
  readonly expiry: boolean;
}

/** The life of a few real stores with real replication, from one seed: they write, things go wrong, all is healed and compared. */
export class SimulatedStoreLife {
  readonly time = new VirtualTime();
  readonly witness = new SimulatedWitness(() => this.time.now);
  readonly network: SimulatedNetwork;
  readonly nodes: SimulatedStoreNode[] = [];
  restarts = 0;
  readonly #readers: readonly SimulatedStoreReader[];
  /** Between which sites there are links. */
  readonly #neighbours: [SimulatedStoreNode, SimulatedStoreNode][] = [];

  constructor(
    private readonly random: () => number,
    private readonly troubles: StoreTroubles,
  ) {
    this.network = new SimulatedNetwork(this.time, random);
    this.network.isUnruly = troubles.unruly;
    this.#readers = Array.from({ length: READERS }, () => new SimulatedStoreReader(this.#pick(STREAMS), this.witness));
  }

  /** Returns whether all were equal in the end; what was wrong is with the witness. */
  async live(): Promise<boolean> {
    this.#build(2 + Math.floor(this.random() * (SITES.length - 1)));
    for (const node of this.nodes) void node.start();
    this.#repeat(APPEND_EVERY_MS, () => this.#write());
    this.#repeat(TROUBLE_EVERY_MS, () => this.#trouble());
    this.#repeat(READ_EVERY_MS, () => void this.#pick(this.#readers).read(this.#pick(this.nodes)));
    await this.time.runThrough(WRITE_MS, () => this.#isWrong);
    this.#heal();
    const deadline = this.time.now + HEAL_MS_MAX;
    const { nodes, witness, troubles } = this;
    const checks = {
      nodes,
      neighbours: this.#neighbours,
      witness,
      isOrderly: !troubles.unruly,
      isExpiring: troubles.expiry,
    };
    while (!areLevel(checks) && !this.#isWrong && this.time.now < deadline) {
      await this.time.runThrough(this.time.now + 200);
    }
    const isEven = areLevel(checks);
    if (isEven && !this.#isWrong) {
      await this.time.runThrough(this.time.now + QUIET_MS);
      await this.time.through(compareAll(checks));
      await this.time.through(this.#readAll());
    }
    await this.time.through(Promise.all(nodes.map((node) => node.stop())));
    return isEven && !this.#isWrong;
  }

  get #isWrong(): boolean {
    return this.witness.failures.length > 0;
  }

  async #readAll(): Promise<void> {
    for (const reader of this.#readers) {
      const node = this.#pick(this.nodes);
      await reader.readAll(node, await node.all());
    }
  }

  #build(count: number): void {
    const { time, random, network, witness, troubles } = this;
    const sites = SITES.slice(0, count);
    for (const site of sites) {
      const isShort = troubles.expiry && random() < 0.5;
      const retention = isShort ? { retention: () => ({ ageMs: RETENTION_MS }) } : {};
      const node = new SimulatedStoreNode(site, sites, { time, random, network, witness, ...retention });
      const other = this.nodes[Math.floor(random() * this.nodes.length)];
      this.nodes.push(node);
      if (other !== undefined) this.#connect(node, other);
    }
    for (let extra = Math.floor(random() * count * EXTRA_LINKS * 2); extra > 0; extra--) {
      const [a, b] = [this.#pick(this.nodes), this.#pick(this.nodes)];
      if (a !== b) this.#connect(a, b);
    }
  }

  /** Two sites may be linked twice, also each dialling the other. */
  #connect(from: SimulatedStoreNode, to: SimulatedStoreNode): void {
    const id = `${from.site}~${to.site}~${this.network.routes.size}`;
    const bytesPerMs = 200 + this.random() * 2_000;
    this.network.routes.set(id, new SimulatedRoute(id, 1 + this.random() * 60, bytesPerMs));
    const link = { id, to: to.site, class: this.#pick(CLASSES), address: `${to.site}/${id}`, carries: ["*"] };
    from.links.push(link);
    this.#neighbours.push([from, to]);
  }

  #write(): void {
    const most = this.random() < BURST ? BURST_RECORDS_MAX : APPEND_RECORDS_MAX;
    const count = 1 + Math.floor(this.random() * most);
    const stream = this.random() < 0.8 ? STREAMS[0] : STREAMS[1];
    this.#pick(this.nodes).append(stream as StreamName, this.#pick(TOPICS), count);
  }

  #trouble(): void {
    const { unruly, clocks, lostDisks, expiry } = this.troubles;
    this.#pick([
      () => this.#cut(),
      () => this.#cut(),
      () => this.#route().wire?.goHalfOpen(this.random() < 0.5 ? 0 : 1),
      () => this.#part(),
      () => this.#crash(this.random() < 0.3 ? "kill" : "power"),
      () => this.#crash(this.random() < 0.3 ? "kill" : "power"),
      ...(lostDisks ? [() => this.#lose()] : []),
      ...(clocks ? [() => this.#jumpClock()] : []),
      ...(unruly ? [() => this.#mangle(), () => this.#mangle(), () => this.#repeatOne()] : []),
      ...(expiry ? [() => this.#expire(), () => this.#expire()] : []),
    ])();
  }

  #route(): SimulatedRoute {
    return this.#pick([...this.network.routes.values()]);
  }

  #cut(): void {
    this.#route().cut();
  }

  /** For a while, nobody gets through. */
  #part(): void {
    const route = this.#route();
    route.isUp = false;
    route.cut();
    this.time.after(this.random() * 4_000, () => (route.isUp = true));
  }

  #mangle(): void {
    const route = this.#route();
    const share = () => this.random() ** 2 * 0.3;
    route.mangling = { doubled: share(), late: share() };
    this.time.after(this.random() * 3_000, () => (route.mangling = undefined));
  }

  #repeatOne(): void {
    const { id } = this.#route();
    this.network.repeat(id, id.split("~")[1] as string);
  }

  #jumpClock(): void {
    this.#pick(this.nodes).clockErrorMs = (2 * this.random() - 1) * CLOCK_JUMP_MS_MAX;
  }

  #expire(): void {
    const { running } = this.#pick(this.nodes);
    // What fails with a killed process is tried again by the next.
    running?.store.expire().catch(() => undefined);
  }

  #crash(how: "kill" | "power"): void {
    const node = this.#pick(this.nodes);
    node.crash(how);
    this.#startLater(node);
  }

  /** A disk is gone, and what no other one holds is gone with it. */
  #lose(): void {
    const node = this.#pick(this.nodes);
    const { witness } = this;
    node.crash("lost");
    witness.acknowledged = witness.acknowledged.filter((one) => this.#isHeld(one));
    this.#startLater(node);
  }

  #isHeld({ stream, origin, seq }: Acknowledged): boolean {
    return this.nodes.some(({ held }) => (held.get(`${stream} ${origin}`) ?? 0) > seq);
  }

  #startLater(node: SimulatedStoreNode): void {
    this.restarts++;
    this.time.after(200 + this.random() * 2_000, () => void node.start());
  }

  #heal(): void {
    for (const node of this.nodes) {
      node.clockErrorMs = 0;
      void node.start();
    }
    this.network.isUnruly = false;
    for (const route of this.network.routes.values()) {
      route.mangling = undefined;
      route.isUp = true;
      // A connection that has lost something, or mixed it up, never makes that good.
      route.cut();
    }
  }

  #repeat(everyMs: number, work: () => void): void {
    const next = () => {
      if (this.time.now > WRITE_MS) return;
      work();
      this.time.after(this.random() * 2 * everyMs, next);
    };
    next();
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)] as T;
  }
}
