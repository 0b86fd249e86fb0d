import type { ContainerEvent, Excursion, HistoryGap, HistoryPoint } from "@landfall/proto/api";
import type { NumberField } from "../view/measurements.js";
import { splitAtGaps } from "./split-at-gaps.js";

/** Which values are out: those above, or those below. */
export interface Limit {
  readonly field: NumberField;
  readonly side: "above" | "below";
  readonly value: number;
}

type Measured = HistoryPoint & { readonly value: number };

/**
 * Every time that a measurement went beyond a limit and came back, in order. Made of all readings, not of those that a chart
 * shows. Between two readings nothing is known, so one begins with the first reading that is out and ends with the last;
 * what a gap parts are two. `points` and `events` in order of time.
 */
export function excursionsOf(
  points: readonly HistoryPoint[],
  gaps: readonly HistoryGap[],
  events: readonly ContainerEvent[],
  { field, side, value: limit }: Limit,
): Excursion[] {
  const measured = points.flatMap((point): Measured[] => {
    const value = point[field];
    return value === undefined ? [] : [{ ...point, value }];
  });
  const isOut = ({ value }: Measured): boolean => (side === "above" ? value > limit : value < limit);
  const isFurther = (a: Measured, b: Measured): boolean => (side === "above" ? a.value > b.value : a.value < b.value);
  const found: Excursion[] = [];
  for (const stretch of splitAtGaps(measured, gaps)) {
    let run: Measured[] = [];
    for (const point of stretch) {
      if (isOut(point)) run.push(point);
      else if (run.length > 0) {
        found.push(excursion(run, isFurther, events));
        run = [];
      }
    }
    if (run.length > 0) found.push(excursion(run, isFurther, events));
  }
  return found;
}

function excursion(
  run: readonly Measured[],
  isFurther: (a: Measured, b: Measured) => boolean,
  events: readonly ContainerEvent[],
): Excursion {
  const furthest = run.reduce((a, b) => (isFurther(b, a) ? b : a));
  const { latitude, longitude } = furthest;
  return {
    from: run[0]?.time ?? furthest.time,
    to: run.at(-1)?.time ?? furthest.time,
    readings: run.length,
    value: furthest.value,
    time: furthest.time,
    knownSince: furthest.knownSince,
    ...(latitude !== undefined && longitude !== undefined && { latitude, longitude }),
    ...whereAt(events, furthest.time),
    ...(run.every(({ defrosting }) => defrosting === true) && { defrosting: true }),
  };
}

/** Aboard which ship or in which terminal its moves had left it at that time. Text of RFC 3339 in UTC sorts as time. */
function whereAt(events: readonly ContainerEvent[], time: string): { vessel?: string; location?: string } {
  const last = events.findLast((event) => event.time <= time);
  if (last?.type === "LOAD") return last.vessel === undefined ? {} : { vessel: last.vessel };
  if (last === undefined || last.type === "GTOT" || last.location === undefined) return {};
  return { location: last.location };
}
