import type { AcknowledgementValue, AlertValue, ApiAlert, ContainerStatus } from "@landfall/proto/api";
import {
  ownerOfStream,
  siteOfOrigin,
  type OriginId,
  type StreamName,
  type TopicName,
} from "@landfall/streams/model/names";
import { ACKNOWLEDGEMENTS_PER_ALERT_MAX } from "../limits.js";
import { iso } from "./moves.js";
import { compareKeys, type EventKey } from "./reading.js";

/** One record of an alert: its opening or its closing. */
export interface AlertWord extends EventKey {
  readonly value: AlertValue;
  readonly arrived: number;
}

/** One record of what a person said on it. */
export interface Acknowledged extends EventKey {
  readonly value: AcknowledgementValue;
  readonly arrived: number;
}

/** What is known of one alert: the newest opening and the newest closing, and what people said, in whatever order they came. */
export interface AlertTrace {
  readonly id: string;
  readonly stream: StreamName;
  readonly raised?: AlertWord;
  readonly cleared?: AlertWord;
  /** In the order in which it was said. */
  readonly acknowledged?: readonly Acknowledged[];
}

export function withWord(trace: AlertTrace | undefined, stream: StreamName, word: AlertWord): AlertTrace {
  const known = trace ?? { id: word.value.id, stream };
  const state = word.value.state;
  const before = known[state];
  return before && compareKeys(before, word) >= 0 ? known : { ...known, [state]: word };
}

export function withAcknowledgement(trace: AlertTrace | undefined, stream: StreamName, said: Acknowledged): AlertTrace {
  const known = trace ?? { id: said.value.id, stream };
  const before = known.acknowledged ?? [];
  if (before.some((other) => compareKeys(other, said) === 0)) return known;
  const acknowledged = [...before, said].sort(compareKeys).slice(-ACKNOWLEDGEMENTS_PER_ALERT_MAX);
  return { ...known, acknowledged };
}

export function isOpen(trace: AlertTrace): boolean {
  return trace.raised !== undefined && (!trace.cleared || trace.cleared.time < trace.raised.time);
}

/** Its opening or its closing, whichever was later; undefined where only people's words are here. */
export function newestWord({ raised, cleared }: AlertTrace): AlertWord | undefined {
  if (!raised || !cleared) return raised ?? cleared;
  return compareKeys(raised, cleared) > 0 ? raised : cleared;
}

export function isNewer(word: AlertWord | undefined, than: AlertWord | undefined): word is AlertWord {
  return word !== undefined && (than === undefined || compareKeys(word, than) > 0);
}

/** Topic of an alert's records in its stream. */
export function topicOf({ id, container, vessel }: Pick<AlertValue, "id" | "container" | "vessel">): TopicName {
  return (container ?? vessel ?? id) as TopicName;
}

/** When it was raised, or closed where the opening is not here (yet). */
export function alertTime(trace: AlertTrace): number {
  return (trace.raised ?? trace.cleared)?.time ?? 0;
}

export function toApiAlert(trace: AlertTrace): ApiAlert | undefined {
  const word = trace.raised ?? trace.cleared;
  if (!word) return undefined;
  const open = isOpen(trace);
  return {
    ...word.value,
    state: open ? "raised" : "cleared",
    owner: ownerOfStream(trace.stream),
    knownSince: iso(word.arrived),
    ...(!open && trace.cleared && { clearedAt: iso(trace.cleared.time) }),
    ...(trace.acknowledged && {
      acknowledgements: trace.acknowledged.map(({ value, time, arrived, origin }) => ({
        by: value.by,
        site: siteOfOrigin(origin as OriginId),
        time: iso(time),
        message: value.message,
        knownSince: iso(arrived),
      })),
    }),
  };
}

/** What an open alert says about its container; a shock is over when it is told. */
export const STATUS_OF_ALERT: Readonly<Record<AlertValue["type"], ContainerStatus | undefined>> = {
  LOST: "lost",
  SILENT: "unknown",
  OUT_OF_RANGE: "out-of-range",
  NO_POWER: "no-power",
  DOOR_OPEN: "door-open",
  SHOCK: undefined,
};
