import type { ApiAlert, ContainersReply, ContainerState, LiveEvent, ShipState } from "@landfall/proto/api";
import type { State } from "../state.js";
import type { ContainerPage } from "./actions.js";
import { mapRemote } from "./remote.js";

/** Alerts kept in memory; the newest stay. The server's list is as long or shorter. */
const ALERTS_MAX = 1000;

/** Folds one live event into what is shown. Parts that are not loaded yet are left to their own loading. */
export function applyLive(state: State, event: LiveEvent, nowMs: number): State {
  switch (event.type) {
    case "containers":
      return withoutGone(applyContainers(state, event.data.containers), event.data.gone ?? []);
    case "ships":
      return {
        ...state,
        ships: mapRemote(state.ships, (ships) => mergeShips(ships, event.data.ships, event.data.gone ?? [])),
      };
    case "alert":
      return { ...state, alerts: mapRemote(state.alerts, (alerts) => mergeAlert(alerts, event.data)) };
    case "sites":
      return { ...state, sites: { phase: "ready", value: event.data } };
    case "simulation":
      return { ...state, simulation: { state: event.data, receivedMs: nowMs } };
  }
}

function applyContainers(state: State, containers: readonly ContainerState[]): State {
  if (containers.length === 0) return state;
  const updates = new Map(containers.map((container) => [container.container, container]));
  const patch = (page: ContainerPage): ContainerPage => {
    const patched = patchStates(page.containers, updates);
    return patched === page.containers ? page : { ...page, containers: patched };
  };
  return {
    ...state,
    marks: mapRemote(state.marks, (reply) => patchMarks(reply, updates)),
    // Clusters and the box's contents can only be asked for again.
    marksStale: true,
    lists: {
      fleet: mapRemote(state.lists.fleet, patch),
      aboard: mapRemote(state.lists.aboard, patch),
      search: mapRemote(state.lists.search, patch),
    },
    detail: mapRemote(state.detail, (container) => updates.get(container.container) ?? container),
  };
}

/** What this person may no longer see leaves the map, the lists and the alerts; an open card finds out by itself. */
function withoutGone(state: State, gone: readonly string[]): State {
  if (gone.length === 0) return state;
  const isGone = new Set(gone);
  const shorten = (page: ContainerPage): ContainerPage => ({
    ...page,
    containers: page.containers.filter(({ container }) => !isGone.has(container)),
  });
  return {
    ...state,
    marks: mapRemote(state.marks, (reply) => ({
      ...reply,
      features: reply.features.filter(
        ({ properties }) => !("container" in properties && isGone.has(properties.container)),
      ),
    })),
    marksStale: true,
    lists: {
      fleet: mapRemote(state.lists.fleet, shorten),
      aboard: mapRemote(state.lists.aboard, shorten),
      search: mapRemote(state.lists.search, shorten),
    },
    alerts: mapRemote(state.alerts, (alerts) => alerts.filter(({ container = "" }) => !isGone.has(container))),
  };
}

function patchStates(
  list: readonly ContainerState[],
  updates: ReadonlyMap<string, ContainerState>,
): readonly ContainerState[] {
  if (!list.some((container) => updates.has(container.container))) return list;
  return list.map((container) => updates.get(container.container) ?? container);
}

function patchMarks(reply: ContainersReply, updates: ReadonlyMap<string, ContainerState>): ContainersReply {
  let changed = false;
  const features = reply.features.map((feature) => {
    if (feature.properties.kind !== "container") return feature;
    const update = updates.get(feature.properties.container);
    if (!update) return feature;
    changed = true;
    const { longitude, latitude } = update;
    return {
      type: "Feature" as const,
      id: feature.id,
      geometry:
        longitude === undefined || latitude === undefined
          ? null
          : { type: "Point" as const, coordinates: [longitude, latitude] as const },
      properties: { ...update, kind: "container" as const },
    };
  });
  return changed ? { ...reply, features } : reply;
}

function mergeShips(
  ships: Readonly<Record<string, ShipState>>,
  updates: readonly ShipState[],
  gone: readonly string[],
): Readonly<Record<string, ShipState>> {
  if (updates.length === 0 && gone.length === 0) return ships;
  const next = { ...ships, ...Object.fromEntries(updates.map((ship) => [ship.imo, ship])) };
  for (const imo of gone) delete next[imo];
  return next;
}

export function mergeAlert(alerts: readonly ApiAlert[], alert: ApiAlert): readonly ApiAlert[] {
  return [alert, ...alerts.filter((other) => other.id !== alert.id)].slice(0, ALERTS_MAX);
}
