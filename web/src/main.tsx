import { render } from "preact";
import "leaflet/dist/leaflet.css";
import "./style/base.css";
import "./style/login.css";
import "./style/panel.css";
import "./style/map.css";
import "./style/timeline.css";
import "./style/dialog.css";
import "./style/alerts.css";
import { createApi } from "./api/endpoints.js";
import { createHttp } from "./api/http.js";
import { createCursor } from "./cursor.js";
import { syncAddressBar } from "./effects/address-bar.js";
import type { App } from "./effects/app.js";
import { followLive } from "./effects/live.js";
import { startLoading } from "./effects/loading.js";
import { keepUnits, readUnits } from "./effects/preferences.js";
import { checkSession } from "./effects/session.js";
import { createSelectors } from "./selectors.js";
import { fetchSeeingAs, seenAsOf } from "./see-as.js";
import { fetchAsHolder, shareTokenOf } from "./share.js";
import { initialState, reduce } from "./state.js";
import { createStore } from "./store.js";
import { parseView } from "./url-state.js";
import { AppView } from "./view/app.js";
import { UiContext, type Tick } from "./view/ui.js";

const fetchBare = (input: string, init?: RequestInit): Promise<Response> => window.fetch(input, init);
const shareToken = shareTokenOf(window.location);
const seenAs = seenAsOf(window.location);
const fetchHere =
  shareToken !== undefined
    ? fetchAsHolder(fetchBare, shareToken)
    : seenAs !== undefined
      ? fetchSeeingAs(fetchBare, seenAs)
      : fetchBare;

const app: App = {
  store: createStore(reduce, initialState(parseView(window.location.search), readUnits(window))),
  api: createApi(createHttp(fetchHere)),
  nowMs: () => Date.now(),
  isShared: shareToken !== undefined,
  ...(seenAs !== undefined && { seenAs }),
};

// Another link in the same window is another person: nothing of the one before stays.
window.addEventListener("hashchange", () => window.location.reload());

syncAddressBar(app, window);
keepUnits(app, window);
const loading = startLoading(app);
const live = followLive(
  app,
  {
    fetch: fetchHere,
    random: Math.random,
    setTimer: (callback, ms) => window.setTimeout(callback, ms),
    clearTimer: (timer) => window.clearTimeout(timer as number),
  },
  window,
  loading,
);

const ticker = createStore<Tick, Tick>((_, next) => next, { nowMs: app.nowMs() });
window.setInterval(() => ticker.dispatch({ nowMs: app.nowMs() }), 1000);

const root = document.getElementById("app");
if (!root) throw new Error("index.html has no element #app to draw into");
render(
  <UiContext.Provider value={{ app, loading, live, selectors: createSelectors(), cursor: createCursor(), ticker }}>
    <AppView />
  </UiContext.Provider>,
  root,
);
void checkSession(app);
