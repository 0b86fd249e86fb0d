/** What of a service's output is for the person at the terminal. */

/** Levels of pino, as numbers or as labels. */
const WARN = 40;
const TOLD_LEVELS = new Set(["warn", "error", "fatal"]);
/** A service that warns all the time is told so often within a while; the rest is counted. */
const LINES_MAX = 5;
const WHILE_MS = 30_000;
const LINE_CHARS_MAX = 300;

/** One line of output as a sentence for the terminal; undefined for what belongs into the log alone. */
export function worthTelling(line: string, isError: boolean): string | undefined {
  let entry: LogEntry | null;
  try {
    entry = JSON.parse(line) as LogEntry | null;
  } catch {
    const text = line.trim();
    return isError && text !== "" ? text.slice(0, LINE_CHARS_MAX) : undefined;
  }
  if (typeof entry !== "object" || entry === null || !isTold(entry)) return undefined;
  const cause = typeof entry.err?.message === "string" ? entry.err.message : "";
  const text = typeof entry.msg === "string" ? entry.msg : "";
  const whole = cause === "" || text.includes(cause) ? text : `${text}: ${cause}`;
  return whole.replaceAll(/\s+/g, " ").slice(0, LINE_CHARS_MAX);
}

interface LogEntry {
  readonly level?: unknown;
  readonly msg?: unknown;
  readonly err?: { readonly message?: unknown };
  /** An alert about the cargo, not about the service. */
  readonly alert?: { readonly type?: unknown; readonly state?: unknown };
}

/** Warnings and errors; of the cargo's alerts, which the map shows, only a loss. */
function isTold({ level, alert }: LogEntry): boolean {
  if (alert !== undefined) return alert.type === "LOST" && alert.state === "raised";
  return typeof level === "number" ? level >= WARN : typeof level === "string" && TOLD_LEVELS.has(level);
}

/** Lets a few lines through in a while and says afterwards how many it kept back. */
export class LineLimiter {
  private sinceMs = 0;
  private let = 0;
  private kept = 0;

  /** Lines to print for this one: none, itself, or a word on those kept back first. */
  pass(line: string, nowMs: number): string[] {
    const lines: string[] = [];
    if (nowMs - this.sinceMs >= WHILE_MS) {
      if (this.kept > 0) lines.push(`(${this.kept} more lines are in the log)`);
      this.sinceMs = nowMs;
      this.let = 0;
      this.kept = 0;
    }
    if (this.let < LINES_MAX) {
      this.let++;
      lines.push(line);
    } else {
      this.kept++;
    }
    return lines;
  }
}
