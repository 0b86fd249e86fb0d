import type { LiveEvent, SimulationState, SitesReply } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import type { Env, TimerHandle } from "@landfall/streams/env";
import { LandfallError } from "@landfall/streams/model/errors";
import { LIVE_CONNECTIONS_MAX, LIVE_CONNECTIONS_PER_USER_MAX, LIVE_KEEPALIVE_MS, LIVE_TICK_MS } from "../limits.js";
import { withoutControls, type SimulationFeed } from "../simulation/feed.js";
import type { FleetView } from "../view/fleet-view.js";
import type { Perspectives } from "../view/perspectives.js";
import type { StreamName } from "@landfall/streams/model/names";
import { toApiAlert } from "../view/alerts.js";
import type { Perspective } from "../view/perspective.js";
import { alertsSince, goneBetween, liveBatch, type LiveBatch } from "./batch.js";
import { decodePosition, encodePosition, KEEPALIVE, toSse } from "./messages.js";

/** Alerts that came about when a client last heard of us are told again rather than not at all. */
const CLOCK_SLACK_MS = 10_000;

/** One reader's end of the live feed. */
export interface LiveSink {
  /** False when the reader is too slow and was dropped. */
  write(text: string): boolean;
  end(): void;
}

export interface LiveReader {
  readonly principal: Principal;
  /** Whether the session still stands. */
  readonly isAlive: () => boolean;
  readonly sink: LiveSink;
}

interface Connection extends LiveReader {
  /** What this reader sees; another one as soon as the policy says so. */
  perspective: Perspective;
  /** Where they are in its changes. */
  seq: number;
  /** Alerts up to here were told, or are none of the news. */
  alertsFrom: number;
  lastSites: string;
  lastSimulation: string;
  lastWrite: number;
}

export interface LiveHubParts {
  readonly view: FleetView;
  readonly perspectives: Perspectives;
  readonly sitesFor: (principal: Principal) => SitesReply;
  readonly simulation: SimulationFeed | undefined;
  readonly mayControl: (principal: Principal) => boolean;
  readonly env: Env;
  readonly tickMs?: number;
  /** Calls the listener when rules have changed: nobody waits for the next tick then (A4). */
  readonly onRules?: (listener: () => void) => () => void;
}

/**
 * The live feed: on every tick, each reader gets what changed for them since the last one, decided anew by the policy.
 * Nothing is queued per reader but a position in the view's changes: a slow one simply gets newer states later.
 */
export class LiveHub {
  private readonly connections = new Set<Connection>();
  private timer: TimerHandle | undefined;

  private readonly stopRules: () => void;

  constructor(private readonly parts: LiveHubParts) {
    this.stopRules = parts.onRules?.(() => this.tick()) ?? (() => undefined);
  }

  get size(): number {
    return this.connections.size;
  }

  /** @throws LandfallError OVERLOADED when there are too many readers */
  assertRoom(principal: Principal): void {
    let own = 0;
    for (const { principal: other } of this.connections) if (readerOf(other) === readerOf(principal)) own++;
    if (this.connections.size >= LIVE_CONNECTIONS_MAX || own >= LIVE_CONNECTIONS_PER_USER_MAX) {
      throw new LandfallError("OVERLOADED", "too many live connections: close another window of the map");
    }
  }

  /**
   * Begins to feed a reader. Without `lastEventId`, what was before is the reader's to ask for; ships, sites and the
   * simulation come at once. @returns how to stop
   */
  open(reader: LiveReader, lastEventId?: string): () => void {
    const { env, perspectives } = this.parts;
    const position = lastEventId === undefined ? undefined : decodePosition(lastEventId);
    const perspective = perspectives.of(reader.principal);
    const { run, changes } = perspective;
    const seq = position?.run === run && position.seq <= changes.last ? position.seq : undefined;
    const connection: Connection = {
      ...reader,
      perspective,
      // Without an id they asked for everything else themselves; with one that means nothing here, all of it comes again.
      seq: seq ?? (lastEventId === undefined ? changes.last : 0),
      alertsFrom: seq ?? changes.last,
      lastSites: "",
      lastSimulation: "",
      lastWrite: env.monotonic(),
    };
    this.connections.add(connection);
    this.parts.simulation?.watch();
    let text = `retry: 2000\n\n${toSse({ type: "ships", data: { ships: perspective.ships() } }, this.idOf(connection))}`;
    if (position && seq === undefined) text += this.missedAlerts(perspective.readable, position.time - CLOCK_SLACK_MS);
    this.write(connection, text);
    this.send(connection, new Map());
    this.schedule();
    return () => this.drop(connection);
  }

  /** Ends every connection. */
  close(): void {
    this.stopRules();
    for (const connection of this.connections) this.drop(connection);
    this.timer?.cancel();
  }

  private schedule(): void {
    if (this.timer || this.connections.size === 0) return;
    this.timer = this.parts.env.setTimer(this.parts.tickMs ?? LIVE_TICK_MS, () => {
      this.timer = undefined;
      this.tick();
      this.schedule();
    });
  }

  private tick(): void {
    // Readers who see the same and stand at the same place share the work of one tick.
    const shared = new Map<string, unknown>();
    for (const connection of this.connections) {
      if (connection.isAlive()) this.send(connection, shared);
      else this.drop(connection);
    }
  }

  private send(connection: Connection, shared: Map<string, unknown>): void {
    const { view, perspectives, sitesFor, simulation, mayControl, env } = this.parts;
    const { principal } = connection;
    const who = JSON.stringify(principal);
    const once = <T>(key: string, make: () => T): T => {
      if (!shared.has(key)) shared.set(key, make());
      return shared.get(key) as T;
    };
    const perspective = once(`perspective ${who}`, () => perspectives.of(principal));
    let text = perspective === connection.perspective ? "" : this.change(connection, perspective);
    const { seq, alertsFrom } = connection;
    const batch = once<LiveBatch>(`batch ${perspective.run} ${seq} ${alertsFrom}`, () =>
      liveBatch(view, perspective, seq, alertsFrom),
    );
    connection.seq = batch.seq;
    text += batch.events
      .map((event, i) =>
        // Only the last one moves the reader on: cut before it, all of them come again.
        toSse(event, i === batch.events.length - 1 ? this.idOf(connection) : undefined),
      )
      .join("");

    const sites = once(`sites ${who}`, () => toSse({ type: "sites", data: sitesFor(principal) }));
    if (sites !== connection.lastSites) text += connection.lastSites = sites;
    const state = simulation?.current;
    if (state) {
      const isController = mayControl(principal);
      const event = once(`simulation ${isController}`, () => toSse(simulationEvent(state, isController)));
      if (event !== connection.lastSimulation) text += connection.lastSimulation = event;
    }
    if (text === "" && env.monotonic() - connection.lastWrite >= LIVE_KEEPALIVE_MS) text = KEEPALIVE;
    if (text !== "") this.write(connection, text);
  }

  /** Moves a reader to what they may see now: all states come again; of alerts, those that they cannot have heard of. */
  private change(connection: Connection, perspective: Perspective): string {
    const before = connection.perspective;
    // As they last saw it: what came since is none of theirs any more.
    const gone = goneBetween(before, perspective)
      .map((event) => toSse(event))
      .join("");
    const news = [...before.refresh().changes.since(connection.seq)]
      .filter(
        ({ kind, seq, stream }) => kind === "alert" && seq > connection.alertsFrom && perspective.readable.has(stream),
      )
      .map(({ stream, id }) => this.parts.view.alerts.get(stream)?.get(id))
      .flatMap((alert) => (alert ? (toApiAlert(alert) ?? []) : []))
      .map((data) => toSse({ type: "alert", data }))
      .join("");
    const added = [...perspective.readable].filter((stream) => !before.readable.has(stream));
    connection.perspective = perspective;
    connection.seq = 0;
    connection.alertsFrom = perspective.changes.last;
    return gone + news + this.missedAlerts(added, 0);
  }

  private missedAlerts(streams: Iterable<StreamName>, since: number): string {
    return alertsSince(this.parts.view, streams, since)
      .map((event) => toSse(event))
      .join("");
  }

  private write(connection: Connection, text: string): void {
    connection.lastWrite = this.parts.env.monotonic();
    if (!connection.sink.write(text)) this.drop(connection);
  }

  private idOf({ perspective, seq }: Connection): string {
    return encodePosition({ run: perspective.run, seq, time: this.parts.env.now() });
  }

  private drop(connection: Connection): void {
    if (!this.connections.delete(connection)) return;
    connection.sink.end();
    if (this.connections.size === 0) this.parts.simulation?.unwatch();
  }
}

/** Whose window it is, whoever they look as. */
function readerOf({ user, seenBy }: Principal): string {
  return seenBy?.user ?? user;
}

function simulationEvent(state: SimulationState, isController: boolean): LiveEvent {
  return { type: "simulation", data: isController ? state : withoutControls(state) };
}
