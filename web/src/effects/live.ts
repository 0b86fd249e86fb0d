import { openLive, type LiveEnv, type LiveFeed } from "../api/live.js";
import { SESSION_ENDED, type App } from "./app.js";
import type { Loading } from "./loading.js";

export interface Live {
  retryNow(): void;
}

/** Keeps the live feed open while somebody is signed in, and asks for what it cannot bring when it is back. */
export function followLive(
  app: App,
  env: LiveEnv,
  window: Pick<Window, "addEventListener">,
  loading: Pick<Loading, "everything" | "unanswered">,
): Live {
  const { store, nowMs } = app;
  let feed: LiveFeed | undefined;
  let opened = false;

  const open = (): LiveFeed =>
    openLive(env, {
      onOpen(resumed) {
        const wasLost = store.getState().connection.phase === "lost";
        store.dispatch({ type: "connection/open", nowMs: nowMs() });
        // The first opening runs beside the first loading; every later one without a cursor may have missed events.
        if (opened && !resumed) loading.everything();
        else if (wasLost) loading.unanswered();
        opened = true;
      },
      onEvent: (event) => store.dispatch({ type: "live", event, nowMs: nowMs() }),
      onLost(message, retryInMs) {
        const now = nowMs();
        store.dispatch({ type: "connection/lost", nowMs: now, retryAtMs: now + retryInMs, message });
      },
      onSignedOut: () => store.dispatch({ type: "session/signed-out", message: SESSION_ENDED }),
    });

  store.subscribe((state, before) => {
    const wanted = state.session.phase === "signed-in";
    if (wanted && before.session.phase !== "signed-in") {
      feed?.close();
      opened = false;
      feed = open();
    } else if (!wanted && feed) {
      feed.close();
      feed = undefined;
    }
  });
  window.addEventListener("online", () => feed?.retryNow());
  return { retryNow: () => feed?.retryNow() };
}
