import type { ContainerState, LinkClass, ShipState } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import { getOrAdd, type FleetView } from "./fleet-view.js";
import { kindOfStream } from "./kinds.js";
import { cargoSpans, mergeContainer } from "./merge-container.js";
import { mergeShip, type ShipKnowledge, type Sighting } from "./merge-ship.js";
import { unionOfSpans, type Span } from "./moves.js";

/** What a view of the fleet needs to know besides the records. */
export interface Surroundings {
  readonly shipName: (imo: string) => string | undefined;
  /** Class of the link over which records of a stream and origin last came. */
  readonly lastLink: (stream: StreamName, origin: string) => LinkClass | undefined;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * The fleet as somebody sees it who may read exactly these streams: merged states, kept up to date with the view's
 * changes when asked (`refresh`). Nothing in here is computed from any other stream, but for the positions of ships
 * that the contract gives to who has cargo aboard.
 */
export class Perspective {
  readonly containers = new Map<string, ContainerState>();
  private readonly aboard = new Map<string, Set<string>>();
  private seen = 0;
  /** Changes whenever a container does. */
  version = 0;

  constructor(
    private readonly view: FleetView,
    readonly readable: ReadonlySet<StreamName>,
    private readonly surroundings: Surroundings,
  ) {
    for (const container of view.containers.keys()) this.merge(container);
    this.seen = view.changes.last;
  }

  /** Takes in what changed since the last call. */
  refresh(): this {
    for (const change of this.view.changes.since(this.seen)) if (change.kind === "container") this.merge(change.id);
    this.seen = this.view.changes.last;
    return this;
  }

  /** Containers aboard a ship now. */
  containersAboard(imo: string): ReadonlySet<string> {
    return this.aboard.get(imo) ?? NONE;
  }

  /** Ships that belong on this map now, by IMO number. */
  ships(): ShipState[] {
    const all = new Set([...this.view.ships.keys(), ...this.view.loadedOn.keys()]);
    return [...all]
      .sort()
      .map((imo) => this.ship(imo))
      .filter((known) => known?.isCurrent === true)
      .map((known) => (known as ShipKnowledge).state);
  }

  ship(imo: string): ShipKnowledge | undefined {
    const cargo = this.cargoOn(imo);
    return mergeShip({
      imo,
      traces: this.view.ships.get(imo) ?? new Map(),
      readable: this.readable,
      cargo: cargo.spans,
      containersAboard: this.containersAboard(imo).size,
      ...(cargo.position && { cargoPosition: cargo.position }),
      ...(cargo.voyage !== undefined && { cargoVoyage: cargo.voyage }),
      name: this.surroundings.shipName,
      lastLink: this.surroundings.lastLink,
    });
  }

  /** Whether everything of a ship may be read, and not just where it is while cargo is aboard. */
  readsShip(imo: string): boolean {
    for (const stream of this.view.ships.get(imo)?.keys() ?? []) {
      if (kindOfStream(stream) === "ships" && this.readable.has(stream)) return true;
    }
    return false;
  }

  /** When cargo of this person was aboard a ship, and what that cargo says of it. */
  cargoOn(imo: string): { spans: Span[]; position?: Sighting; voyage?: string } {
    if (this.readsShip(imo)) return { spans: [] };
    const spans: Span[] = [];
    for (const container of this.view.loadedOn.get(imo) ?? NONE) {
      if (!this.containers.has(container)) continue;
      const traces = this.view.containers.get(container) ?? new Map();
      const bookings = this.view.bookings.get(container)?.values() ?? [];
      spans.push(...cargoSpans(traces, bookings, this.readable).filter(({ vessel }) => vessel === imo));
    }
    return { spans: unionOfSpans(spans), ...(spans.length > 0 && this.seenAboard(imo)) };
  }

  /** The newest position that a container aboard reported: it is where its ship is. */
  private seenAboard(imo: string): { position?: Sighting; voyage?: string } {
    let position: Sighting | undefined;
    let voyage: { time: string; text: string } | undefined;
    for (const container of this.containersAboard(imo)) {
      const state = this.containers.get(container);
      if (!state) continue;
      const { latitude, longitude, time, knownSince, lastEvent } = state;
      if (latitude !== undefined && longitude !== undefined && time > (position?.time ?? "")) {
        position = { latitude, longitude, time, knownSince };
      }
      if (lastEvent?.voyage !== undefined && lastEvent.time > (voyage?.time ?? "")) {
        voyage = { time: lastEvent.time, text: lastEvent.voyage };
      }
    }
    return { ...(position && { position }), ...(voyage && { voyage: voyage.text }) };
  }

  private merge(container: string): void {
    const before = this.containers.get(container);
    const after = mergeContainer(container, this.view.containers.get(container) ?? new Map(), this.readable);
    if (!before && !after) return;
    this.version++;
    if (before?.vessel !== undefined && before.vessel !== after?.vessel)
      this.aboard.get(before.vessel)?.delete(container);
    if (after?.vessel !== undefined) getOrAdd(this.aboard, after.vessel, () => new Set<string>()).add(container);
    if (after) this.containers.set(container, after);
    else this.containers.delete(container);
  }
}
