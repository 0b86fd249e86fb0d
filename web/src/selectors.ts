import type { Units } from "./format/units.js";
import { modelHistory, withCloser, type HistoryModel } from "./history-model.js";
import { measuresIn, shownIn, type Measure } from "./measures.js";
import { valueOf } from "./state/remote.js";
import type { State } from "./state.js";
import type { TimeWindow, View } from "./url-state.js";

/** The history on screen, worked out once and shared by map, chart and table. */
export interface OpenHistory {
  readonly model: HistoryModel;
  readonly measures: readonly Measure[];
  readonly measure: Measure | undefined;
  /** Smallest and largest value of the measure's first line. */
  readonly range: readonly [number, number] | undefined;
}

export interface Selectors {
  openHistory(state: State): OpenHistory | undefined;
}

/** Remembers the last answer of each; a new history or measure makes a new one. */
export function createSelectors(): Selectors {
  let history: unknown;
  let closer: unknown;
  let units: unknown;
  let window: unknown;
  let wanted: string | undefined;
  let last: OpenHistory | undefined;
  return {
    openHistory(state) {
      const now = valueOf(state.history);
      const part = now && valueOf(state.closer);
      if (
        now !== history ||
        part !== closer ||
        state.view.measure !== wanted ||
        state.units !== units ||
        state.view.window !== window
      ) {
        const isSame = now === history && part === closer;
        const model = isSame ? last?.model : now && modelHistory(part ? withCloser(now, part) : now);
        history = now;
        closer = part;
        units = state.units;
        window = state.view.window;
        wanted = state.view.measure;
        last = model && open(model, state.view, state.units);
      }
      return last;
    },
  };
}

function open(model: HistoryModel, { measure: wanted, window }: View, units: Units): OpenHistory {
  const measures = measuresIn(model.readings, units);
  const measure = measures.find(({ id }) => id === wanted) ?? measures[0];
  return { model, measures, measure, range: measure && rangeOf(model, measure, window) };
}

/** Of what the chart shows: a look at one day is not coloured by what was years ago. */
function rangeOf(
  { readings }: HistoryModel,
  measure: Measure,
  window: TimeWindow | undefined,
): readonly [number, number] | undefined {
  const key = measure.series[0]?.key;
  if (key === undefined) return undefined;
  let low = Infinity;
  let high = -Infinity;
  for (const { point, ms } of readings) {
    if (window && (ms < window.fromMs || ms > window.toMs)) continue;
    const value = shownIn(point, key, measure);
    if (value === undefined) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : undefined;
}
