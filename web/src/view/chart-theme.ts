import { formatTime } from "../format/time.js";

/** The chart's colours and type, from the style sheet. */
export interface ChartTheme {
  readonly ink: string;
  readonly inkSoft: string;
  readonly grid: string;
  readonly hatch: string;
  readonly paper: string;
  readonly lines: readonly string[];
  readonly door: string;
  readonly power: string;
  readonly warn: string;
  readonly font: string;
}

export function chartTheme(element: Element): ChartTheme {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ink: colour("--ink"),
    inkSoft: colour("--ink-soft"),
    grid: colour("--hair"),
    hatch: colour("--hatch"),
    paper: colour("--paper"),
    lines: [colour("--chart-1"), colour("--chart-2"), colour("--chart-3")],
    door: colour("--status-door"),
    power: colour("--status-power"),
    warn: colour("--status-range"),
    font: `12px ${style.fontFamily}`,
  };
}

const DAY_S = 86_400;

/** `3 Nov` at midnight, `04:10` between; the first one always names its day. */
export function timeLabels(seconds: readonly number[], increment: number): string[] {
  return seconds.map((value, i) => {
    const [date, clock] = splitTime(value * 1000);
    if (increment >= DAY_S || value % DAY_S === 0) return date;
    return i === 0 ? `${date} ${clock}` : clock;
  });
}

function splitTime(ms: number): [string, string] {
  const text = formatTime(ms);
  const at = text.lastIndexOf(" ");
  return [text.slice(0, at), text.slice(at + 1)];
}
