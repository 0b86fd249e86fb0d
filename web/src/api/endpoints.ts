import type {
  AlertsReply,
  ContainerHistoryReply,
  ContainersQuery,
  ContainersReply,
  ContainerState,
  LinkPatch,
  SessionReply,
  ShipHistoryReply,
  ShipsReply,
  SimulationState,
  SitesReply,
} from "@landfall/proto/api";
import { queryString, type Http } from "./http.js";

/** Points of a history that are asked for: about one per pixel of a wide chart. */
export const HISTORY_MAX_POINTS = 2000;

export type ExportFormat = "csv" | "geojson" | "gpx";

/** The HTTP contract, one method per request. All throw `ApiError`. */
export interface Api {
  session(): Promise<SessionReply>;
  signIn(username: string, password: string): Promise<SessionReply>;
  signOut(): Promise<void>;
  containers(query: ContainersQuery, signal?: AbortSignal): Promise<ContainersReply>;
  container(id: string, signal?: AbortSignal): Promise<ContainerState>;
  containerHistory(id: string, signal?: AbortSignal): Promise<ContainerHistoryReply>;
  ships(): Promise<ShipsReply>;
  shipHistory(imo: string, signal?: AbortSignal): Promise<ShipHistoryReply>;
  alerts(): Promise<AlertsReply>;
  sites(): Promise<SitesReply>;
  simulation(): Promise<SimulationState>;
  arrive(imo: string, port: string): Promise<void>;
  depart(imo: string, to: string): Promise<void>;
  patchLink(id: string, patch: LinkPatch): Promise<void>;
}

export function createApi(http: Http): Api {
  const id = encodeURIComponent;
  return {
    session: () => http.request("GET", "/api/session"),
    signIn: (username, password) => http.request("POST", "/api/session", { body: { username, password } }),
    signOut: () => http.request("DELETE", "/api/session"),
    containers: (query, signal) => http.request("GET", "/api/containers", { query: { ...query }, ...abort(signal) }),
    container: (container, signal) => http.request("GET", `/api/containers/${id(container)}`, abort(signal)),
    containerHistory: (container, signal) =>
      http.request("GET", `/api/containers/${id(container)}/history`, {
        query: { maxPoints: HISTORY_MAX_POINTS },
        ...abort(signal),
      }),
    ships: () => http.request("GET", "/api/ships"),
    shipHistory: (imo, signal) =>
      http.request("GET", `/api/ships/${id(imo)}/history`, {
        query: { maxPoints: HISTORY_MAX_POINTS },
        ...abort(signal),
      }),
    alerts: () => http.request("GET", "/api/alerts"),
    sites: () => http.request("GET", "/api/sites"),
    simulation: () => http.request("GET", "/api/simulation"),
    arrive: (imo, port) => http.request("POST", `/api/simulation/ships/${id(imo)}/arrive`, { body: { port } }),
    depart: (imo, to) => http.request("POST", `/api/simulation/ships/${id(imo)}/depart`, { body: { to } }),
    patchLink: (link, patch) => http.request("PATCH", `/api/simulation/links/${id(link)}`, { body: patch }),
  };
}

function abort(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/** Address of a container's whole history as a file. */
export function exportUrl(container: string, format: ExportFormat): string {
  return `/api/containers/${encodeURIComponent(container)}/history${queryString({ format })}`;
}
