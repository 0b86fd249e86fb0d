import type { ComponentChildren, JSX } from "preact";
import { formatAgo, formatBoth, formatTime, toMs } from "../format/time.js";
import type { Remote } from "../state/remote.js";
import type { CommandState } from "../state.js";
import { useFleetTick, useTick } from "./ui.js";

/**
 * One moment in UTC with the reader's own clock beside it; `compact`, in lists, says the latter on hover. A year is named
 * where it is not that of `nearMs`; `children` are other words for the moment than the usual ones.
 */
export function Moment(props: {
  time: string | number | undefined;
  nearMs?: number;
  compact?: boolean;
  children?: ComponentChildren;
}): JSX.Element | null {
  const { time, nearMs, compact = false, children } = props;
  const ms = typeof time === "number" ? time : toMs(time);
  if (ms === undefined) return null;
  const both = formatBoth(ms, nearMs);
  return (
    <time dateTime={new Date(ms).toISOString()} title={both}>
      {children ?? (compact ? formatTime(ms, nearMs) : both)}
    </time>
  );
}

/**
 * A time and how long ago it is; the exact time on hover. Measurements are told by the fleet's clock (the simulated
 * one in the demo), what the sites' own programs did by the real one.
 */
export function Ago(props: {
  time: string | undefined;
  clock?: "fleet" | "own";
  /** A time to come; all others are past, whatever a clock that is a second behind says. */
  ahead?: boolean;
}): JSX.Element | null {
  const { time, clock = "fleet", ahead = false } = props;
  const ms = toMs(time);
  const compute = (nowMs: number): string =>
    ms === undefined ? "" : formatAgo(ms, ahead ? nowMs : Math.max(nowMs, ms));
  const fleet = useFleetTick(compute);
  const own = useTick(compute);
  if (ms === undefined) return null;
  return <Moment time={ms}>{clock === "fleet" ? fleet : own}</Moment>;
}

/** Why what somebody wanted done was not done; nothing otherwise. */
export function CommandFailure({ command }: { command: CommandState | undefined }): JSX.Element | null {
  if (command?.phase !== "failed") return null;
  return (
    <p class="message" role="alert">
      {command.message}
    </p>
  );
}

/** Loading, failed and empty, said in the same way everywhere. Renders nothing when there is something to show. */
export function Phase<T>(props: {
  remote: Remote<T>;
  what: string;
  isEmpty?: (value: T) => boolean;
  empty?: ComponentChildren;
  /** Instead of the server's words when it does not exist, or not for this person. */
  missing?: string;
  onRetry?: () => void;
}): JSX.Element | null {
  const { remote, what, isEmpty, empty, missing, onRetry } = props;
  if (remote.phase === "failed" && remote.missing) {
    return (
      <p class="phase" role="alert">
        {missing ?? remote.message}
      </p>
    );
  }
  if (remote.phase === "failed") {
    return (
      <div class="phase phase-failed" role="alert">
        <p>
          {what} could not be loaded. {remote.message}
        </p>
        {onRetry && (
          <button type="button" class="button" onClick={onRetry}>
            Try again
          </button>
        )}
      </div>
    );
  }
  if (remote.phase === "idle" || remote.value === undefined) {
    return (
      <p class="phase" aria-live="polite">
        Loading…
      </p>
    );
  }
  return empty !== undefined && isEmpty?.(remote.value) ? <p class="phase">{empty}</p> : null;
}

/** A line of facts: name left, value right. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Section(props: { title: string; aside?: ComponentChildren; children: ComponentChildren }): JSX.Element {
  return (
    <section class="section">
      <header class="section-head">
        <h2>{props.title}</h2>
        {props.aside !== undefined && <span class="section-aside">{props.aside}</span>}
      </header>
      {props.children}
    </section>
  );
}
