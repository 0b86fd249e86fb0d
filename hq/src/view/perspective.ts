import type { ContainerState, LinkClass, ShipState } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import { RANGE_TOLERANCE_C, type RangeTolerance } from "../rules/range-tolerance.js";
import { ChangeLog } from "./change-log.js";
import { getOrAdd, type FleetView } from "./fleet-view.js";
import { kindOfStream } from "./kinds.js";
import { cargoSpans, mergeContainer } from "./merge-container.js";
import { mergeShip, type ShipKnowledge, type Sighting } from "./merge-ship.js";
import { unionOfSpans, type Span } from "./moves.js";
import { mayBeJudgedAnew } from "./status.js";

/** What a view of the fleet needs to know besides the records. */
export interface Surroundings {
  readonly shipName: (imo: string) => string | undefined;
  /** Class of the link over which records of a stream and origin last came. */
  readonly lastLink: (stream: StreamName, origin: string) => LinkClass | undefined;
  /** The default everywhere, when left out. */
  readonly rangeTolerance?: RangeTolerance;
}

const NONE: ReadonlySet<string> = new Set();
/** Merged things belong to no one stream. */
const ANY = "" as StreamName;
/** No version of a tolerance. */
const NEVER = -1;

/**
 * The fleet as somebody sees it who may read exactly these streams: merged states, kept up to date with the view's
 * changes when asked (`refresh`); excerpts that they may read count as streams. Nothing in here is computed from any other stream, but for the positions of ships
 * that the contract gives to who has cargo aboard. Its own changes are what can be seen to change: not even their number
 * tells of anything else.
 */
export class Perspective {
  readonly changes = new ChangeLog();
  readonly containers = new Map<string, ContainerState>();
  private readonly aboard = new Map<string, Set<string>>();
  /** When cargo was aboard a ship, until something changes that. */
  private readonly spans = new Map<string, Span[]>();
  /** What was last known of ships whose stream may not be read, to tell whether that changed. */
  private readonly glimpses = new Map<string, string>();
  private seen: number;
  /** Of the tolerance by which containers were judged. */
  private judged: number | undefined;
  private readonly toleranceC = (vessel: string | undefined): number =>
    this.surroundings.rangeTolerance?.of(vessel, this.readable) ?? RANGE_TOLERANCE_C;

  constructor(
    private readonly view: FleetView,
    readonly readable: Set<StreamName>,
    private readonly surroundings: Surroundings,
    /** Names this run of changes: positions in another one mean nothing here. */
    readonly run: string,
  ) {
    this.judged = surroundings.rangeTolerance?.version;
    // All of it is new to whoever comes without a position in these changes.
    for (const container of view.containers.keys()) {
      this.merge(container);
      if (this.containers.has(container)) this.changes.touch("container", container, ANY);
    }
    for (const imo of new Set([...view.ships.keys(), ...view.loadedOn.keys()])) {
      this.hasGlimpseChanged(imo);
      if (this.ship(imo)) this.changes.touch("ship", imo, ANY);
    }
    this.seen = view.changes.last;
  }

  /** Takes in what changed since the last call. */
  refresh(): this {
    // Ships after their containers; whether somebody who may read so much must hear of it in any case.
    const ships = new Map<string, boolean>();
    for (const { kind, id, stream } of this.view.changes.since(this.seen)) {
      const isReadable = this.readable.has(stream);
      if (kind === "ship") ships.set(id, isReadable || ships.get(id) === true);
      // Whatever can change when cargo was aboard is in a readable stream.
      if (kind === "ship" && isReadable) this.spans.delete(id);
      if (kind === "ship" || !isReadable) continue;
      if (kind === "container") {
        for (const imo of this.merge(id)) ships.set(imo, this.readsShip(imo) || ships.get(imo) === true);
        this.changes.touch(kind, id, ANY);
      } else this.changes.touch(kind, id, stream);
    }
    for (const [imo, isCertain] of ships) {
      const isOther = this.hasGlimpseChanged(imo);
      if (isOther || (isCertain && this.ship(imo) !== undefined)) this.changes.touch("ship", imo, ANY);
    }
    this.seen = this.view.changes.last;
    this.judgeAnew();
    return this;
  }

  /** Whom another tolerance makes another colour, when rules have changed. */
  private judgeAnew(): void {
    const version = this.surroundings.rangeTolerance?.version;
    if (version === this.judged) return;
    this.judged = version;
    for (const [container, before] of this.containers) {
      // Nothing else of it depends on rules, and few of a fleet lie between what was allowed and what is.
      if (!mayBeJudgedAnew(before, this.toleranceC(before.vessel))) continue;
      this.merge(container);
      if (this.containers.get(container)?.status !== before.status) this.changes.touch("container", container, ANY);
    }
  }

  /**
   * Lets streams be seen from now on that began after the last `refresh`: their records are still to come.
   * @returns false, having done nothing, when one of them began before
   */
  grow(added: readonly StreamName[]): boolean {
    if (added.some((stream) => (this.view.startOf(stream) ?? 0) < this.seen)) return false;
    for (const stream of added) this.readable.add(stream);
    // Rules that may be read from now on are those of whose settings these are.
    if (added.some((stream) => kindOfStream(stream) === "settings")) this.judged = NEVER;
    return true;
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

  /** When cargo of this person was aboard a ship, and what that cargo says of it. */
  cargoOn(imo: string): { readonly spans: readonly Span[]; position?: Sighting; voyage?: string } {
    if (this.readsShip(imo)) return { spans: [] };
    const spans = getOrAdd(this.spans, imo, () => this.findSpans(imo));
    return { spans, ...(spans.length > 0 && this.seenAboard(imo)) };
  }

  private findSpans(imo: string): Span[] {
    const spans: Span[] = [];
    for (const container of this.view.loadedOn.get(imo) ?? NONE) {
      if (!this.containers.has(container)) continue;
      const traces = this.view.containers.get(container) ?? new Map();
      const bookings = this.view.bookings.get(container)?.values() ?? [];
      spans.push(...cargoSpans(traces, bookings, this.readable).filter(({ vessel }) => vessel === imo));
    }
    return unionOfSpans(spans);
  }

  /** Whether everything of a ship may be read, and not just where it is while cargo is aboard. */
  private readsShip(imo: string): boolean {
    for (const stream of this.view.ships.get(imo)?.keys() ?? []) {
      if (kindOfStream(stream) === "ships" && this.readable.has(stream)) return true;
    }
    return false;
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

  /**
   * Whether a ship that may only be seen by its cargo looks different now. Changes of its stream that cannot be seen
   * must not be noticed either.
   */
  private hasGlimpseChanged(imo: string): boolean {
    if (this.readsShip(imo)) return false;
    const now = JSON.stringify(this.ship(imo)) ?? "";
    const isOther = now !== (this.glimpses.get(imo) ?? "");
    if (isOther) this.glimpses.set(imo, now);
    return isOther;
  }

  /** @returns ships of which it changes what is known: how many are aboard, where its cargo is */
  private merge(container: string): string[] {
    const before = this.containers.get(container);
    const after = mergeContainer(
      container,
      this.view.containers.get(container) ?? new Map(),
      this.readable,
      this.toleranceC,
    );
    if (before?.vessel !== undefined && before.vessel !== after?.vessel) {
      this.aboard.get(before.vessel)?.delete(container);
    }
    if (after?.vessel !== undefined) getOrAdd(this.aboard, after.vessel, () => new Set<string>()).add(container);
    if (after) this.containers.set(container, after);
    else this.containers.delete(container);
    const [from, to] = [before?.vessel, after?.vessel];
    if (from === to) return to === undefined || this.readsShip(to) ? [] : [to];
    return [from, to].filter((imo) => imo !== undefined);
  }
}
