import type { BookingValue } from "@landfall/proto/api";
import type { StreamName, TopicName } from "@landfall/streams/model/names";
import type { StoredRecord } from "@landfall/streams/model/record";
import { ALERTS_PER_STREAM_MAX, BOOKINGS_PER_CONTAINER_MAX, CONTAINER_EVENTS_MAX, SHIP_EVENTS_MAX } from "../limits.js";
import {
  alertTime,
  isNewer,
  isOpen,
  newestWord,
  STATUS_OF_ALERT,
  withAcknowledgement,
  withWord,
  type Acknowledged,
  type AlertTrace,
  type AlertWord,
} from "./alerts.js";
import { ChangeLog } from "./change-log.js";
import { decode, type Fact } from "./decode.js";
import { baseOf, excerptId, isPartOf, type Excerpt } from "./excerpt.js";
import { kindOfStream } from "./kinds.js";
import { withMove, withMoves, type ContainerMove, type ShipMove } from "./moves.js";
import { combine, latestOf, type Latest, type Reading, type RecordKey } from "./reading.js";
import type { ContainerEntry, ViewEntry } from "./view-entries.js";

/** What one stream says about one container. */
export interface ContainerTrace {
  readonly latest?: Latest;
  readonly moves: readonly ContainerMove[];
  /** Alerts that bear on its status. */
  readonly alerts: readonly AlertTrace[];
}

/** What one stream says about one ship. */
export interface ShipTrace {
  readonly position?: Latest;
  readonly environment?: Latest;
  readonly moves: readonly ShipMove[];
}

export interface Booking extends RecordKey {
  readonly stream: StreamName;
  readonly topic: TopicName;
  readonly value: BookingValue;
  readonly from: number;
  readonly to: number;
  /** Offset of its settings record. */
  readonly version: number;
}

/** A node's own word about itself, out of an owner's metrics. */
export interface StatusWord extends RecordKey {
  readonly stream: StreamName;
  readonly value: Readonly<Record<string, unknown>>;
  readonly offset: number;
  readonly arrived: number;
}

const NO_CONTAINER: ContainerTrace = { moves: [], alerts: [] };
const NO_SHIP: ShipTrace = { moves: [] };

/** Which record of which topic it is. */
interface RecordPlace extends RecordKey {
  readonly stream: StreamName;
  readonly topic: TopicName;
  readonly offset: number;
}

/**
 * The latest state of the fleet, kept apart for every stream, because everybody sees the merge of exactly the
 * streams they may read. The same records in any order give the same view. Histories are not kept: they are read
 * from the store when somebody asks.
 */
export class FleetView {
  readonly changes = new ChangeLog();
  /** Streams of the fleet, each with the seq of `changes` before its first record. */
  readonly streams = new Map<StreamName, number>();
  /** Parts of streams that are kept beside them, for who may see these parts alone; of each stream, by name. */
  private readonly excerpts = new Map<StreamName, Map<StreamName, Excerpt & { readonly start: number }>>();
  readonly containers = new Map<string, Map<StreamName, ContainerTrace>>();
  readonly ships = new Map<string, Map<StreamName, ShipTrace>>();
  /** Containers that were ever loaded on a ship, as far as the streams here say. */
  readonly loadedOn = new Map<string, Set<string>>();
  readonly alerts = new Map<StreamName, Map<string, AlertTrace>>();
  readonly bookings = new Map<string, Map<string, Booking>>();
  /** By stream and `<site>.<node>`. */
  readonly statuses = new Map<StreamName, Map<string, StatusWord>>();
  /** Records that a fleet view can make nothing of. */
  skipped = 0;

  /** Counts a stream among the fleet's, whatever its records say. */
  begin(stream: StreamName): void {
    if (!this.streams.has(stream)) this.streams.set(stream, this.changes.last);
  }

  apply(record: StoredRecord): void {
    const kind = kindOfStream(record.stream);
    this.begin(record.stream);
    const fact = decode(record, kind, this.isKnown);
    if (fact) this.take(record, fact);
    else if (kind !== "other" && kind !== "settings") this.skipped++;
    const excerpts = this.excerpts.get(record.stream);
    if (!fact || !excerpts) return;
    for (const [id, excerpt] of excerpts) if (isPartOf(excerpt, record)) this.take({ ...record, stream: id }, fact);
  }

  /**
   * Takes in what a view has known (`entriesOf`), as if the records that said it came now; those of excerpts that are open are to be
   * given to `applyTo`.
   */
  merge(entry: ViewEntry): void {
    const { stream } = entry;
    this.begin(stream);
    switch (entry.kind) {
      case "container":
        return this.takeTrace(stream, entry);
      case "ship":
        return this.takeShip(stream, entry.imo, (trace) => {
          const position = latestOf([trace.position, entry.position]);
          const environment = latestOf([trace.environment, entry.environment]);
          const moves = withMoves(trace.moves, entry.moves, SHIP_EVENTS_MAX);
          return { ...(position && { position }), ...(environment && { environment }), moves };
        });
      case "alert":
        for (const word of [entry.raised, entry.cleared]) if (word) this.takeAlert(stream, word);
        for (const said of entry.acknowledged ?? []) this.takeAcknowledgement(stream, said);
        return;
      case "booking":
        return this.takeBooking({ ...entry, offset: entry.version }, entry.value);
      case "status":
        return this.takeStatus(entry, entry.value);
    }
  }

  /** Keeps a part of a stream from now on; what is in the store already is to be given to `applyTo`. */
  open(excerpt: Excerpt): void {
    const excerpts = getOrAdd(this.excerpts, excerpt.stream, () => new Map());
    excerpts.set(excerptId(excerpt.stream, excerpt), { ...excerpt, start: this.changes.last });
  }

  /** Takes a record into an excerpt that is open, whether or not it came with the others already. */
  applyTo(excerpt: Excerpt, record: StoredRecord): void {
    const id = excerptId(excerpt.stream, excerpt);
    if (!this.excerpts.get(excerpt.stream)?.has(id) || !isPartOf(excerpt, record)) return;
    const fact = decode(record, kindOfStream(record.stream), this.isKnown);
    if (fact) this.take({ ...record, stream: id }, fact);
  }

  /** Forgets what an excerpt has shown. */
  shut(excerpt: Excerpt): void {
    const id = excerptId(excerpt.stream, excerpt);
    if (this.excerpts.get(excerpt.stream)?.delete(id) !== true) return;
    if (this.excerpts.get(excerpt.stream)?.size === 0) this.excerpts.delete(excerpt.stream);
    this.alerts.delete(id);
    for (const [container, traces] of this.containers)
      if (traces.delete(id)) this.changes.touch("container", container, id);
    for (const [imo, traces] of this.ships) if (traces.delete(id)) this.changes.touch("ship", imo, id);
  }

  /** Seq of `changes` before a stream's, or an excerpt's, first record; undefined for what is not kept. */
  startOf(name: StreamName): number | undefined {
    return this.streams.get(name) ?? this.excerpts.get(baseOf(name))?.get(name)?.start;
  }

  private readonly isKnown = (container: string): boolean => this.containers.has(container);

  private take(record: StoredRecord, fact: Fact): void {
    const { stream } = record;
    switch (fact.kind) {
      case "reading":
        return this.takeReading(stream, fact.container, fact.reading);
      case "container-move":
        return this.takeContainerMove(stream, fact.container, fact.move);
      case "position":
      case "environment":
        return this.takeShip(stream, fact.imo, (trace) => ({
          ...trace,
          [fact.kind]: trace[fact.kind] ? combine(trace[fact.kind] as Latest, fact.reading) : fact.reading,
        }));
      case "ship-move":
        return this.takeShip(stream, fact.imo, (trace) => ({
          ...trace,
          moves: withMove(trace.moves, fact.move, SHIP_EVENTS_MAX),
        }));
      case "alert":
        return this.takeAlert(stream, fact.word);
      case "acknowledgement":
        return this.takeAcknowledgement(stream, fact.said);
      case "booking":
        return this.takeBooking(record, fact.booking);
      case "status":
        return this.takeStatus(record, fact.value);
    }
  }

  private takeReading(stream: StreamName, container: string, reading: Reading): void {
    this.changeContainer(stream, container, (trace) => ({
      ...trace,
      latest: trace.latest ? combine(trace.latest, reading) : reading,
    }));
  }

  private takeContainerMove(stream: StreamName, container: string, move: ContainerMove): void {
    this.changeContainer(stream, container, (trace) => ({
      ...trace,
      moves: withMove(trace.moves, move, CONTAINER_EVENTS_MAX),
    }));
    this.noteLoading(container, move);
    this.touchShipsOf(container, stream);
  }

  private takeTrace(stream: StreamName, { container, latest, moves }: ContainerEntry): void {
    this.changeContainer(stream, container, (trace) => {
      const newest = latestOf([trace.latest, latest]);
      return {
        ...trace,
        ...(newest && { latest: newest }),
        moves: withMoves(trace.moves, moves, CONTAINER_EVENTS_MAX),
      };
    });
    for (const move of moves) this.noteLoading(container, move);
    if (moves.length > 0) this.touchShipsOf(container, stream);
  }

  private noteLoading(container: string, { type, vessel }: ContainerMove): void {
    if (type !== "LOAD" || vessel === undefined) return;
    getOrAdd(this.loadedOn, vessel, () => new Set<string>()).add(container);
  }

  /** Its ships may have one more or one fewer aboard now, for somebody. */
  private touchShipsOf(container: string, stream: StreamName): void {
    for (const [imo, containers] of this.loadedOn) {
      if (containers.has(container)) this.changes.touch("ship", imo, stream);
    }
  }

  private takeAcknowledgement(stream: StreamName, said: Acknowledged): void {
    const alerts = getOrAdd(this.alerts, stream, () => new Map<string, AlertTrace>());
    const trace = withAcknowledgement(alerts.get(said.value.id), stream, said);
    alerts.set(trace.id, trace);
    this.changes.touch("alert", trace.id, stream);
    if (alerts.size > ALERTS_PER_STREAM_MAX) dropOldest(alerts);
  }

  private takeAlert(stream: StreamName, word: AlertWord): void {
    const alerts = getOrAdd(this.alerts, stream, () => new Map<string, AlertTrace>());
    const trace = withWord(alerts.get(word.value.id), stream, word);
    alerts.set(trace.id, trace);
    this.changes.touch("alert", trace.id, stream);
    if (alerts.size > ALERTS_PER_STREAM_MAX) dropOldest(alerts);
    const { container, type } = word.value;
    if (container === undefined || STATUS_OF_ALERT[type] === undefined) return;
    this.changeContainer(stream, container, (known) => ({ ...known, alerts: bearing(known.alerts, trace) }));
    if (type === "LOST") this.touchShipsOf(container, stream);
  }

  private takeBooking(record: RecordPlace, value: BookingValue): void {
    const bookings = getOrAdd(this.bookings, value.container, () => new Map<string, Booking>());
    const id = `${record.stream} ${record.topic}`;
    // A booking is rewritten under its own topic: there the larger offset is the newer word.
    if ((bookings.get(id)?.version ?? -1) >= record.offset) return;
    const to = value.to === undefined ? Number.POSITIVE_INFINITY : Date.parse(value.to);
    bookings.set(id, {
      stream: record.stream,
      topic: record.topic,
      origin: record.origin,
      seq: record.seq,
      value,
      from: Date.parse(value.from),
      to,
      version: record.offset,
    });
    if (bookings.size > BOOKINGS_PER_CONTAINER_MAX) {
      const oldest = [...bookings].reduce((a, b) => (b[1].from < a[1].from ? b : a));
      bookings.delete(oldest[0]);
    }
    this.touchShipsOf(value.container, record.stream);
  }

  private takeStatus(
    record: RecordPlace & { readonly arrived: number },
    value: Readonly<Record<string, unknown>>,
  ): void {
    const words = getOrAdd(this.statuses, record.stream, () => new Map<string, StatusWord>());
    if ((words.get(record.topic)?.offset ?? -1) >= record.offset) return;
    const { stream, offset, origin, seq, arrived } = record;
    words.set(record.topic, { stream, value, offset, origin, seq, arrived });
  }

  private changeContainer(
    stream: StreamName,
    container: string,
    change: (trace: ContainerTrace) => ContainerTrace,
  ): void {
    const traces = getOrAdd(this.containers, container, () => new Map<StreamName, ContainerTrace>());
    traces.set(stream, change(traces.get(stream) ?? NO_CONTAINER));
    this.changes.touch("container", container, stream);
  }

  private takeShip(stream: StreamName, imo: string, change: (trace: ShipTrace) => ShipTrace): void {
    const traces = getOrAdd(this.ships, imo, () => new Map<StreamName, ShipTrace>());
    traces.set(stream, change(traces.get(stream) ?? NO_SHIP));
    this.changes.touch("ship", imo, stream);
  }
}

/** Alerts that bear on a container's status, with one that is as it stands now: the open ones, and that of the newest word. */
function bearing(known: readonly AlertTrace[], trace: AlertTrace): AlertTrace[] {
  // What people said bears on nothing.
  const { acknowledged: _acknowledged, ...words } = trace;
  const all: AlertTrace[] = [...known.filter(({ id }) => id !== trace.id), words];
  const newest = all.reduce((a, b) => (isNewer(newestWord(b), newestWord(a)) ? b : a));
  return all.filter((alert) => alert === newest || isOpen(alert)).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Makes room for a tenth: closed ones first, the oldest of them first. */
function dropOldest(alerts: Map<string, AlertTrace>): void {
  const order = [...alerts.values()].sort(
    (a, b) => Number(isOpen(a)) - Number(isOpen(b)) || alertTime(a) - alertTime(b),
  );
  for (const { id } of order.slice(0, Math.ceil(ALERTS_PER_STREAM_MAX / 10))) alerts.delete(id);
}

export function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
