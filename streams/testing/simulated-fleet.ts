import { originId, streamName, type OriginId, type StreamName } from "../src/model/names.js";
import type { Seq } from "../src/model/record.js";
import {
  createMachine,
  internKey,
  keyId,
  receivedNext,
  type Effect,
  type KeyId,
  type LinkRights,
  type LinkTuning,
  type MachineEvent,
  type MachineState,
  type Message,
} from "../src/replication/machine-state.js";
import { step } from "../src/replication/machine.js";
import { SimulatedRuns, runPart } from "./simulated-runs.js";
import { VirtualTime } from "./virtual-time.js";

const STREAM = streamName("bigblue.containers");
const RECORD_BYTES = 200;
const RECORDS_PER_BLOCK = 64;

const TUNING: LinkTuning = {
  cost: 1,
  stallMs: 600,
  stopMs: 4_000,
  windowBytes: 64 * 1024,
  windowBytesMin: 16 * 1024,
  windowBytesMax: 1024 * 1024,
  blockBytes: RECORDS_PER_BLOCK * RECORD_BYTES,
  announceMs: 1_000,
};

const OPEN_RIGHTS: LinkRights = {
  maySend: () => true,
  mayRequest: () => true,
  mayAnnounce: () => true,
  mayBelieve: () => true,
};

/** What a site has on disk: survives a crash. */
interface Disk {
  readonly records: Map<KeyId, number[]>;
  runs?: SimulatedRuns;
}

export class SimSite {
  machine: MachineState;
  up = true;
  /** Counts restarts: what was scheduled before a crash does not happen after it. */
  life = 0;
  readonly conns = new Map<number, SimConn>();
  /** Of sealed runs that are on their way in: lost with a crash. */
  #staged = new Map<KeyId, { readonly run: string; readonly values: number[] }>();
  #commitQueue: (() => void)[] = [];
  #committing = false;
  #appended: number;

  constructor(
    readonly fleet: SimulatedFleet,
    readonly name: string,
    readonly origin: OriginId,
    readonly disk: Disk = { records: new Map() },
  ) {
    this.machine = createMachine(name, origin);
    this.#appended = this.records(this.ownKey).length;
  }

  get ownKey(): KeyId {
    return keyId(STREAM, this.origin);
  }

  records(key: KeyId): number[] {
    let records = this.disk.records.get(key);
    if (records === undefined) this.disk.records.set(key, (records = []));
    return records;
  }

  get runs(): SimulatedRuns {
    return (this.disk.runs ??= new SimulatedRuns(`${this.name}.${this.life}`, this.fleet.random));
  }

  append(): void {
    if (!this.up) return;
    const value = this.fleet.nextValue++;
    const seq = this.#appended++;
    this.commit(() => {
      const records = this.records(this.ownKey);
      if (records.length !== seq) this.fleet.fail(`${this.name} appends seq ${seq} after ${records.length}`);
      records.push(value);
      this.fleet.written.set(`${this.ownKey} ${seq}`, value);
      this.event({ type: "committed", stream: STREAM, origin: this.origin, nextSeq: seq + 1 });
    });
  }

  event(event: MachineEvent): void {
    if (!this.up) return;
    for (const effect of step(this.machine, event, this.fleet.time.now)) this.#perform(effect);
  }

  crash(loseDisk: boolean): void {
    if (!this.up) return;
    this.up = false;
    this.life++;
    for (const conn of this.conns.values()) conn.link.cut();
    this.conns.clear();
    this.#commitQueue = [];
    this.#committing = false;
    this.#staged.clear();
    if (loseDisk) {
      this.disk.records.clear();
      delete this.disk.runs;
    }
  }

  /** A lost disk means a new origin: no number is ever used twice. */
  restart(): void {
    if (this.up) return;
    const fresh = this.disk.records.size === 0;
    const origin = fresh ? originId(`${this.name}.a~r${this.life}`) : this.machine.own;
    this.machine = createMachine(this.name, origin);
    (this as { origin: OriginId }).origin = origin;
    this.#appended = this.records(this.ownKey).length;
    this.up = true;
    for (const [key, records] of this.disk.records) {
      const [stream, from] = key.split(" ") as [StreamName, OriginId];
      if (records.length > 0) this.event({ type: "committed", stream, origin: from, nextSeq: records.length });
    }
    this.tick();
  }

  tick(): void {
    const { life } = this;
    this.fleet.time.after(100, () => {
      if (!this.up || this.life !== life) return;
      this.event({ type: "tick" });
      this.seal();
      this.tick();
    });
  }

  /** Now and then: seals, or merges, some of what is on disk. */
  seal(): void {
    if (!this.fleet.sealing || this.fleet.random() > 0.1) return;
    for (const [key, records] of this.disk.records) {
      if (this.fleet.random() < 0.7) this.runs.seal(key, records.length);
      else this.runs.merge(key);
    }
  }

  #perform(effect: Effect): void {
    const conn = this.conns.get(effect.conn);
    switch (effect.type) {
      case "send":
        conn?.link.carry(this, effect.message);
        break;
      case "read": {
        const { life } = this;
        this.fleet.time.after(0.2, () => {
          if (!this.up || this.life !== life) return;
          const all = this.records(effect.key);
          const run = effect.sealed ? this.runs.at(effect.key, effect.from) : undefined;
          if (run !== undefined) {
            const first = effect.staged?.run === run.id ? effect.staged.blocks : 0;
            const { conn: id, requestId, key } = effect;
            const part = runPart(run, all, first, effect.maxBytes);
            this.event({ type: "part", conn: id, requestId, key, run, first, ...part });
            return;
          }
          const count = Math.min(Math.max(1, Math.floor(effect.maxBytes / RECORD_BYTES)), all.length - effect.from);
          const block = new Uint8Array(new Float64Array(all.slice(effect.from, effect.from + count)).buffer);
          this.event({
            type: "block",
            conn: effect.conn,
            requestId: effect.requestId,
            key: effect.key,
            firstSeq: effect.from,
            count,
            block,
          });
        });
        break;
      }
      case "apply": {
        const { key, conn: id, bytes } = effect;
        const arrived = this.fleet.time.now;
        const { firstSeq, values } = effect.payload as { firstSeq: number; values: number[] };
        this.commit(() => {
          this.#staged.delete(key);
          this.#keep(key, firstSeq, values);
          this.event({ type: "applied", conn: id, key, bytes, ok: true, tookMs: this.fleet.time.now - arrived });
        });
        break;
      }
      case "stage": {
        const { key, run, first, next, conn: id, bytes } = effect;
        const arrived = this.fleet.time.now;
        this.commit(() => {
          if (first === 0) this.#staged.set(key, { run: run.id, values: [] });
          const staged = this.#staged.get(key);
          if (staged?.run !== run.id)
            this.fleet.fail(`${this.name} takes part ${first} of a run that it does not know`);
          staged?.values.push(...(effect.payload as number[]));
          if (staged !== undefined && next === run.blocks) {
            this.#staged.delete(key);
            this.runs.take(key, run);
            this.fleet.runsTaken++;
            this.#keep(key, run.from, staged.values);
          }
          this.event({ type: "applied", conn: id, key, bytes, ok: true, tookMs: this.fleet.time.now - arrived });
        });
        break;
      }
      case "close":
        if (effect.reason.startsWith("data")) this.fleet.fail(`${this.name}: ${effect.reason}`);
        this.fleet.forcedCloses++;
        conn?.link.cut();
        conn?.link.reopenSoon();
        break;
    }
  }

  #keep(key: KeyId, firstSeq: number, values: readonly number[]): void {
    const records = this.records(key);
    if (records.length !== firstSeq)
      this.fleet.fail(`${this.name} applies ${key} from ${firstSeq}, has ${records.length} (S2)`);
    values.forEach((value, i) => {
      const written = this.fleet.written.get(`${key} ${firstSeq + i}`);
      if (written !== value)
        this.fleet.fail(`${this.name} got ${value} for ${key} ${firstSeq + i}, written was ${written} (O1)`);
      records.push(value);
    });
    const [stream, origin] = key.split(" ") as [StreamName, OriginId];
    this.event({ type: "committed", stream, origin, nextSeq: records.length });
  }

  /** Group commit: everything that came while the last one ran goes with the next. */
  commit(work: () => void): void {
    this.#commitQueue.push(work);
    if (this.#committing) return;
    this.#committing = true;
    const { life } = this;
    const run = () => {
      if (!this.up || this.life !== life) return;
      const batch = this.#commitQueue;
      this.#commitQueue = [];
      for (const done of batch) done();
      if (this.#commitQueue.length > 0) this.fleet.time.after(2 + this.fleet.random() * 4, run);
      else this.#committing = false;
    };
    this.fleet.time.after(2 + this.fleet.random() * 4, run);
  }

  /** What arrived at a live process twice: the thing that must not happen (R3). */
  receive(conn: SimConn, message: Message): void {
    switch (message.$case) {
      case "hello":
      case "ping":
      case "pong":
        return;
      case "data": {
        const { id, firstSeq, count, block } = message.value;
        const standing = this.machine.requests.get(id);
        this.fleet.delivered += count;
        if (standing !== undefined) {
          const mine = receivedNext(this.machine, standing.key);
          this.fleet.duplicates += Math.max(0, Math.min(count, mine - firstSeq));
        }
        const values = [...new Float64Array(block.slice().buffer)];
        this.event({
          type: "data",
          conn: conn.id,
          requestId: id,
          firstSeq,
          count,
          bytes: block.byteLength,
          payload: { firstSeq, values },
        });
        return;
      }
      case "sealed": {
        const { id, run, from, to, count, blocks, runBytes, rawBytes, packed, first, next, bytes } = message.value;
        const facts = { id: run, from: from as Seq, to: to as Seq, count, blocks, bytes: runBytes, rawBytes, packed };
        const standing = this.machine.requests.get(id);
        const payload = [...new Float64Array(bytes.slice().buffer)];
        this.fleet.delivered += payload.length;
        const staged = standing === undefined ? undefined : this.machine.staged.get(standing.key);
        // Begun anew, because the peer has cut its runs otherwise.
        if (staged !== undefined && first === 0) this.fleet.runsRestarted++;
        else if (staged !== undefined) this.fleet.duplicates += Math.max(0, staged.blocks - first);
        this.event({
          type: "sealed",
          conn: conn.id,
          requestId: id,
          run: facts,
          first,
          next,
          bytes: bytes.byteLength,
          payload,
        });
        return;
      }
      default:
        this.event({ type: "message", conn: conn.id, message });
    }
  }
}

interface SimConn {
  readonly id: number;
  readonly link: SimLink;
  readonly peer: SimSite;
}

export class SimLink {
  up = false;
  wanted = true;
  /** Messages in this direction vanish: the link is half-open. */
  black: [boolean, boolean] = [false, false];
  #generation = 0;
  #free: [number, number] = [0, 0];

  constructor(
    readonly fleet: SimulatedFleet,
    readonly a: SimSite,
    readonly b: SimSite,
    readonly latencyMs: number,
    readonly bytesPerMs: number,
  ) {}

  open(): void {
    if (this.up || !this.wanted || !this.a.up || !this.b.up) return;
    this.up = true;
    this.black = [false, false];
    this.#generation++;
    this.#free = [this.fleet.time.now, this.fleet.time.now];
    const id = this.fleet.nextConn++;
    this.a.conns.set(id, { id, link: this, peer: this.b });
    this.b.conns.set(id, { id, link: this, peer: this.a });
    this.#id = id;
    this.a.event({ type: "connected", conn: id, peer: this.b.name, tuning: TUNING, rights: OPEN_RIGHTS, sealed: true });
    this.b.event({ type: "connected", conn: id, peer: this.a.name, tuning: TUNING, rights: OPEN_RIGHTS, sealed: true });
  }
  #id = 0;

  /** From now on one direction is silent; a connection never gets back what it lost. */
  goHalfOpen(direction: 0 | 1): void {
    this.black[direction] = true;
  }

  /** Both ends notice, each a little later; what is under way is lost. */
  cut(): void {
    if (!this.up) return;
    this.up = false;
    this.#generation++;
    const id = this.#id;
    for (const site of [this.a, this.b]) {
      const { life } = site;
      this.fleet.time.after(this.fleet.random() * 50, () => {
        site.conns.delete(id);
        if (site.up && site.life === life) site.event({ type: "disconnected", conn: id });
      });
    }
  }

  reopenSoon(): void {
    this.fleet.time.after(60 + this.fleet.random() * 200, () => this.open());
  }

  carry(from: SimSite, message: Message): void {
    const direction = from === this.a ? 0 : 1;
    const bytes = sizeOf(message);
    this.fleet.bytes += bytes;
    if (!this.up || this.black[direction]) return;
    const start = Math.max(this.fleet.time.now, this.#free[direction]);
    this.#free[direction] = start + bytes / this.bytesPerMs;
    const generation = this.#generation;
    const to = direction === 0 ? this.b : this.a;
    const id = this.#id;
    this.fleet.time.after(this.#free[direction] - this.fleet.time.now + this.latencyMs, () => {
      if (generation !== this.#generation || this.black[direction] || !to.up) return;
      const conn = to.conns.get(id);
      if (conn !== undefined) to.receive(conn, message);
    });
  }
}

function sizeOf(message: Message): number {
  if (message.$case === "data") return message.value.count * RECORD_BYTES;
  return message.$case === "sealed" ? message.value.bytes.byteLength : 40;
}

/** A fleet of protocol machines on virtual disks, links and time. */
export class SimulatedFleet {
  readonly time = new VirtualTime();
  readonly sites: SimSite[] = [];
  readonly links: SimLink[] = [];
  /** What was written where: nothing else may ever appear anywhere. */
  readonly written = new Map<string, number>();
  readonly failures: string[] = [];
  duplicates = 0;
  delivered = 0;
  bytes = 0;
  forcedCloses = 0;
  /** Sealed runs that went over whole, and those that were begun anew at a live site. */
  runsTaken = 0;
  runsRestarted = 0;
  nextValue = 1;
  nextConn = 1;

  /** @param sealing whether sites seal and merge what they have, and send runs as they lie on disk */
  constructor(
    readonly random: () => number,
    readonly sealing = false,
  ) {}

  addSite(): SimSite {
    const name = `s${String(this.sites.length).padStart(2, "0")}`;
    const site = new SimSite(this, name, originId(`${name}.a~r0`));
    this.sites.push(site);
    internKey(site.machine, STREAM, site.origin);
    site.tick();
    return site;
  }

  connect(a: SimSite, b: SimSite): SimLink {
    const link = new SimLink(this, a, b, 5 + this.random() * 60, 1_250);
    this.links.push(link);
    link.open();
    return link;
  }

  fail(message: string): void {
    this.failures.push(`t=${Math.round(this.time.now)} ${message}`);
  }

  heal(): void {
    for (const site of this.sites) site.restart();
    for (const link of this.links) {
      link.wanted = true;
      if (link.black.includes(true)) link.cut();
      link.open();
    }
  }

  /** Every site holds as much of every key as the one that holds most. */
  converged(): boolean {
    const most = new Map<KeyId, number>();
    for (const site of this.sites) {
      for (const [key, records] of site.disk.records) most.set(key, Math.max(most.get(key) ?? 0, records.length));
    }
    return this.sites.every((site) =>
      [...most].every(([key, next]) => (site.disk.records.get(key)?.length ?? 0) === next),
    );
  }
}
