import type { ContainersReply } from "@landfall/proto/api";
import type { Part } from "../api/endpoints.js";
import { bboxParameter } from "../geo/longitude.js";
import { containerQuery, parseSearch } from "../search.js";
import { toServerZoom } from "../server-zoom.js";
import type { ContainerPage, History } from "../state/actions.js";
import { isUnanswered } from "../state/remote.js";
import type { State } from "../state.js";
import { isSignedIn, load, type App } from "./app.js";
import { throttle } from "./throttle.js";

/** The visible part of the world: continuous degrees, and the map's zoom. */
export interface Viewport {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
  readonly zoom: number;
}

/** Shortest time between two questions for the marks while the map is moved. */
const MARKS_EVERY_MS = 250;
/** Shortest time between two questions for the same thing while the live feed keeps changing it. */
const STALE_MARKS_EVERY_MS = 1500;
const HISTORY_EVERY_MS = 5000;
const LIST_EVERY_MS = 4000;
/** Pause in typing before a search is sent. */
const SEARCH_PAUSE_MS = 200;
/** Containers per page of a list. */
export const LIST_PAGE = 100;
const SEARCH_LIMIT = 20;

/** Only the single containers of a reply; lists ask without zoom, so there is nothing else in it. */
export function toPage(reply: ContainersReply): ContainerPage {
  return {
    containers: reply.features.flatMap(({ properties }) => (properties.kind === "container" ? [properties] : [])),
    matched: reply.matched,
    ...(reply.next === undefined ? {} : { next: reply.next }),
  };
}

export interface Loading {
  /** The map has moved. */
  viewport(viewport: Viewport): void;
  /** Ships, alerts and sites from the beginning: after sign-in, and after a gap in the live feed. */
  everything(): void;
  /** What has failed, or hangs on a connection that is gone: once the server can be reached again. */
  unanswered(): void;
  moreOf(list: "fleet" | "aboard"): void;
  /** Tries again whatever belongs to the selection. */
  selection(): void;
}

/** Asks the server for what the state shows, when it starts to be shown or has become stale. */
export function startLoading(app: App): Loading {
  const { store, api } = app;
  let viewport: Viewport | undefined;
  let marksAbort = new AbortController();
  let selectionAbort = new AbortController();
  let searchTimer: ReturnType<typeof setTimeout> | undefined;
  let searchAbort = new AbortController();

  const marks = throttle(MARKS_EVERY_MS, async () => {
    if (!viewport || !isSignedIn(app)) return;
    marksAbort.abort();
    const { signal } = (marksAbort = new AbortController());
    const { west, south, east, north, zoom } = viewport;
    const query = {
      bbox: bboxParameter(west, south, east, north),
      zoom: toServerZoom(zoom),
      ...filterOf(app),
    };
    await load(
      app,
      "marks",
      () => api.containers(query, signal),
      (reply) => ({ type: "marks/loaded", reply }),
      signal,
    );
  });

  const staleMarks = throttle(STALE_MARKS_EVERY_MS, async () => marks.trigger());

  const history = throttle(HISTORY_EVERY_MS, () => loadHistory(app, selectionAbort.signal));
  // A list of several pages is not thrown back to its first one under the reader's eyes.
  const aboard = throttle(LIST_EVERY_MS, async () => {
    if (!isLong(app, "aboard")) await loadAboard(app, selectionAbort.signal);
  });
  let fleetStatuses = app.store.getState().view.statuses;
  const fleet = throttle(LIST_EVERY_MS, async () => {
    const { statuses } = app.store.getState().view;
    // Of another filter, the pages that were read mean nothing.
    if (isLong(app, "fleet") && statuses === fleetStatuses) return;
    fleetStatuses = statuses;
    await loadFleet(app);
  });

  const closer = newest((signal) => loadCloser(app, AbortSignal.any([signal, selectionAbort.signal])));
  const ships = newest((signal) =>
    load(
      app,
      "ships",
      () => api.ships(),
      (reply) => ({ type: "ships/loaded", reply }),
      signal,
    ),
  );
  const alerts = newest((signal) =>
    load(
      app,
      "alerts",
      () => api.alerts(),
      (reply) => ({ type: "alerts/loaded", reply }),
      signal,
    ),
  );
  const sites = newest((signal) =>
    load(
      app,
      "sites",
      () => api.sites(),
      (reply) => ({ type: "sites/loaded", reply }),
      signal,
    ),
  );

  const selection = (): void => {
    selectionAbort.abort();
    selectionAbort = new AbortController();
    const { signal } = selectionAbort;
    void loadDetail(app, signal);
    void loadHistory(app, signal);
    void loadAboard(app, signal);
  };

  const everything = (): void => {
    ships();
    alerts();
    sites();
    void loadSimulation(app);
    fleet.trigger();
    // Before the map is there, its first move asks.
    if (viewport) marks.trigger();
    selection();
  };

  const search = (text: string): void => {
    clearTimeout(searchTimer);
    searchAbort.abort();
    const { signal } = (searchAbort = new AbortController());
    const parsed = parseSearch(text);
    const q = parsed.kind === "container" ? parsed.container : parsed.kind === "part" ? containerQuery(text) : "";
    if (q === "") return;
    searchTimer = setTimeout(() => {
      void load(
        app,
        "search",
        () => api.containers({ q, limit: SEARCH_LIMIT }, signal),
        (reply) => ({ type: "list/loaded", list: "search", page: toPage(reply), append: false }),
        signal,
      );
    }, SEARCH_PAUSE_MS);
  };

  const unanswered = (): void => {
    const { lists, detail, history, search: text, ...parts } = store.getState();
    if (isUnanswered(parts.ships)) ships();
    if (isUnanswered(parts.alerts)) alerts();
    if (isUnanswered(parts.sites)) sites();
    if (isUnanswered(parts.marks)) marks.trigger();
    if (isUnanswered(parts.closer)) closer();
    if (isUnanswered(lists.fleet)) fleet.trigger();
    if (isUnanswered(lists.search)) search(text);
    if ([detail, history, lists.aboard].some(isUnanswered)) selection();
  };

  store.subscribe((state, before) => {
    if (state.session.phase === "signed-in" && before.session.phase !== "signed-in") everything();
    if (state.session.phase !== "signed-in") return;
    if (state.view.selection !== before.view.selection && !sameSelection(state, before)) selection();
    // Also when an address with a window has opened its history.
    if (state.view.window !== before.view.window || (state.view.window && wasLoaded(state, before))) closer();
    if (state.marksStale && !before.marksStale) staleMarks.trigger();
    if (state.search !== before.search) search(state.search);
    if (state.view.statuses !== before.view.statuses) {
      if (viewport) marks.trigger();
      fleet.trigger();
    }
    if (state.detail !== before.detail && newerDetail(state, before)) history.trigger();
    if (state.ships !== before.ships && newerShip(state, before)) {
      history.trigger();
      aboard.trigger();
    }
    if (state.marks !== before.marks && totalOf(state) !== totalOf(before)) fleet.trigger();
  });

  return {
    viewport(next) {
      viewport = next;
      marks.trigger();
    },
    everything,
    unanswered,
    moreOf(list) {
      void (list === "fleet" ? loadFleet(app, true) : loadAboard(app, selectionAbort.signal, true));
    },
    selection,
  };
}

/** Asks each time anew, and no longer listens to the answer to the time before. */
function newest(ask: (signal: AbortSignal) => Promise<void>): () => void {
  let abort = new AbortController();
  return () => {
    abort.abort();
    abort = new AbortController();
    void ask(abort.signal);
  };
}

function sameSelection(a: State, b: State): boolean {
  return a.view.selection?.kind === b.view.selection?.kind && a.view.selection?.id === b.view.selection?.id;
}

function wasLoaded(state: State, before: State): boolean {
  return state.history !== before.history && state.history.phase === "ready" && before.history.phase === "loading";
}

function totalOf(state: State): number | undefined {
  return state.marks.phase === "ready" ? state.marks.value.total : undefined;
}

function newerDetail(state: State, before: State): boolean {
  const now = state.detail.phase === "ready" ? state.detail.value : undefined;
  const then = before.detail.phase === "ready" ? before.detail.value : undefined;
  return now !== undefined && then !== undefined && now.container === then.container && now !== then;
}

function newerShip(state: State, before: State): boolean {
  const selected = state.view.selection;
  if (selected?.kind !== "ship" || state.ships.phase !== "ready" || before.ships.phase !== "ready") return false;
  return state.ships.value[selected.id] !== before.ships.value[selected.id];
}

async function loadDetail(app: App, signal: AbortSignal): Promise<void> {
  const selected = app.store.getState().view.selection;
  if (selected?.kind !== "container") return;
  await load(
    app,
    "detail",
    () => app.api.container(selected.id, signal),
    (container) => ({ type: "detail/loaded", container }),
    signal,
  );
}

async function loadHistory(app: App, signal: AbortSignal): Promise<void> {
  const asked = historyRequest(app, {}, signal);
  if (asked) await load(app, "history", asked, (history) => ({ type: "history/loaded", history }), signal);
}

/** What the chart looks at closely, where the server had to leave out points of it. */
async function loadCloser(app: App, signal: AbortSignal): Promise<void> {
  const { view, history } = app.store.getState();
  const reply = history.phase === "idle" ? undefined : history.value?.reply;
  if (!view.window || !reply || reply.total <= reply.points.length) return;
  const { fromMs, toMs } = view.window;
  const part = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
  const asked = historyRequest(app, part, signal);
  if (asked) await load(app, "closer", asked, (closer) => ({ type: "closer/loaded", history: closer }), signal);
}

function historyRequest(app: App, part: Part, signal: AbortSignal): (() => Promise<History>) | undefined {
  const { api, store } = app;
  const { selection } = store.getState().view;
  switch (selection?.kind) {
    case "container":
      return async () => ({ kind: "container", reply: await api.containerHistory(selection.id, part, signal) });
    case "ship":
      return async () => ({ kind: "ship", reply: await api.shipHistory(selection.id, part, signal) });
    default:
      return undefined;
  }
}

async function loadAboard(app: App, signal: AbortSignal, more = false): Promise<void> {
  const selected = app.store.getState().view.selection;
  if (selected?.kind !== "ship") return;
  const after = more ? nextOf(app, "aboard") : undefined;
  if (more && after === undefined) return;
  await load(
    app,
    "aboard",
    () =>
      app.api.containers({ vessel: selected.id, limit: LIST_PAGE, ...(after === undefined ? {} : { after }) }, signal),
    (reply) => ({ type: "list/loaded", list: "aboard", page: toPage(reply), append: more }),
    signal,
  );
}

async function loadFleet(app: App, more = false): Promise<void> {
  if (!isSignedIn(app)) return;
  const after = more ? nextOf(app, "fleet") : undefined;
  if (more && after === undefined) return;
  await load(
    app,
    "fleet",
    () => app.api.containers({ limit: LIST_PAGE, ...filterOf(app), ...(after === undefined ? {} : { after }) }),
    (reply) => ({ type: "list/loaded", list: "fleet", page: toPage(reply), append: more }),
  );
}

/** What of the containers is wanted. */
function filterOf(app: App): { readonly status?: string } {
  const { statuses } = app.store.getState().view;
  return statuses === undefined ? {} : { status: statuses.join(",") };
}

function nextOf(app: App, list: "fleet" | "aboard"): string | undefined {
  const remote = app.store.getState().lists[list];
  return remote.phase === "ready" ? remote.value.next : undefined;
}

function isLong(app: App, list: "fleet" | "aboard"): boolean {
  const remote = app.store.getState().lists[list];
  return remote.phase === "ready" && remote.value.containers.length > LIST_PAGE;
}

/** Where there is no simulation, or none for this person, there are no controls: nothing to report. */
async function loadSimulation(app: App): Promise<void> {
  try {
    const simulation = await app.api.simulation();
    if (isSignedIn(app)) app.store.dispatch({ type: "simulation/loaded", simulation, nowMs: app.nowMs() });
  } catch {
    // The live feed brings it when it starts.
  }
}
