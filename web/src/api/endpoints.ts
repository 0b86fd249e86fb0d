import type {
  AlertReply,
  AlertsReply,
  ApiAlert,
  AuditReply,
  ContainerHistoryReply,
  ContainersQuery,
  ContainersReply,
  ContainerState,
  ExcursionsReply,
  GrantReply,
  GrantRequest,
  GrantsReply,
  LinkPatch,
  Measurements,
  PasswordRequest,
  PeopleReply,
  PersonChange,
  PersonReply,
  PersonRequest,
  RulesInForce,
  RulesReply,
  RulesRequest,
  SessionReply,
  SetupRequest,
  ShipHistoryReply,
  ShipsReply,
  SimulationState,
  SiteHealthReply,
  SitesReply,
  VoyagesReply,
} from "@landfall/proto/api";
import { queryString, type Http } from "./http.js";

/** Points of a history that are asked for: about one per pixel of a wide chart. */
export const HISTORY_MAX_POINTS = 2000;

export type ExportFormat = "csv" | "geojson" | "gpx";

/** A part of a history; RFC 3339. */
export interface Part {
  readonly from?: string;
  readonly to?: string;
}

export interface ExcursionsQuery extends Part {
  readonly field: keyof Measurements;
  readonly above?: number;
  readonly below?: number;
}

/** What of the audit is asked for; undefined is everything. */
export interface AuditQuery {
  readonly user?: string | undefined;
  readonly action?: string | undefined;
  readonly outcome?: string | undefined;
  readonly before?: string | undefined;
  readonly limit?: number;
}

/** The HTTP contract, one method per request. All throw `ApiError`. */
export interface Api {
  session(): Promise<SessionReply>;
  signIn(username: string, password: string): Promise<SessionReply>;
  signOut(): Promise<void>;
  /** Makes the first administrator, and signs them in. */
  setUp(request: SetupRequest): Promise<SessionReply>;
  setPassword(request: PasswordRequest): Promise<SessionReply>;
  people(signal?: AbortSignal): Promise<PeopleReply>;
  addPerson(request: PersonRequest): Promise<PersonReply>;
  changePerson(name: string, change: PersonChange): Promise<PersonReply>;
  audit(query: AuditQuery, signal?: AbortSignal): Promise<AuditReply>;
  containers(query: ContainersQuery, signal?: AbortSignal): Promise<ContainersReply>;
  container(id: string, signal?: AbortSignal): Promise<ContainerState>;
  containerHistory(id: string, part?: Part, signal?: AbortSignal): Promise<ContainerHistoryReply>;
  /** Out of every reading, not of those that the chart shows. */
  excursions(id: string, query: ExcursionsQuery, signal?: AbortSignal): Promise<ExcursionsReply>;
  ships(): Promise<ShipsReply>;
  shipHistory(imo: string, part?: Part, signal?: AbortSignal): Promise<ShipHistoryReply>;
  alerts(): Promise<AlertsReply>;
  alert(id: string, signal?: AbortSignal): Promise<AlertReply>;
  acknowledge(id: string, message: string): Promise<ApiAlert>;
  rules(signal?: AbortSignal): Promise<RulesReply>;
  putRules(request: RulesRequest): Promise<RulesInForce>;
  /** Returns to what the ships' own settings say. */
  removeRules(rules: Pick<RulesRequest, "owner" | "key" | "replaces">): Promise<RulesInForce>;
  sites(): Promise<SitesReply>;
  simulation(): Promise<SimulationState>;
  arrive(imo: string, port: string): Promise<void>;
  depart(imo: string, to: string): Promise<void>;
  siteHealth(site: string, signal?: AbortSignal): Promise<SiteHealthReply>;
  overboard(imo: string, count: number): Promise<void>;
  killNode(site: string, stay: boolean): Promise<void>;
  startNode(site: string): Promise<void>;
  patchLink(id: string, patch: LinkPatch): Promise<void>;
  voyages(container: string, signal?: AbortSignal): Promise<VoyagesReply>;
  grants(owner: string, signal?: AbortSignal): Promise<GrantsReply>;
  share(grant: GrantRequest): Promise<GrantReply>;
  takeBack(owner: string, grant: string): Promise<GrantReply>;
}

export function createApi(http: Http): Api {
  const id = encodeURIComponent;
  return {
    session: () => http.request("GET", "/api/session"),
    signIn: (username, password) => http.request("POST", "/api/session", { body: { username, password } }),
    signOut: () => http.request("DELETE", "/api/session"),
    setUp: (body) => http.request("POST", "/api/setup", { body }),
    setPassword: (body) => http.request("PUT", "/api/session/password", { body }),
    people: (signal) => http.request("GET", "/api/people", abort(signal)),
    addPerson: (body) => http.request("POST", "/api/people", { body }),
    changePerson: (name, body) => http.request("PATCH", `/api/people/${id(name)}`, { body }),
    audit: (query, signal) => http.request("GET", "/api/audit", { query: { ...query }, ...abort(signal) }),
    containers: (query, signal) => http.request("GET", "/api/containers", { query: { ...query }, ...abort(signal) }),
    container: (container, signal) => http.request("GET", `/api/containers/${id(container)}`, abort(signal)),
    containerHistory: (container, part, signal) =>
      http.request("GET", `/api/containers/${id(container)}/history`, {
        query: { maxPoints: HISTORY_MAX_POINTS, ...part },
        ...abort(signal),
      }),
    ships: () => http.request("GET", "/api/ships"),
    excursions: (container, query, signal) =>
      http.request("GET", `/api/containers/${id(container)}/excursions`, { query: { ...query }, ...abort(signal) }),
    shipHistory: (imo, part, signal) =>
      http.request("GET", `/api/ships/${id(imo)}/history`, {
        query: { maxPoints: HISTORY_MAX_POINTS, ...part },
        ...abort(signal),
      }),
    alerts: () => http.request("GET", "/api/alerts"),
    alert: (alert, signal) => http.request("GET", `/api/alerts/${id(alert)}`, abort(signal)),
    acknowledge: (alert, message) => http.request("POST", `/api/alerts/${id(alert)}/ack`, { body: { message } }),
    rules: (signal) => http.request("GET", "/api/rules", abort(signal)),
    putRules: (body) => http.request("PUT", "/api/rules", { body }),
    removeRules: (query) => http.request("DELETE", "/api/rules", { query: { ...query } }),
    sites: () => http.request("GET", "/api/sites"),
    simulation: () => http.request("GET", "/api/simulation"),
    arrive: (imo, port) => http.request("POST", `/api/simulation/ships/${id(imo)}/arrive`, { body: { port } }),
    depart: (imo, to) => http.request("POST", `/api/simulation/ships/${id(imo)}/depart`, { body: { to } }),
    siteHealth: (site, signal) => http.request("GET", `/api/sites/${id(site)}/health`, abort(signal)),
    overboard: (imo, count) => http.request("POST", `/api/simulation/ships/${id(imo)}/overboard`, { body: { count } }),
    killNode: (site, stay) => http.request("POST", `/api/simulation/nodes/${id(site)}/kill`, { body: { stay } }),
    startNode: (site) => http.request("POST", `/api/simulation/nodes/${id(site)}/start`),
    voyages: (container, signal) => http.request("GET", `/api/containers/${id(container)}/voyages`, abort(signal)),
    grants: (owner, signal) => http.request("GET", "/api/grants", { query: { owner }, ...abort(signal) }),
    share: (grant) => http.request("POST", "/api/grants", { body: grant }),
    takeBack: (owner, grant) => http.request("DELETE", "/api/grants", { query: { owner, id: grant } }),
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
