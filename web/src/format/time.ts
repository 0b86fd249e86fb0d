/** Times for people: always UTC, always with its name, never a bare number. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const two = (value: number): string => String(value).padStart(2, "0");

/** Epoch milliseconds of an RFC 3339 time, or undefined when there is none or it is unreadable. */
export function toMs(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const ms = Date.parse(time);
  return Number.isFinite(ms) ? ms : undefined;
}

/** `3 Nov 04:10`, with the year when it is not that of `nearMs`. */
export function formatTime(ms: number, nearMs?: number): string {
  const date = new Date(ms);
  const year = nearMs !== undefined && new Date(nearMs).getUTCFullYear() !== date.getUTCFullYear();
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}${year ? ` ${date.getUTCFullYear()}` : ""}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

/** `04:10:32`. */
export function formatClock(ms: number): string {
  const date = new Date(ms);
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

/** `3 Nov 2026`. */
export function formatDate(ms: number): string {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

/** The reader's own clock, `13:10 GMT+9`; empty when that is UTC, too. */
export function formatLocal(ms: number, timeZone?: string): string {
  const { hour, minute, timeZoneName } = localParts(ms, timeZone);
  return isUtc(timeZoneName) ? "" : `${hour}:${minute} ${timeZoneName}`;
}

/** `4 Nov 20:37 UTC (5 Nov 05:37 GMT+9)`: with the reader's own clock beside it, and its day where that is another. */
export function formatBoth(ms: number, nearMs?: number, timeZone?: string): string {
  const utc = `${formatTime(ms, nearMs)} UTC`;
  const { day, hour, minute, month, timeZoneName } = localParts(ms, timeZone);
  if (isUtc(timeZoneName)) return utc;
  const isSameDay = Number(day) === new Date(ms).getUTCDate();
  const date = isSameDay ? "" : `${Number(day)} ${MONTHS[Number(month) - 1]} `;
  return `${utc} (${date}${hour}:${minute} ${timeZoneName})`;
}

/** `04:10:32 UTC (13:10 GMT+9)`: a moment of today, with the reader's own clock beside it. */
export function formatClockBoth(ms: number, timeZone?: string): string {
  const local = formatLocal(ms, timeZone);
  return `${formatClock(ms)} UTC${local === "" ? "" : ` (${local})`}`;
}

function isUtc(zone: string | undefined): boolean {
  return zone === undefined || zone === "UTC" || zone === "GMT";
}

/** Made once for each zone: making one takes longer than all its answers. */
const formatters = new Map<string | undefined, Intl.DateTimeFormat>();

function localParts(ms: number, timeZone: string | undefined): Partial<Record<string, string>> {
  const known = formatters.get(timeZone);
  const formatter =
    known ??
    new Intl.DateTimeFormat("en-GB", {
      day: "2-digit",
      month: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      timeZoneName: "short",
      ...(timeZone === undefined ? {} : { timeZone }),
    });
  if (!known) formatters.set(timeZone, formatter);
  return Object.fromEntries(formatter.formatToParts(new Date(ms)).map(({ type, value }) => [type, value]));
}

const UNITS: readonly (readonly [number, string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
];

/** A length of time in its largest unit, two for days and hours: `2 d 4 h`, `35 min`, `12 s`. */
export function formatDuration(ms: number): string {
  const left = Math.max(0, ms);
  for (const [i, [size, unit]] of UNITS.entries()) {
    if (left < size) continue;
    const whole = Math.floor(left / size);
    const next = UNITS[i + 1];
    const rest = next && size >= 3_600_000 && whole < 10 ? Math.floor((left - whole * size) / next[0]) : 0;
    return rest > 0 && next ? `${whole} ${unit} ${rest} ${next[1]}` : `${whole} ${unit}`;
  }
  return "0 s";
}

/** `4 min ago`, `just now`; a time ahead of the clock is shown as such. */
export function formatAgo(ms: number, nowMs: number): string {
  const age = nowMs - ms;
  if (age < -60_000) return `in ${formatDuration(-age)}`;
  return age < 5000 ? "just now" : `${formatDuration(age)} ago`;
}
