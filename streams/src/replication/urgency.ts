import { matchesPattern } from "../access/pattern.js";
import type { StreamName } from "../model/names.js";

/** R7: alerts, then what steers, then latest positions and states, then the rest. */
export const URGENT_FIRST: readonly string[] = ["*.alerts", "*.settings", "*.ships", "*.latest"];

/** Place of a stream in the order in which a link serves them: smaller goes first. Between streams only; within one, order is seq. */
export function urgencyIn(patterns: readonly string[]): (stream: StreamName) => number {
  return (stream) => {
    const place = patterns.findIndex((pattern) => matchesPattern(pattern, stream));
    return place < 0 ? patterns.length : place;
  };
}
