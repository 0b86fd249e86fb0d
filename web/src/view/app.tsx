import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { backoffMs } from "../api/backoff.js";
import { askSession, checkSession } from "../effects/session.js";
import type { SessionState } from "../state.js";
import { LinkEnded } from "./link-ended.js";
import { Login } from "./login.js";
import { PreviewRefused } from "./preview.js";
import { Setup } from "./setup.js";
import { Shell } from "./shell.js";
import { useAppState, useUi } from "./ui.js";

/** The whole page: sign-in, or the map. */
export function AppView(): JSX.Element {
  const { app } = useUi();
  const session = useAppState((state) => state.session);
  switch (session.phase) {
    case "checking":
      return (
        <main class="login">
          <p class="phase" aria-live="polite">
            Opening the map…
          </p>
        </main>
      );
    case "unreachable":
      if (app.seenAs !== undefined) return <PreviewRefused name={app.seenAs} message={session.message} />;
      return <Unreachable session={session} />;
    case "signed-out":
    case "signing-in":
      if (app.isShared) return <LinkEnded message={session.message} />;
      return session.waysIn.setup ? <Setup session={session} /> : <Login session={session} />;
    case "signed-in":
      return <Shell />;
  }
}

/** Nobody answers. Asks again by itself, as an open map does. */
function Unreachable({ session }: { session: Extract<SessionState, { phase: "unreachable" }> }): JSX.Element {
  const { app } = useUi();
  const attempt = useRef(0);
  useEffect(() => {
    const timer = setTimeout(() => void askSession(app), backoffMs(attempt.current++, Math.random));
    return () => clearTimeout(timer);
  }, [app, session]);
  return (
    <main class="login">
      <div class="login-box" role="alert">
        <h1>No answer from headquarters</h1>
        <p>{session.message}</p>
        <button type="button" class="button button-strong" onClick={() => void checkSession(app)}>
          Try again
        </button>
      </div>
    </main>
  );
}
