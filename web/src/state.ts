import type {
  ApiAlert,
  ContainersReply,
  ContainerState,
  ContainerStatus,
  SessionReply,
  ShipState,
  SimulationState,
  SitesReply,
} from "@landfall/proto/api";
import { USUAL_UNITS, type Units } from "./format/units.js";
import type { Action, ContainerPage, History, ListName, Part, WaysIn } from "./state/actions.js";
import { applyLive, mergeAlert } from "./state/live.js";
import { IDLE, mapRemote, toFailed, toLoading, type Remote } from "./state/remote.js";
import { readStatuses, type Selection, type View } from "./url-state.js";

export type SessionState =
  | { readonly phase: "checking" }
  | { readonly phase: "unreachable"; readonly message: string }
  | {
      readonly phase: "signed-out" | "signing-in";
      readonly message?: string;
      readonly waysIn: WaysIn;
    }
  | { readonly phase: "signed-in"; readonly user: SessionReply };

/** How current the screen is. `lastMs`: when the server was last heard, by this computer's clock. */
export type ConnectionState =
  | { readonly phase: "connecting" }
  | { readonly phase: "live"; readonly lastMs: number }
  | {
      readonly phase: "lost";
      readonly sinceMs: number;
      readonly retryAtMs: number;
      readonly message: string;
      readonly lastMs?: number;
    };

export type CommandState = { readonly phase: "running" } | { readonly phase: "failed"; readonly message: string };

/** Everything that is shown, and nothing else. */
export interface State {
  readonly session: SessionState;
  readonly connection: ConnectionState;
  readonly view: View;
  readonly ships: Remote<Readonly<Record<string, ShipState>>>;
  readonly alerts: Remote<readonly ApiAlert[]>;
  readonly sites: Remote<SitesReply>;
  /** Containers and clusters in the map's box. */
  readonly marks: Remote<ContainersReply>;
  /** The marks are older than what the live feed has said since. */
  readonly marksStale: boolean;
  readonly lists: Readonly<Record<ListName, Remote<ContainerPage>>>;
  /** The selected container. */
  readonly detail: Remote<ContainerState>;
  /** Of the selected container or ship. */
  readonly history: Remote<History>;
  /** A part of it, less thinned: what the chart looks at closely. */
  readonly closer: Remote<History>;
  /** In which the person reads. */
  readonly units: Units;
  readonly simulation?: { readonly state: SimulationState; readonly receivedMs: number };
  readonly search: string;
  readonly commands: Readonly<Record<string, CommandState>>;
  readonly notices: readonly { readonly id: number; readonly text: string }[];
  readonly noticeCount: number;
}

/** Notices on screen at once; older ones give way. */
const NOTICES_MAX = 3;

const NOTHING_LOADED = {
  connection: { phase: "connecting" },
  ships: IDLE,
  alerts: IDLE,
  sites: IDLE,
  marks: IDLE,
  marksStale: false,
  lists: { fleet: IDLE, aboard: IDLE, search: IDLE },
  detail: IDLE,
  history: IDLE,
  closer: IDLE,
  search: "",
  commands: {},
  notices: [],
} as const satisfies Omit<State, "session" | "view" | "noticeCount" | "simulation" | "units">;

export function initialState(view: View, units: Units = USUAL_UNITS): State {
  return { ...NOTHING_LOADED, session: { phase: "checking" }, view, units, noticeCount: 0 };
}

/** The next state. Pure: clock readings come in with the actions. */
export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "session/checking":
      return { ...state, session: { phase: "checking" } };
    case "session/signing-in":
      return state.session.phase === "signed-out"
        ? { ...state, session: withoutMessage({ ...state.session, phase: "signing-in" }) }
        : state;
    case "session/signed-in":
      return { ...state, session: { phase: "signed-in", user: action.session } };
    case "session/signed-out":
      return signedOut(state, action);
    case "session/unreachable":
      return { ...state, session: { phase: "unreachable", message: action.message } };
    case "view/replaced":
      return replaceView(state, action.view);
    case "view/tab":
      return replaceView(state, withSelection({ ...state.view, tab: action.tab }, undefined));
    case "view/selected":
      return replaceView(state, withSelection(state.view, action.selection));
    case "view/moved":
      return { ...state, view: { ...state.view, box: action.box } };
    case "view/at": {
      const { atMs: _, ...view } = state.view;
      return { ...state, view: action.atMs === undefined ? view : { ...view, atMs: action.atMs } };
    }
    case "view/status":
      return { ...state, view: withStatus(state.view, action.status) };
    case "view/measure":
      return { ...state, view: withLimit({ ...state.view, measure: action.measure }, undefined) };
    case "view/window":
      return { ...state, view: withWindow(state.view, action.window), closer: IDLE };
    case "view/follow":
      return { ...state, view: { ...state.view, follow: action.follow } };
    case "view/limit":
      return { ...state, view: withLimit(state.view, action.limit) };
    case "units/chosen":
      return { ...state, units: action.units };
    case "connection/open":
      return { ...state, connection: { phase: "live", lastMs: action.nowMs } };
    case "connection/lost":
      return { ...state, connection: lost(state.connection, action) };
    case "live":
      return {
        ...applyLive(state, action.event, action.nowMs),
        connection: { phase: "live", lastMs: action.nowMs },
      };
    case "loading":
      return setPart(state, action.part, (remote) => toLoading(remote));
    case "failed":
      return setPart(state, action.part, (remote) => toFailed(remote, action.message, action.missing));
    case "ships/loaded":
      return {
        ...state,
        ships: { phase: "ready", value: Object.fromEntries(action.reply.ships.map((ship) => [ship.imo, ship])) },
      };
    case "alerts/loaded":
      return { ...state, alerts: { phase: "ready", value: action.reply.alerts } };
    case "alert/answered":
      return { ...state, alerts: mapRemote(state.alerts, (alerts) => mergeAlert(alerts, action.alert)) };
    case "sites/loaded":
      return { ...state, sites: { phase: "ready", value: action.reply } };
    case "marks/loaded":
      return { ...state, marks: { phase: "ready", value: action.reply }, marksStale: false };
    case "list/loaded":
      return { ...state, lists: { ...state.lists, [action.list]: loadedList(state.lists[action.list], action) } };
    case "detail/loaded":
      return { ...state, detail: { phase: "ready", value: action.container } };
    case "history/loaded":
      return { ...state, history: { phase: "ready", value: action.history } };
    case "closer/loaded":
      return { ...state, closer: { phase: "ready", value: action.history } };
    case "simulation/loaded":
      return { ...state, simulation: { state: action.simulation, receivedMs: action.nowMs } };
    case "search/typed":
      return {
        ...state,
        search: action.text,
        lists: action.text.trim() === "" ? { ...state.lists, search: IDLE } : state.lists,
      };
    case "command/started":
      return { ...state, commands: { ...state.commands, [action.key]: { phase: "running" } } };
    case "command/failed":
      return {
        ...state,
        commands: { ...state.commands, [action.key]: { phase: "failed", message: action.message } },
      };
    case "command/done":
      return commandDone(state, action.key, action.notice);
    case "notice/gone":
      return { ...state, notices: state.notices.filter((notice) => notice.id !== action.id) };
  }
}

function withoutMessage(session: SessionState & { phase: "signed-out" | "signing-in" }): SessionState {
  const { message: _, ...rest } = session;
  return rest;
}

/** Forgets everything that was shown to the person before; only the place in the address bar stays. */
function signedOut(state: State, action: Action & { type: "session/signed-out" }): State {
  const before = state.session;
  const { demo, setup, provider, message } = action;
  const isTold = demo !== undefined || setup !== undefined || provider !== undefined;
  // An answer to a wrong password does not say it again.
  const known = before.phase === "signed-out" || before.phase === "signing-in" ? before.waysIn : {};
  const told: WaysIn = { ...(demo && { demo }), ...(setup && { setup }), ...(provider && { provider }) };
  return {
    ...NOTHING_LOADED,
    view: state.view,
    units: state.units,
    noticeCount: state.noticeCount,
    session: {
      phase: "signed-out",
      waysIn: isTold ? told : known,
      ...(message === undefined ? {} : { message }),
    },
  };
}

/** The first state that is chosen is shown alone, further ones beside it; when none is left, all are shown. */
function withStatus(view: View, status: ContainerStatus | undefined): View {
  const { statuses = [], ...rest } = view;
  const chosen = new Set(statuses);
  if (status === undefined) chosen.clear();
  else if (!chosen.delete(status)) chosen.add(status);
  return { ...rest, ...readStatuses([...chosen].join(",")) };
}

function withSelection(view: View, selection: Selection | undefined): View {
  const { selection: _, atMs: __, window: ___, limit: ____, follow: _____, ...rest } = view;
  return selection ? { ...rest, selection } : rest;
}

function withWindow(view: View, window: View["window"]): View {
  const { window: _, ...rest } = view;
  return window ? { ...rest, window } : rest;
}

/** A limit is of one measurement: it goes with it. */
function withLimit(view: View, limit: View["limit"]): View {
  const { limit: _, ...rest } = view;
  return limit ? { ...rest, limit } : rest;
}

/** A different selection shows nothing of the one before. */
function replaceView(state: State, view: View): State {
  const before = state.view.selection;
  const same = before?.kind === view.selection?.kind && before?.id === view.selection?.id;
  if (same) return { ...state, view };
  const known = view.selection?.kind === "container" ? findContainer(state, view.selection.id) : undefined;
  return {
    ...state,
    view,
    detail: known ? { phase: "loading", value: known } : IDLE,
    history: IDLE,
    closer: IDLE,
    lists: { ...state.lists, aboard: IDLE },
  };
}

/** What any list or mark already says about a container, so that its card opens filled. */
function findContainer(state: State, id: string): ContainerState | undefined {
  for (const list of Object.values(state.lists)) {
    const page = list.phase === "idle" ? undefined : list.value;
    const found = page?.containers.find((container) => container.container === id);
    if (found) return found;
  }
  const marks = state.marks.phase === "idle" ? undefined : state.marks.value;
  for (const { properties } of marks?.features ?? []) {
    if (properties.kind === "container" && properties.container === id) return properties;
  }
  return undefined;
}

function lost(before: ConnectionState, action: Action & { type: "connection/lost" }): ConnectionState {
  const lastMs = before.phase === "connecting" ? undefined : before.lastMs;
  return {
    phase: "lost",
    sinceMs: before.phase === "lost" ? before.sinceMs : action.nowMs,
    retryAtMs: action.retryAtMs,
    message: action.message,
    ...(lastMs === undefined ? {} : { lastMs }),
  };
}

function setPart(state: State, part: Part, change: <T>(remote: Remote<T>) => Remote<T>): State {
  switch (part) {
    case "fleet":
    case "aboard":
    case "search":
      return { ...state, lists: { ...state.lists, [part]: change(state.lists[part]) } };
    default:
      return { ...state, [part]: change<unknown>(state[part]) };
  }
}

function loadedList(before: Remote<ContainerPage>, action: Action & { type: "list/loaded" }): Remote<ContainerPage> {
  const earlier = action.append && before.phase !== "idle" ? (before.value?.containers ?? []) : [];
  return { phase: "ready", value: { ...action.page, containers: [...earlier, ...action.page.containers] } };
}

function commandDone(state: State, key: string, text: string): State {
  const { [key]: _, ...commands } = state.commands;
  const notice = { id: state.noticeCount, text };
  return {
    ...state,
    commands,
    notices: [...state.notices, notice].slice(-NOTICES_MAX),
    noticeCount: state.noticeCount + 1,
  };
}
