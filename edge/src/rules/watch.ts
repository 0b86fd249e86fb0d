import type { AlertValue } from "@landfall/proto/api";
import type { Env, TimerHandle } from "@landfall/streams/env";
import { isLandfallError } from "@landfall/streams/model/errors";
import type { StreamName } from "@landfall/streams/model/names";
import type { Cursor, NewRecord, VersionVector } from "@landfall/streams/model/record";
import type { Exceptions } from "@landfall/streams/node/node";
import type { StreamStore } from "@landfall/streams/store/store";
import type { Logger } from "pino";
import type { BookingTable } from "../bookings/booking-table.js";
import { containerStream } from "../ingest/route.js";
import type { Reading } from "../ingest/validate.js";
import { ALERT_RETRY_MS, CHECKPOINT_MS, RULES_TICK_MS } from "../limits.js";
import { alertRecord } from "./alert-record.js";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.js";
import { eventOf, ownRecords, readAlert } from "./replay.js";
import { initialState, type AlertChange, type RuleEvent, type RulesInForce, type RulesState } from "./rules-state.js";
import { step } from "./step.js";

export interface WatchOptions {
  readonly store: Pick<StreamStore, "append" | "streams" | "readStream" | "readTopic" | "vector">;
  /** Where what the rules know is kept from start to start. */
  readonly checkpointFile: string;
  readonly env: Env;
  readonly log: Logger;
  readonly exceptions: Exceptions;
  readonly site: string;
  readonly owner: string;
  readonly imo: string;
  readonly bookings: BookingTable;
  /** Those in force: they may change at any time. */
  readonly rules: () => RulesInForce;
  /** Where several nodes of the ship run the rules. */
  readonly cluster?: {
    /** Whether this node is the one that raises and clears alerts. */
    readonly isInCharge: () => boolean;
    /** Per origin of this ship, the first seq that the rules may not have been told of yet. */
    readonly told: (stream: StreamName) => VersionVector;
  };
}

/** Runs the on-board rules: feeds them, keeps their clock, stores what they raise and clear. */
export class Watch {
  readonly #options: WatchOptions;
  #state: RulesState;
  /** Alerts not yet stored, oldest first; while another node is in charge, those that it has not stored yet. */
  readonly #unsaved: AlertChange[] = [];
  /** Stream in which an open alert was raised: it is cleared in the same one, whoever has the container booked then. */
  readonly #raisedIn = new Map<string, StreamName>();
  #saving: Promise<void> | undefined;
  #retry: TimerHandle | undefined;
  #timer: TimerHandle | undefined;
  #checkpointTimer: TimerHandle | undefined;
  #checkpointing: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#state = initialState(options.imo, options.env.now());
  }

  get containersAboard(): number {
    let count = 0;
    for (const box of this.#state.boxes.values()) if (box.aboardSince !== undefined) count++;
    return count;
  }

  get openAlerts(): number {
    let count = 0;
    for (const box of this.#state.boxes.values()) count += box.open.size;
    return count;
  }

  /** Rebuilds manifest and alerts from what is stored, stores what a crash kept from being stored, and goes on watching. */
  async start(): Promise<void> {
    const { store, site, imo, log, env, checkpointFile } = this.#options;
    const began = env.monotonic();
    const checkpoint = await readCheckpoint(checkpointFile, imo, store, env.now());
    if (checkpoint) this.#state = checkpoint.state;
    for (const [id, stream] of checkpoint?.raisedIn ?? []) this.#raisedIn.set(id, stream);
    const after = checkpoint?.cursors ?? new Map<StreamName, Cursor>();
    const known = await this.#knownAlerts(after);
    let count = 0;
    for await (const record of ownRecords(store, site, this.#watched(), after, this.#damaged)) {
      count++;
      const event = eventOf(record, imo, record.received);
      for (const change of event ? step(this.#state, event, this.#options.rules()) : []) {
        const before = known.get(change.id)?.state;
        if (before === undefined || (before === "raised" && change.state === "cleared")) this.#unsaved.push(change);
      }
    }
    for (const alert of known.values()) {
      this.#tell({ type: alert.state === "raised" ? "open-alert" : "closed-alert", alert });
    }
    if (!this.#isInCharge()) this.#forgetSettled();
    this.#isRunning = true;
    this.#save();
    this.#tick();
    this.#checkpointTimer = env.setTimer(CHECKPOINT_MS, () => this.#checkpointLater());
    const ms = Math.round(env.monotonic() - began);
    const found = { records: count, aboard: this.containersAboard, openAlerts: this.openAlerts, ms };
    log.info(found, "manifest and alerts rebuilt");
  }

  /** A message that is durable. */
  observe(reading: Reading, client: string): void {
    const { topic, timestamp: time, measurements, event } = reading;
    const wall = this.#options.env.now();
    if (topic.kind === "telemetry") {
      this.#tell({ type: "reading", container: topic.id, time, wall, via: client, measurements });
    } else if (topic.subject === "container" && event) {
      const move = event.type as Extract<RuleEvent, { type: "move" }>["move"];
      this.#tell({ type: "move", container: topic.id, move, time });
    } else if (topic.kind === "position" && topic.id === this.#options.imo) {
      const { latitude, longitude } = measurements;
      if (latitude !== undefined && longitude !== undefined)
        this.#tell({ type: "position", time, latitude, longitude });
    }
  }

  /** A record that is durable here: what a node of the ship took in, or raised. */
  observeRecord(stream: StreamName, record: NewRecord): void {
    if (!stream.endsWith(".alerts")) {
      // Heard when it came here, whatever another node's clock says.
      const event = eventOf(record, this.#options.imo, this.#options.env.now());
      if (event) this.#tell(event);
      return;
    }
    const alert = readAlert(record);
    if (!alert) return;
    const isRaised = alert.state === "raised";
    this.#drop(({ id, state }) => id === alert.id && (!isRaised || state === "raised"));
    if (isRaised) this.#raisedIn.set(alert.id, stream);
    else this.#raisedIn.delete(alert.id);
    this.#tell({ type: isRaised ? "open-alert" : "closed-alert", alert });
  }

  connected(client: string): void {
    this.#tell({ type: "connected", client, wall: this.#options.env.now() });
  }

  async close(): Promise<void> {
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#retry?.cancel();
    this.#checkpointTimer?.cancel();
    await this.#saving;
    await this.#checkpointing;
    await this.#checkpoint();
  }

  #tell(event: RuleEvent): void {
    const changes = step(this.#state, event, this.#options.rules());
    if (changes.length === 0) return;
    this.#unsaved.push(...changes);
    if (!this.#isInCharge()) this.#forgetSettled();
    this.#save();
  }

  /** What was raised and cleared while another node is in charge, and what that one never raised, needs no word from here. */
  #forgetSettled(): void {
    const cleared = new Set(this.#unsaved.flatMap(({ id, state }) => (state === "cleared" ? [id] : [])));
    const settled = new Set(
      this.#unsaved.flatMap(({ id, state }) => (state === "raised" && cleared.has(id) ? [id] : [])),
    );
    if (settled.size === 0) return;
    this.#drop(({ id }) => settled.has(id));
  }

  #drop(isDropped: (change: AlertChange) => boolean): void {
    this.#unsaved.splice(0, this.#unsaved.length, ...this.#unsaved.filter((change) => !isDropped(change)));
  }

  #isInCharge(): boolean {
    return this.#options.cluster?.isInCharge() ?? true;
  }

  #tick(): void {
    this.#tell({ type: "tick", wall: this.#options.env.now() });
    // It may be in charge by now.
    if (this.#isInCharge()) this.#save();
    this.#timer = this.#options.env.setTimer(RULES_TICK_MS, () => this.#tick());
  }

  #save(): void {
    if (!this.#isRunning || this.#saving || this.#retry || this.#unsaved.length === 0 || !this.#isInCharge()) return;
    this.#saving = this.#append()
      .catch((error: unknown) => this.#notSaved(error))
      .finally(() => {
        this.#saving = undefined;
        this.#save();
      });
  }

  /** One after the other; those of an owner in whose alerts this site may not produce stand in nobody's way. */
  async #append(): Promise<void> {
    const { store, log } = this.#options;
    const forbidden = new Map<StreamName, unknown>();
    const next = () => this.#unsaved.find((one) => !forbidden.has(this.#streamOf(one)));
    for (let change = next(); change && this.#isInCharge(); change = next()) {
      const stream = this.#streamOf(change);
      try {
        await store.append(stream, [await alertRecord(change, store, this.#bookedAt(change).stream)]);
      } catch (error) {
        if (!isLandfallError(error, "PRODUCE_FORBIDDEN")) throw error;
        forbidden.set(stream, error);
        continue;
      }
      this.#drop((one) => one === change);
      if (change.state === "raised") this.#raisedIn.set(change.id, stream);
      else this.#raisedIn.delete(change.id);
      const { type, state, container, message } = change;
      log.warn({ alert: { type, state, container, stream } }, message);
    }
    const [refused] = forbidden.values();
    if (refused !== undefined) throw refused;
  }

  #notSaved(error: unknown): void {
    if (!this.#isRunning || isLandfallError(error, "CLOSED")) return;
    this.#options.log.error(
      { err: error, waiting: this.#unsaved.length },
      "an alert could not be stored, trying again",
    );
    this.#retry = this.#options.env.setTimer(ALERT_RETRY_MS, () => {
      this.#retry = undefined;
      this.#save();
    });
  }

  #streamOf(change: AlertChange): StreamName {
    const raisedIn = this.#raisedIn.get(change.id);
    if (raisedIn) return raisedIn;
    return `${this.#bookedAt(change).owner}.alerts` as StreamName;
  }

  /** Who had the container booked when it happened. */
  #bookedAt({ container, time }: AlertChange): ReturnType<typeof containerStream> {
    const { owner, bookings } = this.#options;
    return containerStream(container, Date.parse(time), owner, bookings);
  }

  readonly #damaged = (stream: StreamName, error: Error): void => {
    const message = `what the rules know of ${stream} is incomplete, since it could not be read to its end: ${error.message}`;
    this.#options.exceptions.report({ code: "CORRUPT_BLOCK", source: "rules", message });
  };

  #watched(): StreamName[] {
    const { store, owner } = this.#options;
    return store
      .streams()
      .filter((name) => name.endsWith(".containers") || name === `${owner}.unassigned` || name === `${owner}.ships`);
  }

  #alertStreams(): StreamName[] {
    return this.#options.store.streams().filter((name) => name.endsWith(".alerts"));
  }

  #checkpointLater(): void {
    this.#checkpointing = this.#checkpoint().finally(() => {
      if (!this.#isRunning) return;
      this.#checkpointTimer = this.#options.env.setTimer(CHECKPOINT_MS, () => this.#checkpointLater());
    });
  }

  async #checkpoint(): Promise<void> {
    const { store, checkpointFile, log } = this.#options;
    try {
      const streams = [...this.#watched(), ...this.#alertStreams()];
      const cursors = new Map(
        streams.map((stream): [StreamName, Cursor] => {
          const told = this.#options.cluster?.told(stream);
          return [stream, { v: 1, next: { ...store.vector(stream), ...told } }];
        }),
      );
      // What is durable by now has been told to the rules two turns later.
      await new Promise<void>((resolve) => {
        setImmediate(() => setImmediate(resolve));
      });
      // An alert that is open here and not yet stored would be forgotten by a crash.
      if (this.#unsaved.length > 0) return;
      await writeCheckpoint(checkpointFile, { state: this.#state, cursors, raisedIn: this.#raisedIn });
    } catch (error) {
      log.warn({ err: error }, "what the rules know could not be kept; a start will read more");
    }
  }

  /** What this site raised and cleared, the newest word on each. */
  async #knownAlerts(after: ReadonlyMap<StreamName, Cursor>): Promise<Map<string, AlertValue>> {
    const { store, site } = this.#options;
    const known = new Map<string, AlertValue>();
    for await (const record of ownRecords(store, site, this.#alertStreams(), after, this.#damaged)) {
      const alert = readAlert(record);
      if (!alert) continue;
      known.set(alert.id, alert);
      if (alert.state === "raised") this.#raisedIn.set(alert.id, record.stream);
      else this.#raisedIn.delete(alert.id);
    }
    return known;
  }
}
