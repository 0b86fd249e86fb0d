import pino from "pino";
import { holeAt } from "../src/model/gap.js";
import { originId, siteOfOrigin, type OriginId } from "../src/model/names.js";
import type { Seq } from "../src/model/record.js";
import {
  createMachine,
  keyId,
  receivedNext,
  type Effect,
  type KeyId,
  type MachineEvent,
  type MachineState,
  type Message,
} from "../src/replication/machine-state.js";
import { step } from "../src/replication/machine.js";
import { createShare } from "../src/replication/share.js";
import { SisterCopies } from "../src/replication/sisters.js";
import { SiteShare } from "../src/replication/site-share.js";
import { SimDisk, STREAM } from "./simulated-disk.js";
import { SimulatedBudget } from "./simulated-budget.js";
import type { SimulatedFleet } from "./simulated-fleet.js";
import type { SimulatedLies } from "./simulated-lies.js";
import { SimulatedRules } from "./simulated-rules.js";
import { SimulatedRuns, runPart } from "./simulated-runs.js";
import { SimulatedEnv } from "./simulated-env.js";
import { nodeOf, type LogEntry, type SimulatedSiteLog } from "./simulated-site-log.js";
import { RECORD_BYTES, type SimConn } from "./simulated-connection.js";

type Effects<T extends Effect["type"]> = Extract<Effect, { type: T }>;

function originOf(key: KeyId): OriginId {
  return originId(key.slice(STREAM.length + 1));
}

/** One site of a simulated fleet: the protocol's machine, on a virtual disk with group commit. */
export class SimSite {
  machine: MachineState;
  disk: SimDisk;
  up = true;
  /** Counts restarts: what was scheduled before a crash does not happen after it. */
  life = 0;
  readonly conns = new Map<number, SimConn>();
  #commitQueue: (() => void)[] = [];
  #committing = false;
  #incarnations = 0;
  /** Of its antenna. */
  #budget: SimulatedBudget | undefined;
  /** Own records that are on disk, and not acknowledged because no other node of the site is known to hold them. */
  #unacknowledged: { readonly seq: number; readonly value: number }[] = [];
  /** Of sealed runs that are on their way in: lost with a crash. */
  readonly #staged = new Map<KeyId, { readonly run: string; readonly values: number[] }>();
  #runs: SimulatedRuns | undefined;
  #share: { readonly words: SiteShare; readonly env: SimulatedEnv } | undefined;
  #onFenced: (() => void) | undefined;
  readonly #listeners = new Set<(node: string, origin: OriginId, words: Uint8Array) => void>();
  /** In a shared log, numbers are given before the record is in it. */
  #ownNext = 0;

  constructor(
    readonly fleet: SimulatedFleet,
    readonly name: string,
    /** Of a site whose nodes share it. */
    readonly log?: SimulatedSiteLog,
  ) {
    this.disk = new SimDisk(this.#freshOrigin());
    log?.join(this);
    this.machine = createMachine(name, this.origin, log && createShare());
    this.rules = new SimulatedRules(name);
  }
  readonly rules: SimulatedRules;
  /** A ship wants nothing of what others wrote, nor back what it wrote itself. */
  wants = true;
  /** What it tells others instead of the truth, while it lies. */
  lies: SimulatedLies | undefined;
  /** Until then the process does nothing: what comes for it waits. */
  sleepsUntil = 0;
  /** By how much its clock is wrong, ms. */
  clockErrorMs = 0;

  /** Hears, at last, what a site may from now on. */
  learn(site: string, version: number, may: boolean): void {
    if (!this.rules.learn(site, version, may)) return;
    for (const { id } of this.conns.values()) this.event({ type: "rights", conn: id });
  }

  get origin(): OriginId {
    return this.disk.own;
  }

  /** Name of the site that this node is one of. */
  get site(): string {
    return siteOfOrigin(this.origin);
  }

  /** The other nodes of this site. */
  get sisters(): SimSite[] {
    return this.fleet.sites.filter((other) => other !== this && other.site === this.site);
  }

  /** How what is on disk is sealed. */
  get runs(): SimulatedRuns {
    return (this.#runs ??= new SimulatedRuns(`${this.name}.${this.life}`, this.fleet.random));
  }

  /** What all metered links that this site opens share. */
  get budget(): SimulatedBudget {
    return (this.#budget ??= new SimulatedBudget(this, 1 + this.sisters.length));
  }

  append(): void {
    if (!this.up) return;
    const value = this.fleet.nextValue++;
    if (this.log !== undefined) {
      const { origin } = this;
      const firstSeq = (this.#ownNext = Math.max(this.#ownNext, this.disk.next(origin)));
      this.#ownNext++;
      this.log.put(this, { kind: "records", origin, firstSeq, values: [value] });
      return;
    }
    this.commit(() => {
      const seq = this.disk.next(this.origin);
      this.#keepOwn(this.origin, value);
      this.fleet.kept.add(value);
      if (this.sisters.length > 0) this.#unacknowledged.push({ seq, value });
    });
  }

  event(event: MachineEvent): void {
    if (!this.up) return;
    const { life } = this;
    for (const effect of step(this.machine, event, this.fleet.time.now)) {
      if (this.life !== life) continue;
      const peer = "conn" in effect ? this.conns.get(effect.conn)?.peer.name : undefined;
      const breach = peer === undefined ? undefined : this.rules.breach(effect, peer);
      if (breach !== undefined) this.fleet.fail(`${this.name} ${breach}`);
      this.#perform(effect);
    }
    if (this.life === life && event.type === "message") this.#acknowledge();
  }

  crash(loseDisk: boolean): void {
    if (!this.up) return;
    this.up = false;
    this.life++;
    this.sleepsUntil = 0;
    const connections = [...this.conns.values()].map(({ connection }) => connection);
    this.conns.clear();
    for (const connection of connections) connection.close(this);
    this.#tear();
    this.log?.tear(this);
    this.#endShare();
    this.#committing = false;
    this.#staged.clear();
    this.#unacknowledged = [];
    if (loseDisk) {
      this.fleet.lost(this);
      this.#budget?.lose();
      this.log?.rewind(this);
      this.#become(new SimDisk(this.#freshOrigin()));
    }
    // A node reads the log to its end before it does anything.
    this.log?.catchUp(this, (entry) => this.#take(entry, true));
  }

  /** Comes back with what a backup holds, and does not know it. */
  restore(backup: SimDisk): void {
    this.crash(false);
    this.#become(backup.copy());
    this.fleet.restores++;
    this.fleet.restoresOf.set(this.name, (this.fleet.restoresOf.get(this.name) ?? 0) + 1);
    this.restart();
  }

  /** A crash after which some of its own records cannot be read any more. */
  damage(from: number, to: number): void {
    this.crash(false);
    this.fleet.damaged(this.origin, from, to);
    this.#become(this.disk.damaged(from, to, this.#freshOrigin()));
  }

  /** Of what was being written, any part from the beginning on may be on the disk: nobody was told of it. */
  #tear(): void {
    const written = Math.floor(this.fleet.random() * (this.#commitQueue.length + 1));
    for (const work of this.#commitQueue.slice(0, written)) work();
    this.#commitQueue = [];
  }

  #become(disk: SimDisk): void {
    const former = this.disk;
    this.disk = disk;
    this.#runs = undefined;
    this.fleet.lostWith(former);
  }

  restart(): void {
    if (this.up) return;
    this.log?.catchUp(this, (entry) => this.#take(entry, true));
    this.#ownNext = 0;
    this.machine = createMachine(this.name, this.origin, this.log && createShare());
    this.up = true;
    this.#budget?.restart();
    for (const origin of this.disk.origins) this.#tellHoles(origin);
    for (const origin of this.disk.restored) this.event({ type: "restored", origin });
    for (const origin of this.disk.again.keys()) this.event({ type: "again", key: keyId(STREAM, origin) });
    this.beginShare();
    this.tick();
  }

  /** Tells the other nodes of the site, which share its log, that this one is there. */
  beginShare(): void {
    const { log, fleet } = this;
    if (log === undefined) return;
    const env = new SimulatedEnv(fleet.time, fleet.random, 0, () => 0);
    const shared = {
      say: (words: Uint8Array) => {
        log.put(this, { kind: "word", origin: this.origin, words });
        return Promise.resolve();
      },
      onWords: (listener: (node: string, origin: OriginId, words: Uint8Array) => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      nodes: () => log.nodes,
      left: () => [],
      fence: (node: string) => log.fence(this, node),
      onFenced: (listener: () => void) => {
        this.#onFenced = listener;
        return () => (this.#onFenced = undefined);
      },
      settled: () => Promise.reject(new Error("is asked of the log itself")),
      giveUp: () => log.giveUp(this),
    };
    const words = new SiteShare({
      store: this,
      shared,
      self: this.name,
      env,
      log: pino({ level: "silent" }),
      run: (event) => this.event(event),
    });
    this.#share = { words, env };
    words.start();
  }

  /** The log takes nothing any more of what this node brings. */
  fenced(): void {
    this.#onFenced?.();
  }

  #endShare(): void {
    this.#onFenced = undefined;
    this.#share?.env.end();
    this.#share = undefined;
    this.#listeners.clear();
  }

  /** What comes next in the site's log. */
  follow(entry: LogEntry): void {
    this.#take(entry, false);
  }

  #take(entry: LogEntry, isQuiet: boolean): void {
    if (entry.kind === "word") {
      if (!isQuiet) for (const tell of this.#listeners) tell(nodeOf(entry), entry.origin, entry.words);
      return;
    }
    if (entry.kind === "fence") return;
    const { origin } = entry;
    const { disk } = this;
    const before = disk.next(origin);
    if (entry.kind === "gap") {
      const { from, to, reason } = entry.hole;
      if (from > before)
        this.fleet.fail(`${this.name} follows a gap of ${origin} from ${from}, next was ${before} (S2)`);
      if (to > before) disk.note(origin, { from: before as Seq, to, reason });
      if (to > before && !isQuiet) this.#tellHoles(origin);
      return;
    }
    let hasFilled = false;
    entry.values.forEach((value, i) => {
      const seq = entry.firstSeq + i;
      if (seq > disk.next(origin)) {
        this.fleet.fail(`${this.name} follows ${origin} ${seq}, next was ${disk.next(origin)} (S2)`);
        return;
      }
      if (disk.value(origin, seq) !== undefined) return;
      if (seq < disk.next(origin)) hasFilled = true;
      if (disk.put(origin, seq, [value]))
        this.fleet.checkKept(this.name, origin, seq, value, disk.value(origin, seq - 1));
    });
    if (isQuiet) return;
    if (hasFilled) this.#tellHoles(origin);
    else if (disk.next(origin) > before)
      this.event({ type: "committed", stream: STREAM, origin, nextSeq: disk.next(origin) });
  }

  /** Retention drops what is older. */
  expire(origin: OriginId, to: number): void {
    for (const [start, end] of this.disk.expire(origin, to)) this.fleet.expired(origin, start, end);
    this.#tellHoles(origin);
  }

  tick(): void {
    const { life } = this;
    this.fleet.time.after(100, () => {
      if (!this.up || this.life !== life) return;
      if (this.sleepsUntil <= this.fleet.time.now) {
        this.event({ type: "tick" });
        this.#budget?.tick();
        this.#seal();
      }
      this.tick();
    });
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
      for (const done of batch) if (this.life === life) done();
      if (this.life !== life) return;
      if (this.#commitQueue.length > 0) this.fleet.time.after(2 + this.fleet.random() * 4, run);
      else this.#committing = false;
    };
    this.fleet.time.after(2 + this.fleet.random() * 4, run);
  }

  /** What arrives at a live process twice is the thing that must not happen (R3). */
  receive(conn: SimConn, message: Message): void {
    switch (message.$case) {
      case "hello":
      case "ping":
      case "pong":
      case "allowance":
      case "closing":
        return;
      case "data": {
        const { id, firstSeq, count, block } = message.value;
        const values = [...new Float64Array(block.slice().buffer)];
        this.fleet.delivered += count;
        // What the network doubled is not to be applied; that it came cannot be helped.
        if (!conn.connection.isMangled) this.#countDuplicates(id, firstSeq, count);
        const payload = { firstSeq, values };
        const bytes = block.byteLength;
        this.event({ type: "data", conn: conn.id, requestId: id, firstSeq, count, bytes, payload });
        return;
      }
      case "sealed":
        this.#receiveSealed(conn, message.value);
        return;
      default:
        this.event({ type: "message", conn: conn.id, message });
    }
  }

  /** Now and then: seals, or merges, some of what is on disk. */
  #seal(): void {
    if (!this.fleet.sealing || this.fleet.random() > 0.1) return;
    for (const origin of this.disk.origins) {
      if (this.fleet.random() < 0.7) this.runs.seal(keyId(STREAM, origin), this.disk.next(origin));
      else this.runs.merge(keyId(STREAM, origin));
    }
  }

  /** Blocks of a sealed run; those that are staged already must not come again, but with the first the run begins anew. */
  #receiveSealed(conn: SimConn, message: Extract<Message, { $case: "sealed" }>["value"]): void {
    const { id, run, from, to, count, blocks, runBytes, rawBytes, packed, first, next, bytes } = message;
    const facts = { id: run, from: from as Seq, to: to as Seq, count, blocks, bytes: runBytes, rawBytes, packed };
    const payload = [...new Float64Array(bytes.slice().buffer)];
    const key = this.machine.requests.get(id)?.key;
    const staged = key === undefined ? undefined : this.machine.staged.get(key);
    this.fleet.delivered += payload.length;
    if (staged !== undefined && first > 0 && !conn.connection.isMangled)
      this.fleet.duplicates += Math.max(0, staged.blocks - first);
    const arrived = { conn: conn.id, requestId: id, run: facts, first, next, bytes: bytes.byteLength, payload };
    this.event({ type: "sealed", ...arrived });
  }

  #countDuplicates(requestId: number, firstSeq: number, count: number): void {
    const key = this.machine.requests.get(requestId)?.key;
    // A record that is asked for to compare histories is here, of course.
    if (key === undefined || this.machine.probes.has(requestId) || this.disk.scarred.has(originOf(key))) return;
    const isFill = this.machine.fills.get(key)?.requestId === requestId;
    for (let seq = firstSeq; seq < firstSeq + count; seq++) {
      const isHere = this.disk.value(originOf(key), seq) !== undefined;
      if (!isHere && (isFill || seq >= receivedNext(this.machine, key))) {
        this.log?.crossed(originOf(key), seq);
        continue;
      }
      // Another node of the site has brought it meanwhile.
      if (this.log !== undefined) this.log.twice++;
      else this.fleet.duplicates++;
    }
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "send":
        this.#send(effect);
        break;
      case "read":
        this.#soon(() => this.#read(effect));
        break;
      case "digest":
        // Behind what is on its way to the disk.
        this.commit(() => this.#digest(effect));
        break;
      case "apply":
      case "stage": {
        if (this.log !== undefined) {
          this.#putApplied(effect as Effects<"apply">, this.log);
          break;
        }
        const arrivedAt = this.fleet.time.now;
        this.commit(() => {
          const { conn, key, bytes } = effect;
          const fill = effect.type === "apply" && effect.fill;
          const standsAgain = fill && this.#standsAgain(effect);
          if (effect.type === "stage") this.#stage(effect);
          else if (!standsAgain) this.#apply(effect);
          const tookMs = this.fleet.time.now - arrivedAt;
          this.event({ type: "applied", conn, key, bytes, ok: true, fill, standsAgain, tookMs });
        });
        break;
      }
      case "note": {
        const { key, hole } = effect;
        this.fleet.checkGap(this.name, originOf(key), hole);
        if (this.log === undefined) this.commit(() => this.#note(effect));
        else this.#putNoted(effect, this.log);
        break;
      }
      case "claim":
        this.#share?.words.claim(effect);
        break;
      case "fillTurn":
        this.#share?.words.fillTurn(effect);
        break;
      case "settle": {
        const { life } = this;
        this.log?.settled(this, () => {
          const { key, settling } = effect;
          if (this.life === life) this.event({ type: "settled", key, settling });
        });
        break;
      }
      case "giveUp":
        this.log?.giveUp(this);
        break;
      case "compare":
        this.#soon(() => {
          const { conn, requestId, key, digests } = effect;
          this.event({ type: "compared", conn, requestId, key, isFork: this.#isFork(originOf(key), digests) });
        });
        break;
      case "match":
        this.commit(() => {
          const { key, seq, payload } = effect;
          const [shown] = (payload as { values: number[] } | undefined)?.values ?? [];
          const here = this.disk.value(originOf(key), seq);
          const isSame = shown === undefined || here === undefined ? undefined : here === shown;
          this.event({ type: "matched", key, isSame });
        });
        break;
      case "fork":
        this.fleet.forked.add(originOf(effect.key));
        break;
      case "reincarnate":
        this.commit(() => this.#reincarnate(effect.key));
        break;
      case "refuted":
        if (this.conns.get(effect.conn)?.peer.lies === undefined)
          this.fleet.fail(`${this.name} does not believe that somebody holds ${effect.key} up to ${effect.next}`);
        break;
      case "withheld":
        if (this.#isHonest(effect.conn))
          this.fleet.fail(`${this.name} says that somebody withholds ${effect.key} up to ${effect.next}`);
        break;
      case "appendAgain":
        this.commit(() => this.#appendAgain(effect));
        break;
      case "setAside":
        this.commit(() => this.#setAside(effect));
        break;
      case "close":
        this.#close(effect);
        break;
    }
  }

  /** Into the log of the site; it is applied where it comes back from there. */
  #putApplied({ conn, key, bytes, payload, fill }: Effects<"apply">, log: SimulatedSiteLog): void {
    const { life } = this;
    const arrivedAt = this.fleet.time.now;
    const { firstSeq, values } = payload as { firstSeq: number; values: number[] };
    if (fill) this.fleet.filled += values.length;
    const answer = (isRefused: boolean) => (): void => {
      if (this.life !== life) return;
      const tookMs = this.fleet.time.now - arrivedAt;
      this.event({ type: "applied", conn, key, bytes, ok: true, fill, isRefused, tookMs });
    };
    log.bring(this, { kind: "records", origin: originOf(key), firstSeq, values }, answer(false), answer(true));
  }

  #putNoted({ key, hole }: Effects<"note">, log: SimulatedSiteLog): void {
    const { life } = this;
    const refused = (): void => {
      if (this.life === life) this.event({ type: "unnoted", key });
    };
    log.bring(this, { kind: "gap", origin: originOf(key), hole }, () => undefined, refused);
  }

  #send({ conn, message }: Effects<"send">): void {
    this.conns.get(conn)?.connection.carry(this, this.lies?.told(message) ?? message);
  }

  /** What comes out of turn on a connection that keeps order is a fault of the protocol. */
  /** The peer does not lie, and the network has neither swallowed nor mixed up what it said. */
  #isHonest(id: number): boolean {
    const conn = this.conns.get(id);
    return (
      conn !== undefined && conn.peer.lies === undefined && !conn.connection.isMangled && !conn.connection.isHalfOpen
    );
  }

  #close({ conn: id, reason }: Effects<"close">): void {
    const connection = this.conns.get(id)?.connection;
    if (connection === undefined) return;
    const isOutOfTurn = reason.startsWith("data") || reason.startsWith("a gap") || reason.startsWith("blocks");
    if (isOutOfTurn && !connection.isMangled) this.fleet.fail(`${this.name}: ${reason}`);
    this.fleet.forcedCloses++;
    connection.close(this);
    connection.link.reopenSoon();
  }

  #soon(work: () => void): void {
    const { life } = this;
    this.fleet.time.after(0.2, () => {
      if (this.up && this.life === life) work();
    });
  }

  #read({ conn, requestId, key, from, to, maxBytes, digests, sealed, staged }: Effects<"read">): void {
    const origin = originOf(key);
    const answer = { type: "block", conn, requestId, key, firstSeq: from } as const;
    if (this.#isFork(origin, digests)) {
      this.event({ ...answer, count: 0, block: new Uint8Array(0), isFork: true });
      return;
    }
    const run = sealed ? this.runs.at(key, from) : undefined;
    if (run !== undefined && this.#values(origin, run.from, run.to).length === run.count) {
      const first = staged?.run === run.id ? staged.blocks : 0;
      const part = runPart(run, (seq) => this.disk.value(origin, seq) as number, first, maxBytes);
      this.event({ type: "part", conn, requestId, key, run, first, ...part });
      return;
    }
    const end = Math.min(to, from + Math.max(1, Math.floor(maxBytes / RECORD_BYTES)), this.disk.next(origin));
    const values = this.#values(origin, from, end);
    const found = values.length > 0 ? undefined : holeAt(this.disk.holes(origin), from);
    const hole = found === undefined ? undefined : { ...found, from: from as typeof found.from };
    this.event({ ...answer, count: values.length, block: new Uint8Array(new Float64Array(values).buffer), hole });
  }

  #isFork(origin: OriginId, digests: Effects<"read">["digests"]): boolean {
    return digests.some(({ from, high }) => (this.disk.value(origin, from) ?? high) !== high);
  }

  /** Up to the first that is not here. */
  #values(origin: OriginId, from: number, to: number): number[] {
    const values: number[] = [];
    for (let seq = from; seq < to; seq++) {
      const value = this.disk.value(origin, seq);
      if (value === undefined) break;
      values.push(value);
    }
    return values;
  }

  #digest({ requestId, key, seqs }: Effects<"digest">): void {
    const digests = seqs.flatMap((seq) => {
      const value = this.disk.value(originOf(key), seq);
      return value === undefined ? [] : [{ from: seq, to: seq + 1, high: value, low: 0 }];
    });
    this.event({ type: "digested", requestId, digests });
  }

  #standsAgain({ key, payload }: Effects<"apply">): boolean {
    const [first] = (payload as { values: number[] }).values;
    return first !== undefined && this.disk.standsAgain(originOf(key), first);
  }

  #apply({ key, payload, fill }: Effects<"apply">): void {
    const { firstSeq, values } = payload as { firstSeq: number; values: number[] };
    if (!fill) this.#staged.delete(key);
    this.#keep(key, firstSeq, values, fill);
  }

  #stage({ key, run, first, next, payload }: Effects<"stage">): void {
    if (first === 0) this.#staged.set(key, { run: run.id, values: [] });
    const staged = this.#staged.get(key);
    if (staged?.run !== run.id) this.fleet.fail(`${this.name} takes part ${first} of a run that it does not know`);
    staged?.values.push(...(payload as number[]));
    if (staged !== undefined && next === run.blocks) {
      this.#staged.delete(key);
      this.runs.take(key, run);
      this.fleet.runsTaken++;
      this.#keep(key, run.from, staged.values, false);
    }
  }

  #keep(key: KeyId, firstSeq: number, values: readonly number[], fill: boolean): void {
    const origin = originOf(key);
    const next = this.disk.next(origin);
    if (!this.disk.put(origin, firstSeq, values)) {
      this.fleet.fail(`${this.name} applies ${key} from ${firstSeq} (${values.length}), next was ${next} (S2)`);
    }
    values.forEach((value, i) => {
      const seq = firstSeq + i;
      this.fleet.checkKept(this.name, origin, seq, value, this.disk.value(origin, seq - 1));
    });
    if (fill) {
      this.fleet.filled += values.length;
      this.#tellHoles(origin);
    } else this.event({ type: "committed", stream: STREAM, origin, nextSeq: this.disk.next(origin) });
  }

  #note({ key, hole }: Effects<"note">): void {
    const origin = originOf(key);
    if (this.disk.next(origin) !== hole.from) {
      this.fleet.fail(`${this.name} notes a gap of ${key} from ${hole.from}, next was ${this.disk.next(origin)} (S2)`);
    }
    this.disk.note(origin, hole);
    this.#tellHoles(origin);
  }

  #tellHoles(origin: OriginId): void {
    const [nextSeq, holes] = [this.disk.next(origin), this.disk.holes(origin)];
    if (nextSeq > 0 || holes.length > 0) this.event({ type: "holes", stream: STREAM, origin, nextSeq, holes });
  }

  #keepOwn(origin: OriginId, value: number): void {
    const seq = this.disk.next(origin);
    const before = this.disk.value(origin, seq - 1);
    this.disk.put(origin, seq, [value]);
    this.fleet.wrote(origin, seq, value, before);
    this.event({ type: "committed", stream: STREAM, origin, nextSeq: seq + 1 });
  }

  #freshOrigin(): OriginId {
    const node = this.name.includes(".") ? this.name : `${this.name}.a`;
    return originId(`${node}~r${this.#incarnations++}`);
  }

  /** Restored from a backup: appends under a new origin (rule 11). */
  #reincarnate(key: KeyId): void {
    if (originOf(key) === this.origin) {
      // What it wrote stands in the log of its site, whatever it has read of that.
      if (this.log !== undefined) this.fleet.fail(`${this.name} takes itself to be restored because of ${key}`);
      this.disk.restored.add(this.origin);
      this.disk.own = this.#freshOrigin();
      this.#ownNext = 0;
      this.fleet.restored++;
    }
    this.event({ type: "reincarnated", key, own: this.origin });
  }

  /** One commit after the other, so that a crash may come in between. */
  #appendAgain({ key, from: first }: Effects<"appendAgain">): void {
    const former = originOf(key);
    const known = this.disk.again.get(former);
    const { from, to, as } = known ?? { from: first, to: this.disk.next(former), as: this.#freshOrigin() };
    const next = this.disk.next(as);
    if (known === undefined) {
      this.disk.again.set(former, { from, to, as });
    } else if (next < to - from) {
      const value = this.disk.value(former, from + next);
      if (value === undefined) this.disk.log(as).addGap(next, next + 1, "missed");
      else this.#keepOwn(as, value);
      if (value !== undefined) this.fleet.again++;
    } else {
      this.event({ type: "appendedAgain", key, ok: true });
      return;
    }
    this.commit(() => this.#appendAgain({ type: "appendAgain", key, from }));
  }

  /** A sensor may be told that its message is safe once a second node has said that it holds it. */
  #acknowledge(): void {
    const copies = new SisterCopies(this.machine);
    for (let next = this.#unacknowledged[0]; next !== undefined; next = this.#unacknowledged[0]) {
      if (!copies.isCopied(STREAM, this.origin, next.seq)) return;
      this.#unacknowledged.shift();
      this.fleet.acknowledge(this, this.origin, next.seq, next.value);
    }
  }

  #setAside({ key, isForked }: Effects<"setAside">): void {
    const origin = originOf(key);
    const gone = this.disk.setAside(origin, isForked);
    if (gone !== undefined) {
      this.fleet.expired(origin, gone.from, gone.to);
      this.runs.forget(key, gone.from);
      this.#tellHoles(origin);
    }
    this.event({ type: "setAside", key, part: gone });
  }
}
