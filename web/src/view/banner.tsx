import type { JSX } from "preact";
import { formatClockBoth, formatDuration } from "../format/time.js";
import { Moment } from "./parts.js";
import { useAppState, useTick, useUi } from "./ui.js";

/** Says when the screen is not live, and what it shows instead. */
export function Banner(): JSX.Element | null {
  const { app, live } = useUi();
  const connection = useAppState((state) => state.connection);
  const atMs = useAppState((state) => state.view.atMs);
  const now = useTick((nowMs) => nowMs);
  if (connection.phase === "lost") {
    const wait = connection.retryAtMs - now;
    return (
      <div class="banner banner-stale" role="alert">
        <p>
          <strong>Not live.</strong> {connection.message}{" "}
          {connection.lastMs === undefined
            ? "Nothing has come in yet."
            : `You see what was known at ${formatClockBoth(connection.lastMs)}, ${formatDuration(now - connection.lastMs)} ago.`}
        </p>
        <button type="button" class="button" onClick={() => live.retryNow()}>
          {wait > 500 ? `Try now (by itself in ${formatDuration(wait)})` : "Trying…"}
        </button>
      </div>
    );
  }
  if (atMs === undefined) return null;
  return (
    <div class="banner banner-replay" role="status">
      <p>
        <strong>Replay.</strong> The ring on the track shows <Moment time={atMs} nearMs={now} />; other marks are faded.
      </p>
      <button type="button" class="button" onClick={() => app.store.dispatch({ type: "view/at" })}>
        Back to live
      </button>
    </div>
  );
}
