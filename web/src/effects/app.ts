import type { Api } from "../api/endpoints.js";
import { ApiError, isAbort, isMissing, messageOf } from "../api/http.js";
import type { Action, Part } from "../state/actions.js";
import type { State } from "../state.js";
import type { Store } from "../store.js";

/** What every effect needs. Clock and timers come in so that tests can hold them. */
export interface App {
  readonly store: Store<State, Action>;
  readonly api: Api;
  readonly nowMs: () => number;
  /** Whether a share link opened this page: then nobody signs in here. */
  readonly isShared?: boolean;
  /** As whom an administrator looks on this page. */
  readonly seenAs?: string;
}

export const SESSION_ENDED = "Your session has ended. Sign in again to go on where you were.";

/**
 * Loads one part of the screen: shows that it is loading, then the result or what went wrong. A 401 anywhere ends
 * the session. An aborted load leaves no trace; whoever aborted it starts the next.
 */
export async function load<T>(
  app: App,
  part: Part,
  request: () => Promise<T>,
  done: (value: T) => Action,
  signal?: AbortSignal,
): Promise<void> {
  app.store.dispatch({ type: "loading", part });
  try {
    const value = await request();
    if (!signal?.aborted && isSignedIn(app)) app.store.dispatch(done(value));
  } catch (error) {
    if (signal?.aborted || isAbort(error)) return;
    if (endsSession(app, error) || !isSignedIn(app)) return;
    app.store.dispatch({ type: "failed", part, message: messageOf(error), missing: isMissing(error) });
  }
}

export function isSignedIn(app: App): boolean {
  return app.store.getState().session.phase === "signed-in";
}

/** Whether the error says that nobody is signed in any more; then the sign-in page comes up. */
export function endsSession(app: App, error: unknown): boolean {
  if (!(error instanceof ApiError) || error.status !== 401) return false;
  if (isSignedIn(app)) app.store.dispatch({ type: "session/signed-out", message: SESSION_ENDED });
  return true;
}
