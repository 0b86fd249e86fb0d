import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { chartData, type Gap } from "../chart-data.js";
import { formatBoth, formatDuration, formatTime } from "../format/time.js";
import { nearestReading, type HistoryModel } from "../history-model.js";
import { describe, type Measure } from "../measures.js";
import { valueOf } from "../state/remote.js";
import type { OpenHistory } from "../selectors.js";
import { incidentWords, knownLine, missingTimes, missingWords } from "../words.js";
import { Chart } from "./chart.js";
import { Icon } from "./marks.js";
import { useSiteName } from "./missing-list.js";
import { useAppState, useFleetTick, useStore, useUi } from "./ui.js";

/** Replay speeds: how much of the history passes in a second. */
const HOUR_MS = 3_600_000;
const RATES: readonly (readonly [ms: number, name: string])[] = [
  [HOUR_MS, "1 h/s"],
  [6 * HOUR_MS, "6 h/s"],
  [24 * HOUR_MS, "1 d/s"],
  [72 * HOUR_MS, "3 d/s"],
];

/** The open history over time: replay, measurements, chart. */
export function Timeline(): JSX.Element {
  const { selectors } = useUi();
  const open = useAppState((state) => selectors.openHistory(state));
  const history = useAppState((state) => state.history);
  return (
    <section class="timeline" aria-label="Timeline">
      {open ? (
        <OpenTimeline open={open} />
      ) : (
        <p class="phase">
          {history.phase === "failed"
            ? "Without its history there is nothing to draw here."
            : history.phase === "ready"
              ? "No readings that you may see yet."
              : "Loading the history…"}
        </p>
      )}
    </section>
  );
}

function OpenTimeline({ open }: { open: OpenHistory }): JSX.Element {
  const { app } = useUi();
  const atMs = useAppState((state) => state.view.atMs);
  const window = useAppState((state) => state.view.window);
  const limit = useAppState((state) => state.view.limit);
  const { model, measures, measure } = open;
  // The chart reaches until now; an hour is as fine as it is drawn.
  const nowMs = useFleetTick((now) => Math.floor(now / HOUR_MS) * HOUR_MS);
  const data = useMemo(() => measure && chartData(model, measure, nowMs), [model, measure, nowMs]);
  return (
    <>
      <div class="timeline-head">
        <Replay model={model} atMs={atMs} />
        <div class="chips" role="group" aria-label="Measurement in the chart">
          {measures.map(({ id, label }) => (
            <button
              key={id}
              type="button"
              class="chip"
              aria-pressed={id === measure?.id}
              onClick={() => app.store.dispatch({ type: "view/measure", measure: id })}
            >
              {label}
            </button>
          ))}
        </div>
        <Readout model={model} measure={measure} atMs={atMs} gaps={data?.gaps ?? []} />
      </div>
      {measure && data ? (
        <Chart
          data={data}
          measure={measure}
          atMs={atMs}
          window={window}
          limit={limit && (measure.convert?.(limit.value) ?? limit.value)}
          incidents={model.incidents}
        />
      ) : (
        <p class="phase">There are events, but no measurements that you may see.</p>
      )}
    </>
  );
}

function Replay({ model, atMs }: { model: HistoryModel; atMs: number | undefined }): JSX.Element {
  const { app } = useUi();
  const [playing, setPlaying] = useState(false);
  const [rate, setRate] = useState(6 * HOUR_MS);
  const follow = useAppState((state) => state.view.follow === true);
  const { fromMs, toMs, readings } = model;

  useEffect(() => {
    if (!playing) return;
    let last = performance.now();
    let request = requestAnimationFrame(function step(now) {
      const before = app.store.getState().view.atMs ?? fromMs;
      const next = before + ((now - last) / 1000) * rate;
      last = now;
      if (next >= toMs) {
        setPlaying(false);
        app.store.dispatch({ type: "view/at" });
        return;
      }
      app.store.dispatch({ type: "view/at", atMs: Math.round(next) });
      request = requestAnimationFrame(step);
    });
    return () => cancelAnimationFrame(request);
  }, [playing, rate, app, fromMs, toMs]);

  const seek = (ms: number): void => {
    setPlaying(false);
    app.store.dispatch(ms >= toMs ? { type: "view/at" } : { type: "view/at", atMs: ms });
  };
  const here = atMs ?? toMs;
  const before = readings.findLast(({ ms }) => ms < here);
  const after = readings.find(({ ms }) => ms > here);
  return (
    <div class="replay">
      <StepButton name="back" label="One reading back" to={before?.ms} onStep={seek} />
      <button
        type="button"
        class="play"
        aria-label={playing ? "Pause the replay" : "Replay the history"}
        onClick={() => setPlaying(!playing)}
      >
        <Icon name={playing ? "pause" : "play"} />
      </button>
      <StepButton name="next" label="One reading on" to={atMs === undefined ? undefined : after?.ms} onStep={seek} />
      <div class="moment">
        <MissingStrip model={model} />
        <input
          type="range"
          aria-label="Moment"
          aria-valuetext={atMs === undefined ? "live" : formatBoth(atMs)}
          min={fromMs}
          max={toMs}
          step={60_000}
          value={atMs ?? toMs}
          onInput={(event) => seek(Number(event.currentTarget.value))}
        />
      </div>
      <label class="rate">
        <span class="hidden">Replay speed</span>
        <select value={String(rate)} onChange={(event) => setRate(Number(event.currentTarget.value))}>
          {RATES.map(([ms, name]) => (
            <option key={ms} value={String(ms)}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="chip"
        aria-pressed={follow}
        title="The map keeps the replayed moment in view"
        onClick={() => app.store.dispatch({ type: "view/follow", follow: !follow })}
      >
        Follow
      </button>
    </div>
  );
}

function StepButton(props: {
  name: "back" | "next";
  label: string;
  to: number | undefined;
  onStep: (ms: number) => void;
}): JSX.Element {
  const { to } = props;
  return (
    <button
      type="button"
      class="step"
      aria-label={props.label}
      title={props.label}
      disabled={to === undefined}
      onClick={() => to !== undefined && props.onStep(to)}
    >
      <Icon name={props.name} />
    </button>
  );
}

/** What is missing, hatched along the slider. */
function MissingStrip({ model: { missing, fromMs, toMs } }: { model: HistoryModel }): JSX.Element | null {
  const share = (ms: number): number => Math.min(1, Math.max(0, (ms - fromMs) / Math.max(1, toMs - fromMs)));
  const stretches = missing
    .map((one) => ({ from: share(one.fromMs ?? fromMs), to: share(one.toMs ?? toMs) }))
    .filter(({ from, to }) => to > from);
  if (stretches.length === 0) return null;
  return (
    <div class="missing-strip" aria-hidden="true">
      {stretches.map(({ from, to }) => (
        <span key={`${from} ${to}`} style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%` }} />
      ))}
    </div>
  );
}

/** The reading under the pointer, or of the replay, in words. */
function Readout(props: {
  model: HistoryModel;
  measure: Measure | undefined;
  atMs: number | undefined;
  gaps: readonly Gap[];
}): JSX.Element {
  const { cursor } = useUi();
  const pointed = useStore(cursor, ({ ms }) => ms);
  const { model, measure } = props;
  const ms = pointed ?? props.atMs;
  // A ship's positions and its weather come apart: the nearest reading that says anything about the measure.
  const measured = useMemo(
    () => model.readings.filter(({ point }) => measure?.series.some(({ key }) => point[key] !== undefined)),
    [model, measure],
  );
  if (ms === undefined) {
    return (
      <p class="readout soft">
        {formatTime(model.fromMs)} – {formatTime(model.toMs)} UTC, {formatDuration(model.toMs - model.fromMs)}
      </p>
    );
  }
  const here = props.gaps.filter(({ fromMs, toMs }) => ms > fromMs && ms < toMs);
  const gap = here.find(({ missing }) => missing) ?? here[0];
  if (gap) return <GapReadout gap={gap} />;
  const reading = nearestReading(measured, ms);
  if (!reading || !measure) return <p class="readout soft">{formatBoth(ms)}</p>;
  const known = knownLine(reading);
  const happening = model.incidents.filter(({ fromMs, toMs }) => fromMs <= reading.ms && reading.ms <= toMs);
  return (
    <p class="readout" title={known}>
      <strong>{[describe(reading.point, measure), ...happening.map(incidentWords)].join(" · ")}</strong> measured{" "}
      {formatBoth(reading.ms)}, {known}
    </p>
  );
}

/** Why there is nothing: as far as it can be known here. */
function GapReadout({ gap }: { gap: Gap }): JSX.Element {
  const ship = useAppState((state) => {
    const vessel = valueOf(state.detail)?.vessel;
    return vessel === undefined ? undefined : (valueOf(state.ships)?.[vessel]?.name ?? `IMO ${vessel}`);
  });
  const nameOf = useSiteName();
  if (gap.missing) {
    const words = missingWords(gap.missing, nameOf);
    return (
      <p class="readout" title={words}>
        <strong>Missing {missingTimes(gap.missing)}:</strong> {words}
      </p>
    );
  }
  if (!gap.pending) {
    return (
      <p class="readout">
        <strong>No readings</strong> from {formatTime(gap.fromMs)} to {formatTime(gap.toMs)} UTC: none were taken, or
        they are still on their way.
      </p>
    );
  }
  return (
    <p class="readout">
      <strong>Nothing since {formatBoth(gap.fromMs)}.</strong>{" "}
      {ship === undefined
        ? "No newer reading has come in."
        : `Newer readings are still aboard ${ship}; they come ashore with its next port.`}
    </p>
  );
}
