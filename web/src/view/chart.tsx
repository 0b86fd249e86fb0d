import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { ChartData, Gap } from "../chart-data.js";
import type { Incident } from "../incidents.js";
import type { TimeWindow } from "../url-state.js";
import { formatNumber } from "../format/quantities.js";
import type { Measure } from "../measures.js";
import { GAP_WORDS } from "../words.js";
import { drawIncidents, limitLine } from "./chart-marks.js";
import { chartTheme, timeLabels, type ChartTheme } from "./chart-theme.js";
import { useMedia, useUi } from "./ui.js";

interface Props {
  readonly data: ChartData;
  readonly measure: Measure;
  readonly atMs: number | undefined;
  /** The part that is shown; absent: all of it. */
  readonly window: TimeWindow | undefined;
  /** A line across it, in the measure's unit. */
  readonly limit: number | undefined;
  readonly incidents: readonly Incident[];
}

/**
 * The measurements over time. Pointer and map move together; a click replays that moment, a drag looks closer, a double click
 * shows all of it again.
 */
export function Chart({ data, measure, atMs, window, limit, incidents }: Props): JSX.Element {
  const { app, cursor } = useUi();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const dark = useMedia("(prefers-color-scheme: dark)");
  const live = useRef({ data, atMs, window, limit, incidents });
  live.current = { data, atMs, window, limit, incidents };

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const theme = chartTheme(element);
    let fromMap = false;
    const u = new uPlot(
      {
        ...frame(theme, measure, element),
        hooks: {
          drawAxes: [
            (self) => hatch(self, theme, live.current.data.gaps),
            (self) => drawIncidents(self, theme, live.current.incidents),
          ],
          draw: [
            (self) => limitLine(self, theme, live.current.limit),
            (self) => replayLine(self, theme, live.current.atMs),
          ],
          setSelect: [
            (self) => {
              const { left, width } = self.select;
              if (width === 0) return;
              const fromMs = Math.round(self.posToVal(left, "x") * 1000);
              const toMs = Math.round(self.posToVal(left + width, "x") * 1000);
              app.store.dispatch({ type: "view/window", window: { fromMs, toMs } });
            },
          ],
          setCursor: [
            (self) => {
              const { idx } = self.cursor;
              if (fromMap) return;
              const x = idx === null || idx === undefined ? undefined : self.data[0][idx];
              // The cursor snaps to readings; inside of a gap it is the gap that is pointed at.
              const ms = self.posToVal(self.cursor.left ?? -1, "x") * 1000;
              const inGap = live.current.data.gaps.some((gap) => ms > gap.fromMs && ms < gap.toMs);
              cursor.dispatch(x === undefined ? {} : { ms: inGap ? ms : x * 1000 });
            },
          ],
        },
      },
      columns(live.current.data),
      element,
    );
    plot.current = u;
    const follow = cursor.subscribe(({ ms }) => {
      fromMap = true;
      // Off the chart when there is nothing to point at.
      u.setCursor({ left: ms === undefined ? -10 : u.valToPos(ms / 1000, "x"), top: 0 });
      fromMap = false;
    });
    const onClick = (): void => {
      const left = u.cursor.left ?? -1;
      if (left >= 0 && u.select.width === 0) {
        app.store.dispatch({ type: "view/at", atMs: Math.round(u.posToVal(left, "x") * 1000) });
      }
    };
    u.over.addEventListener("click", onClick);
    u.over.addEventListener("dblclick", () => app.store.dispatch({ type: "view/window" }));
    lookAt(u, live.current.window);
    const resize = new ResizeObserver(() => u.setSize({ width: element.clientWidth, height: element.clientHeight }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      follow();
      u.destroy();
      plot.current = undefined;
    };
  }, [app, cursor, measure.id, measure.series.length, dark]);

  useEffect(() => {
    const u = plot.current;
    if (!u) return;
    // The person's own scale stays when newer readings come in.
    u.setData(columns(live.current.data), false);
    lookAt(u, live.current.window);
  }, [data, window]);

  useEffect(() => {
    plot.current?.redraw(false);
  }, [atMs, limit, incidents]);

  const names = measure.series.map(({ label }) => label).join(", ");
  return (
    <div
      class="chart"
      ref={host}
      role="img"
      aria-label={`${names} over time. The same figures are in the table of readings.`}
    />
  );
}

function lookAt(u: uPlot, window: TimeWindow | undefined): void {
  const [xs] = u.data;
  const [min, max] = window ? [window.fromMs / 1000, window.toMs / 1000] : [xs[0] ?? 0, xs.at(-1) ?? 1];
  u.batch(() => u.setScale("x", { min, max: max > min ? max : min + 1 }));
}

function columns(data: ChartData): uPlot.AlignedData {
  // The first line, the one that matters most, is drawn last.
  const lines = data.lines.toReversed().flatMap(({ inTime, late }) => [inTime, late]);
  return [data.xs, ...lines] as unknown as uPlot.AlignedData;
}

function frame(theme: ChartTheme, measure: Measure, element: HTMLElement): uPlot.Options {
  const steps = uPlot.paths.stepped?.({ align: 1 });
  const line = (index: number, width: number): uPlot.Series => {
    const { label, setting } = measure.series[index] ?? { label: "" };
    return {
      label,
      stroke: setting ? theme.inkSoft : (theme.lines[index % theme.lines.length] ?? theme.ink),
      width,
      ...(setting ? { dash: [5, 4] } : {}),
      ...((setting || measure.flag) && steps ? { paths: steps } : {}),
      points: { show: false },
    };
  };
  const indexes = measure.series.map((_, i) => i);
  return {
    width: element.clientWidth || 300,
    height: element.clientHeight || 140,
    padding: [10, 24, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false, setScale: true } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: { y: measure.flag ? { range: [-0.15, 1.15] } : {} },
    axes: [
      {
        stroke: theme.inkSoft,
        font: theme.font,
        size: 26,
        gap: 4,
        space: 70,
        grid: { stroke: theme.grid, width: 1 },
        ticks: { show: false },
        values: (_, splits, __, ___, increment) => timeLabels(splits, increment),
      },
      {
        stroke: theme.inkSoft,
        font: theme.font,
        size: 52,
        gap: 6,
        grid: { stroke: theme.grid, width: 1 },
        ticks: { show: false },
        values: (_, splits) =>
          splits.map((value) => {
            if (measure.flag) return value === 0 ? "no" : value === 1 ? "yes" : "";
            return `${formatNumber(value, digitsFor(splits))} ${measure.unit}`;
          }),
      },
    ],
    series: [
      {},
      ...indexes.toReversed().flatMap((i) => (i === 0 ? [line(i, 2.2), line(i, 1)] : [line(i, 1.4), line(i, 0.7)])),
    ],
  };
}

function digitsFor(splits: readonly number[]): number {
  const step = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0));
  return step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
}

/** Distance of the hatching's lines: what is known to be missing is darker than a mere silence. */
const HATCH_PX = { silence: 7, missing: 4 } as const;

/**
 * Stretches without readings are hatched: nothing was measured there, or nothing of it has come in. Where this site knows
 * that records are missing it says why.
 */
function hatch(u: uPlot, theme: ChartTheme, gaps: readonly Gap[]): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = theme.hatch;
  ctx.lineWidth = window.devicePixelRatio;
  for (const gap of gaps) {
    const left = u.valToPos(gap.fromMs / 1000, "x", true);
    const right = u.valToPos(gap.toMs / 1000, "x", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, right - left, bbox.height);
    ctx.clip();
    ctx.beginPath();
    const step = (gap.missing ? HATCH_PX.missing : HATCH_PX.silence) * window.devicePixelRatio;
    for (let x = left - bbox.height; x < right; x += step) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    if (gap.missing) reasonLabel(u, theme, GAP_WORDS[gap.missing.reason].short, left, right);
    ctx.restore();
  }
  ctx.restore();
}

/** On the hatching, across where there is room for it, upright where there is not; a few minutes have none. */
function reasonLabel({ ctx, bbox }: uPlot, theme: ChartTheme, words: string, left: number, right: number): void {
  const pixel = window.devicePixelRatio;
  ctx.font = theme.font.replace(/^\d+px/, `${12 * pixel}px`);
  const [from, to] = [Math.max(left, bbox.left), Math.min(right, bbox.left + bbox.width)];
  const [width, height] = [ctx.measureText(words).width + 8 * pixel, 18 * pixel];
  const isUpright = width > to - from;
  if ((isUpright ? height : width) > to - from || (isUpright && width > bbox.height)) return;
  ctx.save();
  ctx.translate((from + to) / 2, isUpright ? bbox.top + bbox.height / 2 : bbox.top + 11 * pixel);
  if (isUpright) ctx.rotate(-Math.PI / 2);
  ctx.fillStyle = theme.paper;
  ctx.fillRect(-width / 2, -height / 2, width, height);
  ctx.fillStyle = theme.inkSoft;
  ctx.textBaseline = "middle";
  ctx.textAlign = "center";
  ctx.fillText(words, 0, 0);
  ctx.restore();
}

function replayLine(u: uPlot, theme: ChartTheme, atMs: number | undefined): void {
  if (atMs === undefined) return;
  const { ctx, bbox } = u;
  const x = Math.round(u.valToPos(atMs / 1000, "x", true));
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.strokeStyle = theme.ink;
  ctx.lineWidth = 1.5 * window.devicePixelRatio;
  ctx.stroke();
  ctx.restore();
}
