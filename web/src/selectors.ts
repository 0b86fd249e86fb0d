import { modelHistory, type HistoryModel } from "./history-model.js";
import { measuresIn, valueIn, type Measure } from "./measures.js";
import { valueOf } from "./state/remote.js";
import type { State } from "./state.js";

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
  let wanted: string | undefined;
  let last: OpenHistory | undefined;
  return {
    openHistory(state) {
      const now = valueOf(state.history);
      if (now !== history || state.view.measure !== wanted) {
        const model = now === history ? last?.model : now && modelHistory(now);
        history = now;
        wanted = state.view.measure;
        last = model && open(model, wanted);
      }
      return last;
    },
  };
}

function open(model: HistoryModel, wanted: string | undefined): OpenHistory {
  const measures = measuresIn(model.readings);
  const measure = measures.find(({ id }) => id === wanted) ?? measures[0];
  return { model, measures, measure, range: measure && rangeOf(model, measure) };
}

function rangeOf({ readings }: HistoryModel, measure: Measure): readonly [number, number] | undefined {
  const key = measure.series[0]?.key;
  if (key === undefined) return undefined;
  let low = Infinity;
  let high = -Infinity;
  for (const { point } of readings) {
    const value = valueIn(point, key);
    if (value === undefined) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : undefined;
}
