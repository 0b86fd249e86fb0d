import { TIME_AHEAD_MS_MAX, TIME_MS_MIN } from "../limits.js";
import { problem, show, type Problem } from "./problem.js";

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,18}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;
const WANTED = 'RFC 3339 with an offset, e.g. "2026-03-01T12:00:00Z", or milliseconds since 1970';

/**
 * When a message says it was measured, in milliseconds since 1970, cut to whole ones; or what is wrong with it.
 * `nowMs` is this node's clock: a sensor may be a little ahead of it and any time behind, back to 2020.
 */
export function readTime(value: unknown, nowMs: number): number | Problem {
  const ms =
    typeof value === "string" ? parseRfc3339(value) : typeof value === "number" ? Math.floor(value) : undefined;
  if (ms === undefined || !Number.isFinite(ms)) {
    return problem("BAD_TIME", "time", `time is ${show(value)}: want ${WANTED}`);
  }
  if (ms < TIME_MS_MIN) {
    const hint = looksLikeSeconds(value, nowMs) ? " (this looks like seconds: want milliseconds)" : "";
    return problem("BAD_TIME", "time", `time is ${show(value)}: want nothing before 2020${hint}`);
  }
  if (ms > nowMs + TIME_AHEAD_MS_MAX) {
    const minutes = TIME_AHEAD_MS_MAX / 60_000;
    const now = new Date(nowMs).toISOString();
    return problem("BAD_TIME", "time", `time is ${show(value)}: more than ${minutes} minutes ahead, it is ${now} here`);
  }
  return ms;
}

function parseRfc3339(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  // Date.UTC carries 30 February over into March: say what it became and compare. A leap second (:60) may carry.
  const midnight = new Date(Date.UTC(year, month - 1, day));
  if (year < 1000 || midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const [offsetHours, offsetMinutes] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offset = (match[8] === "-" ? -1 : 1) * (offsetHours * 60 + offsetMinutes) * 60_000;
  const fraction = Number((match[7] ?? "").padEnd(3, "0").slice(0, 3));
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fraction - offset;
}

function looksLikeSeconds(value: unknown, nowMs: number): boolean {
  return typeof value === "number" && value * 1000 >= TIME_MS_MIN && value * 1000 <= nowMs + TIME_AHEAD_MS_MAX;
}
