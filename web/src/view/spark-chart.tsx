import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { chartTheme, timeLabels } from "./chart-theme.js";
import { useMedia } from "./ui.js";

const HEIGHT_PX = 74;

interface Props {
  readonly title: string;
  /** Seconds since 1970, and what was measured then. */
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly format: (value: number) => string;
  readonly bars?: boolean;
}

/** One figure over time, small: what it is now and at most stands beside it in words. */
export function SparkChart({ title, times, values, format, bars = false }: Props): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const dark = useMedia("(prefers-color-scheme: dark)");
  const data: uPlot.AlignedData = [[...times], [...values]];
  const live = useRef(data);
  live.current = data;

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const theme = chartTheme(element);
    const [line = theme.ink] = theme.lines;
    const paths = bars ? uPlot.paths.bars?.({ size: [0.7, 20, 2] }) : undefined;
    const u = new uPlot(
      {
        width: element.clientWidth || 300,
        height: HEIGHT_PX,
        padding: [4, 8, 0, 8],
        legend: { show: false },
        cursor: { show: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        // From zero, so that a small wobble looks small; and never flat upon the axis.
        scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
        axes: [
          {
            stroke: theme.inkSoft,
            font: theme.font,
            size: 20,
            gap: 2,
            space: 90,
            grid: { stroke: theme.grid, width: 1 },
            ticks: { show: false },
            values: (_, splits, __, ___, increment) => timeLabels(splits, increment),
          },
          { show: false },
        ],
        series: [
          {},
          {
            stroke: line,
            width: 1.5,
            points: { show: false },
            ...(paths ? { paths, fill: line } : {}),
          },
        ],
      },
      live.current,
      element,
    );
    plot.current = u;
    const resize = new ResizeObserver(() => u.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      u.destroy();
      plot.current = undefined;
    };
  }, [dark, bars]);

  const last = values.at(-1) ?? 0;
  const key = `${times.length} ${times.at(-1) ?? 0} ${last}`;
  useEffect(() => {
    plot.current?.setData(live.current);
  }, [key]);

  const most = values.reduce((a, b) => Math.max(a, b), 0);
  return (
    <figure class="spark">
      <figcaption>
        <span>{title}</span>
        <strong>{format(last)}</strong>
        <span class="soft">at most {format(most)}</span>
      </figcaption>
      <div
        ref={host}
        class="spark-plot"
        role="img"
        aria-label={`${title}: ${format(last)} now, at most ${format(most)}`}
      />
    </figure>
  );
}
