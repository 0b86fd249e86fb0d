import type { BookingValue } from "@landfall/proto/api";
import type { StreamName, TopicName } from "@landfall/streams/model/names";
import { topicOf, type AlertTrace, type AlertWord } from "./alerts.js";
import { isExcerpt } from "./excerpt.js";
import type { Booking, ContainerTrace, FleetView, ShipTrace, StatusWord } from "./fleet-view.js";
import { isSaidBy, type Latest, type RecordKey } from "./reading.js";

/** What one stream says about one container but for its alerts, which stand by themselves. */
export interface ContainerEntry extends Pick<ContainerTrace, "latest" | "moves"> {
  readonly kind: "container";
  readonly stream: StreamName;
  readonly container: string;
}

export interface ShipEntry extends ShipTrace {
  readonly kind: "ship";
  readonly stream: StreamName;
  readonly imo: string;
}

export interface AlertEntry extends AlertTrace {
  readonly kind: "alert";
}

export interface BookingEntry extends Pick<Booking, "stream" | "topic" | "origin" | "seq" | "version"> {
  readonly kind: "booking";
  readonly value: BookingValue;
}

export interface StatusEntry extends StatusWord {
  readonly kind: "status";
  readonly topic: TopicName;
}

/** All that a view knows of one thing out of one stream: JSON, and enough for `FleetView.merge` to know it too. */
export type ViewEntry = ContainerEntry | ShipEntry | AlertEntry | BookingEntry | StatusEntry;

/**
 * Everything that a view knows out of whole streams; excerpts are not in it. It may go on changing meanwhile: what was known
 * when this began is in it, and what came since may be.
 */
export function* entriesOf(view: FleetView): Generator<ViewEntry> {
  for (const [container, traces] of view.containers) {
    for (const [stream, { latest, moves }] of traces) {
      if (isExcerpt(stream) || (!latest && moves.length === 0)) continue;
      yield { kind: "container", stream, container, ...(latest && { latest }), moves };
    }
  }
  for (const [imo, traces] of view.ships) {
    for (const [stream, trace] of traces) if (!isExcerpt(stream)) yield { kind: "ship", stream, imo, ...trace };
  }
  for (const [stream, alerts] of view.alerts) {
    if (isExcerpt(stream)) continue;
    for (const alert of alerts.values()) yield { kind: "alert", ...alert };
  }
  for (const bookings of view.bookings.values()) {
    for (const { stream, topic, origin, seq, version, value } of bookings.values()) {
      yield { kind: "booking", stream, topic, origin, seq, version, value };
    }
  }
  for (const words of view.statuses.values()) {
    for (const [topic, word] of words) yield { kind: "status", topic: topic as TopicName, ...word };
  }
}

export interface Pruned {
  /** What is left of it; undefined when nothing is. */
  readonly entry?: ViewEntry;
  /** Topics of its stream of which older readings may count again: to be read from the store. */
  readonly torn: readonly TopicName[];
}

/** An entry without what records said that are gone. */
export function withoutGone(entry: ViewEntry, isGone: (record: RecordKey) => boolean): Pruned {
  const stays = (record: RecordKey): boolean => !isGone(record);
  const torn: TopicName[] = [];
  /** Of what only the newest record says: itself, unless that one is gone. */
  const unless = <T>(isTorn: boolean, said: T | undefined, topic: string): T | undefined => {
    if (isTorn) torn.push(topic as TopicName);
    return isTorn ? undefined : said;
  };
  const keptLatest = (latest: Latest | undefined, topic: string) =>
    unless(latest !== undefined && isSaidBy(latest, isGone), latest, topic);
  const keptWord = (word: AlertWord | undefined) =>
    unless(word !== undefined && isGone(word), word, word ? topicOf(word.value) : "");
  switch (entry.kind) {
    case "container": {
      const { latest: before, ...rest } = entry;
      const latest = keptLatest(before, entry.container);
      const moves = entry.moves.filter(stays);
      const isLeft = latest !== undefined || moves.length > 0;
      return { torn, ...(isLeft && { entry: { ...rest, moves, ...(latest && { latest }) } }) };
    }
    case "ship": {
      const { kind, stream, imo } = entry;
      const position = keptLatest(entry.position, `${imo}.position`);
      const environment = keptLatest(entry.environment, `${imo}.environment`);
      const moves = entry.moves.filter(stays);
      const isLeft = position !== undefined || environment !== undefined || moves.length > 0;
      const trace = { moves, ...(position && { position }), ...(environment && { environment }) };
      return { torn, ...(isLeft && { entry: { kind, stream, imo, ...trace } }) };
    }
    case "alert": {
      const { kind, stream, id } = entry;
      const [raised, cleared] = [keptWord(entry.raised), keptWord(entry.cleared)];
      const acknowledged = entry.acknowledged?.filter(stays) ?? [];
      const isLeft = raised !== undefined || cleared !== undefined || acknowledged.length > 0;
      const trace = { acknowledged, ...(raised && { raised }), ...(cleared && { cleared }) };
      return { torn, ...(isLeft && { entry: { kind, stream, id, ...trace } }) };
    }
    case "booking":
    case "status": {
      const left = unless(isGone(entry), entry, entry.topic);
      return { torn, ...(left && { entry: left }) };
    }
  }
}
