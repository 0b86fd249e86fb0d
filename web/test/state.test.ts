import type { ApiAlert, ContainersReply, ContainerState, SessionReply, ShipState } from "@landfall/proto/api";
import { describe, expect, it } from "vitest";
import type { Action } from "../src/state/actions.js";
import { initialState, reduce, type State } from "../src/state.js";

const USER: SessionReply = {
  user: "ops",
  displayName: "Operations",
  groups: [],
  roles: [],
  site: "los-angeles",
  owner: "bigblue",
  mayControl: true,
  expires: "2027-01-01T00:00:00Z",
};

const ship = (imo: string, more: Partial<ShipState> = {}): ShipState => ({
  imo,
  name: imo,
  containersAboard: 0,
  ...more,
});

const container = (id: string, more: Partial<ContainerState> = {}): ContainerState => ({
  container: id,
  owner: "duckworks",
  status: "fine",
  time: "2026-11-03T04:10:00Z",
  knownSince: "2026-11-03T04:11:00Z",
  measurements: {},
  ...more,
});

const alert = (id: string, more: Partial<ApiAlert> = {}): ApiAlert => ({
  id,
  type: "LOST",
  severity: "critical",
  state: "raised",
  owner: "duckworks",
  time: "2026-11-03T04:10:00Z",
  knownSince: "2026-11-03T04:11:00Z",
  message: "Gone.",
  ...more,
});

const marks = (...states: ContainerState[]): ContainersReply => ({
  type: "FeatureCollection",
  features: states.map((state) => ({
    type: "Feature",
    id: state.container,
    geometry: { type: "Point", coordinates: [state.longitude ?? 0, state.latitude ?? 0] },
    properties: { kind: "container", ...state },
  })),
  matched: states.length,
  total: states.length,
});

function run(state: State, ...actions: Action[]): State {
  return actions.reduce(reduce, state);
}

const signedIn = run(initialState({ tab: "fleet" }), { type: "session/signed-in", session: USER });
const live = (event: Extract<Action, { type: "live" }>["event"], nowMs = 1000): Action => ({
  type: "live",
  event,
  nowMs,
});

describe("session", () => {
  it("forgets everything that was shown when somebody signs out, but not the place", () => {
    const used = run(
      signedIn,
      { type: "view/selected", selection: { kind: "container", id: "A" } },
      { type: "ships/loaded", reply: { ships: [ship("1")] } },
      { type: "detail/loaded", container: container("A") },
      { type: "alerts/loaded", reply: { alerts: [alert("x")] } },
      { type: "search/typed", text: "CSQU" },
    );
    const out = reduce(used, { type: "session/signed-out", message: "Ended." });
    expect(out).toEqual({
      ...initialState(used.view),
      session: { phase: "signed-out", message: "Ended.", waysIn: {} },
    });
  });

  it("keeps the demo's users on the page while one is tried, and drops the old message", () => {
    const demo = { password: "p", users: [{ username: "ops", sees: "all" }] };
    const out = run(initialState({ tab: "fleet" }), { type: "session/signed-out", demo, message: "No." });
    const trying = reduce(out, { type: "session/signing-in" });
    expect(trying.session).toEqual({ phase: "signing-in", waysIn: { demo } });
    expect(reduce(trying, { type: "session/signed-out", message: "Wrong." }).session).toEqual({
      phase: "signed-out",
      waysIn: { demo },
      message: "Wrong.",
    });
  });
});

describe("live events", () => {
  it("replaces states in marks, lists and the selected card, and knows that clusters are old now", () => {
    const before = run(
      signedIn,
      { type: "marks/loaded", reply: marks(container("A", { longitude: 1, latitude: 2 }), container("B")) },
      {
        type: "list/loaded",
        list: "fleet",
        page: { containers: [container("A"), container("B")], matched: 2 },
        append: false,
      },
      { type: "view/selected", selection: { kind: "container", id: "A" } },
      { type: "detail/loaded", container: container("A") },
    );
    const moved = container("A", { longitude: 5, latitude: 6, status: "lost" });
    const after = reduce(before, live({ type: "containers", data: { containers: [moved] } }));
    expect(after.detail).toEqual({ phase: "ready", value: moved });
    expect(after.marksStale).toBe(true);
    const features = after.marks.phase === "ready" ? after.marks.value.features : [];
    expect(features[0]?.geometry?.coordinates).toEqual([5, 6]);
    expect(features[1]).toBe(before.marks.phase === "ready" ? before.marks.value.features[1] : undefined);
    const list = after.lists.fleet.phase === "ready" ? after.lists.fleet.value.containers : [];
    expect(list.map(({ status }) => status)).toEqual(["lost", "fine"]);
  });

  it("leaves what it does not concern as it is, so that nothing is drawn again for it", () => {
    const before = run(
      signedIn,
      { type: "list/loaded", list: "fleet", page: { containers: [container("A")], matched: 1 }, append: false },
      { type: "ships/loaded", reply: { ships: [ship("1")] } },
    );
    const after = reduce(before, live({ type: "containers", data: { containers: [container("Z")] } }));
    expect(after.lists.fleet).toBe(before.lists.fleet);
    expect(after.ships).toBe(before.ships);
  });

  it("merges ships and takes away those that are gone", () => {
    const before = reduce(signedIn, { type: "ships/loaded", reply: { ships: [ship("1"), ship("2")] } });
    const after = reduce(
      before,
      live({ type: "ships", data: { ships: [ship("1", { speedKn: 12 }), ship("3")], gone: ["2"] } }),
    );
    expect(after.ships).toEqual({
      phase: "ready",
      value: { "1": ship("1", { speedKn: 12 }), "3": ship("3") },
    });
  });

  it("forgets what this person may no longer see", () => {
    const page = { containers: [container("A"), container("B")], total: 2, matched: 2 };
    const before = { ...signedIn, lists: { ...signedIn.lists, fleet: { phase: "ready" as const, value: page } } };
    const after = reduce(before, live({ type: "containers", data: { containers: [], gone: ["B"] } }));
    expect(after.lists.fleet).toEqual({ phase: "ready", value: { ...page, containers: [container("A")] } });
    expect(after.marksStale).toBe(true);
  });

  it("does not take a first live event for the whole fleet", () => {
    expect(reduce(signedIn, live({ type: "ships", data: { ships: [ship("1")] } })).ships).toEqual({ phase: "idle" });
  });

  it("takes the answer to a word on an alert, and does not claim to be live by it", () => {
    const loaded = reduce(signedIn, { type: "alerts/loaded", reply: { alerts: [alert("a")] } });
    const said = [{ by: "ops", site: "los-angeles", time: "", knownSince: "", message: "seen" }];
    const after = reduce(loaded, { type: "alert/answered", alert: alert("a", { acknowledgements: said }) });
    expect(after.alerts).toMatchObject({ phase: "ready", value: [{ id: "a", acknowledgements: said }] });
    expect(after.connection).toBe(loaded.connection);
  });

  it("puts a new alert first and replaces one that is over", () => {
    const before = reduce(signedIn, { type: "alerts/loaded", reply: { alerts: [alert("a"), alert("b")] } });
    const after = run(
      before,
      live({ type: "alert", data: alert("c") }),
      live({ type: "alert", data: alert("a", { state: "cleared" }) }),
    );
    expect(after.alerts.phase === "ready" && after.alerts.value.map(({ id, state }) => `${id} ${state}`)).toEqual([
      "a cleared",
      "c raised",
      "b raised",
    ]);
  });
});

describe("connection", () => {
  it("says since when it is lost, across several tries, and what it last heard", () => {
    const lost = (nowMs: number): Action => ({
      type: "connection/lost",
      nowMs,
      retryAtMs: nowMs + 500,
      message: "Gone.",
    });
    const state = run(signedIn, { type: "connection/open", nowMs: 10 }, lost(20), lost(900));
    expect(state.connection).toEqual({ phase: "lost", sinceMs: 20, retryAtMs: 1400, message: "Gone.", lastMs: 10 });
    expect(reduce(state, { type: "connection/open", nowMs: 1500 }).connection).toEqual({ phase: "live", lastMs: 1500 });
  });
});

describe("selection", () => {
  it("opens the card with what a list already knows, and nothing of the one before", () => {
    const before = run(
      signedIn,
      { type: "list/loaded", list: "fleet", page: { containers: [container("B")], matched: 1 }, append: false },
      { type: "view/selected", selection: { kind: "container", id: "A" } },
      { type: "detail/loaded", container: container("A") },
      {
        type: "history/loaded",
        history: { kind: "container", reply: { container: "A", points: [], events: [], gaps: [], total: 0 } },
      },
      { type: "view/at", atMs: 5 },
    );
    const after = reduce(before, { type: "view/selected", selection: { kind: "container", id: "B" } });
    expect(after.detail).toEqual({ phase: "loading", value: container("B") });
    expect(after.history).toEqual({ phase: "idle" });
    expect(after.view).toEqual({ tab: "fleet", selection: { kind: "container", id: "B" } });
  });

  it("keeps card and history when only the map moves", () => {
    const before = run(
      signedIn,
      { type: "view/selected", selection: { kind: "container", id: "A" } },
      { type: "detail/loaded", container: container("A") },
    );
    const after = reduce(before, { type: "view/moved", box: { zoom: 3, latitude: 1, longitude: 2 } });
    expect(after.detail).toBe(before.detail);
    expect(after.view.selection).toEqual({ kind: "container", id: "A" });
  });
});

describe("loading", () => {
  it("shows what it had while it loads again and after a failure, but not what does not exist any more", () => {
    const ready = reduce(signedIn, { type: "detail/loaded", container: container("A") });
    const loading = reduce(ready, { type: "loading", part: "detail" });
    expect(loading.detail).toEqual({ phase: "loading", value: container("A") });
    const failed = reduce(loading, { type: "failed", part: "detail", message: "No line.", missing: false });
    expect(failed.detail).toEqual({ phase: "failed", message: "No line.", missing: false, value: container("A") });
    const missing = reduce(loading, { type: "failed", part: "detail", message: "None.", missing: true });
    expect(missing.detail).toEqual({ phase: "failed", message: "None.", missing: true });
  });

  it("appends pages", () => {
    const page = (id: string, next?: string): Action => ({
      type: "list/loaded",
      list: "fleet",
      page: { containers: [container(id)], matched: 2, ...(next === undefined ? {} : { next }) },
      append: id !== "A",
    });
    const state = run(signedIn, page("A", "A"), page("B"));
    expect(state.lists.fleet).toEqual({
      phase: "ready",
      value: { containers: [container("A"), container("B")], matched: 2 },
    });
  });
});

describe("commands", () => {
  it("tells what was done, keeps a failure beside its button, and shows three notices at most", () => {
    const done = (n: number): Action => ({ type: "command/done", key: "k", notice: `${n}` });
    const state = run(signedIn, { type: "command/started", key: "k" }, done(1), done(2), done(3), done(4));
    expect(state.commands).toEqual({});
    expect(state.notices.map(({ text }) => text)).toEqual(["2", "3", "4"]);
    const failed = reduce(state, { type: "command/failed", key: "k", message: "No." });
    expect(failed.commands).toEqual({ k: { phase: "failed", message: "No." } });
    expect(reduce(failed, { type: "notice/gone", id: 1 }).notices).toHaveLength(2);
  });
});

describe("showing containers in some states alone", () => {
  const toggle = (status: "lost" | "fine" | "door-open"): Action => ({ type: "view/status", status });

  it("the first is shown alone, others beside it; without any, or with all, everything is", () => {
    expect(run(signedIn, toggle("fine")).view.statuses).toEqual(["fine"]);
    expect(run(signedIn, toggle("fine"), toggle("lost")).view.statuses).toEqual(["lost", "fine"]);
    expect(run(signedIn, toggle("fine"), toggle("fine")).view).not.toHaveProperty("statuses");
    expect(run(signedIn, toggle("fine"), { type: "view/status" }).view).not.toHaveProperty("statuses");
  });
});
