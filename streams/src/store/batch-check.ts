import { OFFSET_MAX } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import type { OriginId, TopicName } from "../model/names.js";
import type { OriginRecord } from "../model/record.js";
import { rangesWithout } from "./origin-log.js";
import type { OriginLog } from "./origin-log.js";
import type { Batch } from "./store.js";

/** Whether a record that is not sealed, durable or not, has this offset in this topic of this origin. */
export type HoldsUnsealed = (log: OriginLog, topic: TopicName, offset: number) => boolean;

/** What of an origin is here or on its way. */
export type Planned = Pick<OriginLog, "planned" | "highest" | "hasAtHighest" | "fillable" | "missing">;

/**
 * The seq ranges of the batch that are neither here nor on their way to the disk: usually its end; parts of it where
 * it heals a hole that damage left, or fills a gap.
 * @param own of which nothing is taken that this node has not numbered itself; undefined where another log says what it has
 * @throws LandfallError SEQ_GAP, CLOCK_REFUSED, PROTOCOL_ERROR
 */
export function lackingOf(
  holds: (topic: TopicName, offset: number) => boolean,
  log: Planned,
  batch: Batch,
  own: OriginId | undefined,
): [number, number][] {
  const { stream, origin, firstSeq, records } = batch;
  const end = firstSeq + records.length;
  if (firstSeq > log.planned) {
    throw new LandfallError(
      "SEQ_GAP",
      `${stream}: records of ${origin} begin at seq ${firstSeq}, but ${log.planned} is the next one lacking here`,
    );
  }
  const lacking = [...log.fillable(firstSeq, Math.min(end, log.planned)), ...log.missing(log.planned, end)];
  if (lacking.length === 0) return [];
  // Of its own, a node takes only what damage has cost it: numbers that it has given.
  if (origin === own && lacking.some(([, to]) => to > log.planned)) {
    throw new LandfallError(
      "PROTOCOL_ERROR",
      `${stream}: a peer holds records of ${origin} up to seq ${end}, but this node, which is that origin, wrote only ${log.planned}: was its folder restored?`,
    );
  }
  checkOffsets(holds, log, batch, lacking);
  return lacking;
}

/** O1: an offset is given once; and one that no clock may give would block its topic for ever. */
function checkOffsets(
  holds: (topic: TopicName, offset: number) => boolean,
  log: Planned,
  batch: Batch,
  ranges: readonly [number, number][],
): void {
  const { stream, origin, firstSeq, records } = batch;
  const seen = new Map<TopicName, number>();
  for (const [from, to] of ranges) {
    for (let seq = from; seq < to; seq++) {
      const { topic, offset } = records[seq - firstSeq] as OriginRecord;
      if (offset > OFFSET_MAX) {
        throw new LandfallError(
          "CLOCK_REFUSED",
          `${stream}:${topic}: offset ${offset} at seq ${seq} of ${origin} lies beyond the year 2200; refused`,
        );
      }
      const isTaken = offset <= log.highest && (log.hasAtHighest(topic, offset) ?? holds(topic, offset));
      if (isTaken || offset <= (seen.get(topic) ?? -1)) {
        throw new LandfallError(
          "PROTOCOL_ERROR",
          `${stream}:${topic}: offset ${offset} at seq ${seq} of ${origin} was given before; refused`,
        );
      }
      seen.set(topic, offset);
    }
  }
}

/** The log as it will be when these ranges, which are on their way by another road, have come. */
export function withUnderWay(log: OriginLog, underWay: readonly (readonly [number, number])[]): Planned {
  const without = (ranges: [number, number][]): [number, number][] =>
    underWay.reduce((left, [from, to]) => rangesWithout(left, from, to), ranges);
  let planned = log.planned;
  for (let before = -1; before !== planned;) {
    before = planned;
    for (const [from, to] of underWay) if (from <= planned && planned < to) planned = to;
    planned = log.contiguousEnd(planned);
  }
  return {
    planned,
    highest: log.highest,
    hasAtHighest: (topic, offset) => log.hasAtHighest(topic, offset),
    fillable: (from, to) => without(log.fillable(from, to)),
    missing: (from, to) => without(log.missing(from, to)),
  };
}
