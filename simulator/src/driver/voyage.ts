import { OUTBOX_HOLD_CLOCK } from "../limits.js";
import { SimulatorError } from "../errors.js";
import { commandProblem } from "../world/commands.js";
import { etaMs } from "../world/ships.js";
import type { Command, Publish, TimedCommand, WorldState } from "../world/state.js";
import { step } from "../world/step.js";
import { advanceClock } from "./clock.js";
import type { JournalEntry, Snapshot, VoyagePhase } from "./state-folder.js";

/** In the prologue the world is stepped in such pieces, as fast as the brokers take what comes out. */
const PROLOGUE_PIECE_MS = 10 * 60_000;
/** … and for at most this much real time without letting anybody else have the processor. */
const PROLOGUE_SLICE_MS = 40;
/** The first ship is so far from its port, in real seconds, when somebody opens the map. */
const FIRST_LANDING_S = 12;
/** A person's `arrive` takes so many real seconds. */
const ARRIVE_S = 15;
const HOUR_MS = 3_600_000;

/** The brokers, as far as the voyage needs them. */
export interface Sink {
  push(publish: Publish): void;
  /** Messages that brokers which are there have not acknowledged. */
  readonly pending: number;
  /** Sites of brokers that no gateway reaches. */
  readonly unreachable: readonly string[];
  unacknowledged(): Publish[];
}

export interface VoyageOptions {
  readonly speed: number;
  readonly waitSeconds: number;
  /** Real clock, and a monotonic one. */
  readonly now: () => number;
  readonly monotonic: () => number;
}

/** The world in time: advances it with the clock, hands its messages to the brokers, takes commands. */
export class Voyage {
  private phaseNow: VoyagePhase;
  private clockMs: number;
  private speedNow: number;
  private lastLookMs: number;
  private waitingSinceMs: number | undefined;
  private isSeen = false;
  private queue: JournalEntry[];
  private nextSeq: number;
  private appliedSeq: number;

  constructor(
    private world: WorldState,
    private readonly sink: Sink,
    private readonly journal: { append(entry: JournalEntry): void },
    private readonly options: VoyageOptions,
    saved?: { readonly snapshot: Snapshot; readonly commands: readonly JournalEntry[] },
  ) {
    this.phaseNow = saved?.snapshot.phase ?? "prologue";
    this.clockMs = saved?.snapshot.clockMs ?? world.timeMs;
    this.speedNow = options.speed;
    this.lastLookMs = options.monotonic();
    this.queue = [...(saved?.commands ?? [])];
    this.appliedSeq = saved?.snapshot.seq ?? 0;
    this.nextSeq = (this.queue.at(-1)?.seq ?? this.appliedSeq) + 1;
    for (const publish of saved?.snapshot.unacknowledged ?? []) sink.push(publish);
  }

  get state(): WorldState {
    return this.world;
  }

  get phase(): VoyagePhase {
    return this.phaseNow;
  }

  get timeMs(): number {
    return this.clockMs;
  }

  get speed(): number {
    return this.speedNow;
  }

  /** How far the prologue is, 0…1. */
  get prologueShare(): number {
    if (this.phaseNow !== "prologue") return 1;
    const first = this.world.ships.find(({ imo }) => imo === this.world.script.firstShip);
    if (first?.phase.kind !== "sea") return 0;
    const gone = this.world.timeMs - this.world.startMs;
    return gone / (gone + Math.max(0, etaMs(first.phase, this.world.timeMs) - this.world.timeMs));
  }

  /** Somebody looks at the map. */
  viewer(): void {
    this.isSeen = true;
  }

  /**
   * Writes the command down and does it at the next tick.
   * @throws SimulatorError NOT_FOUND, CONFLICT, INVALID_ARGUMENT
   */
  command(command: Command): void {
    const problem = commandProblem(this.world, command);
    if (problem !== undefined) throw new SimulatorError(problem.code, problem.message);
    const entry: JournalEntry = { seq: this.nextSeq, atMs: this.world.timeMs, command };
    this.journal.append(entry);
    this.nextSeq++;
    this.queue.push(entry);
    // Somebody who steers the ships has certainly opened the map.
    if (command.type !== "booked") this.isSeen = true;
  }

  /** Whether every command given so far has taken effect. */
  get isSettled(): boolean {
    return this.queue.length === 0;
  }

  /** Simulated time within which an ordered arrival happens, at the present pace. */
  arrivalMs(): number {
    return Math.min(4 * HOUR_MS, Math.max(10_000, ARRIVE_S * 1000 * this.speedNow));
  }

  /** To be called some ten times a second. */
  look(): void {
    const now = this.options.monotonic();
    const elapsed = now - this.lastLookMs;
    this.lastLookMs = now;
    if (this.phaseNow === "prologue") this.prologue();
    if (this.phaseNow === "waiting") this.wait(now);
    if (this.phaseNow === "running") this.run(elapsed);
  }

  snapshot(): Snapshot {
    return {
      format: 1,
      world: this.world,
      phase: this.phaseNow,
      clockMs: this.clockMs,
      seq: this.appliedSeq,
      unacknowledged: this.sink.unacknowledged(),
    };
  }

  /** Days at sea go by as fast as the brokers take the readings, until the first ship is about to land. */
  private prologue(): void {
    const until = this.options.monotonic() + PROLOGUE_SLICE_MS;
    // Nobody's cargo passes the gate unbooked, and the whole fleet has to know of the bookings before it sails.
    if (this.queue.length === 0 && this.world.containers.some(({ booking }) => booking === "wanted")) return;
    while (!this.firstIsNear()) {
      if (this.sink.unreachable.length > 0 || this.sink.pending > OUTBOX_HOLD_CLOCK) return;
      if (this.options.monotonic() > until) return;
      const target = Math.min(this.clockMs + PROLOGUE_PIECE_MS, this.options.now());
      if (target <= this.clockMs) break;
      this.clockMs = target;
      this.stepTo(target);
    }
    this.phaseNow = "waiting";
  }

  private firstIsNear(): boolean {
    const first = this.world.ships.find(({ imo }) => imo === this.world.script.firstShip);
    if (first?.phase.kind !== "sea") {
      // In port: before its voyage, or already there because somebody wanted it.
      return first === undefined || (first.phase.kind === "docked" && first.phase.sinceMs > this.world.startMs);
    }
    const leadMs = Math.min(24 * HOUR_MS, Math.max(60_000, FIRST_LANDING_S * 1000 * this.options.speed));
    return etaMs(first.phase, this.world.timeMs) - this.world.timeMs <= leadMs;
  }

  private wait(now: number): void {
    this.waitingSinceMs ??= now;
    if (!this.isSeen && now - this.waitingSinceMs < this.options.waitSeconds * 1000) return;
    this.phaseNow = "running";
  }

  private run(elapsedMs: number): void {
    // Brokers that are there and cannot keep up hold the clock; one that is away does not.
    if (this.sink.pending > OUTBOX_HOLD_CLOCK) return;
    const { timeMs, speed } = advanceClock(this.clockMs, elapsedMs, this.options.speed, this.options.now());
    this.clockMs = timeMs;
    this.speedNow = speed;
    this.stepTo(timeMs);
  }

  private stepTo(untilMs: number): void {
    const commands: readonly TimedCommand[] = this.queue;
    const before = this.world.timeMs;
    const { state, publishes } = step(this.world, untilMs, commands);
    this.world = state;
    for (const publish of publishes) this.sink.push(publish);
    if (state.timeMs === before) return;
    // Done is what was due at the beginning of a tick that has passed.
    const open = this.queue.findIndex(({ atMs }) => atMs >= state.timeMs);
    const done = open < 0 ? this.queue.length : open;
    this.appliedSeq = this.queue[done - 1]?.seq ?? this.appliedSeq;
    this.queue = this.queue.slice(done);
  }
}
