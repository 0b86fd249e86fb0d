import type { ShipState } from "@landfall/proto/api";
import { sitePosition, viewLinks } from "../fleet-model.js";
import type { Selectors } from "../selectors.js";
import { valueOf } from "../state/remote.js";
import type { State } from "../state.js";

/** Longitude and latitude. */
export type Point = readonly [number, number];

/** Where there is anything that the person may see. */
export function everything(state: State): Point[] {
  const ships = valueOf(state.ships) ?? {};
  const points: Point[] = [];
  for (const site of valueOf(state.sites)?.sites ?? []) {
    const at = sitePosition(site, ships);
    if (at) points.push(at);
  }
  for (const { longitude, latitude } of Object.values(ships)) {
    if (longitude !== undefined && latitude !== undefined) points.push([longitude, latitude]);
  }
  for (const { geometry } of valueOf(state.marks)?.features ?? []) {
    if (geometry) points.push([geometry.coordinates[0], geometry.coordinates[1]]);
  }
  return points;
}

/** Where the selected thing is; undefined while that is still loading. */
export function pointsOfSelection(
  state: State,
  ships: Readonly<Record<string, ShipState>>,
  selectors: Selectors,
): Point[] | undefined {
  const { selection } = state.view;
  if (!selection) return [];
  switch (selection.kind) {
    case "container":
    case "ship": {
      if (state.history.phase === "failed") return [];
      if (state.history.phase !== "ready") return undefined;
      const readings = selectors.openHistory(state)?.model.readings ?? [];
      return readings.flatMap(({ longitude, latitude }) =>
        longitude === undefined || latitude === undefined ? [] : [[longitude, latitude] as const],
      );
    }
    case "alert": {
      if (state.alerts.phase !== "ready" && state.alerts.phase !== "failed") return undefined;
      const alert = valueOf(state.alerts)?.find(({ id }) => id === selection.id);
      return alert?.longitude === undefined || alert.latitude === undefined ? [] : [[alert.longitude, alert.latitude]];
    }
    case "site": {
      if (!isSettled(state)) return undefined;
      const site = valueOf(state.sites)?.sites.find((one) => one.site === selection.id);
      const at = site && sitePosition(site, ships);
      return at ? [at] : [];
    }
    case "link": {
      if (!isSettled(state)) return undefined;
      const sites = valueOf(state.sites);
      const view = sites && viewLinks(sites, ships).find(({ link }) => link.id === selection.id);
      return view?.ends ? [...view.ends] : [];
    }
  }
}

function isSettled({ sites }: State): boolean {
  return sites.phase === "ready" || sites.phase === "failed";
}
