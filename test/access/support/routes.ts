import { CONTAINERS, DUCKS, NO_SHIP, NOBODYS, PEARS, seen, SHIP, SHIPS, STREAMS, at, type Who } from "./world.js";

/** One thing that a route can be asked for, and what stands for it where nothing does: names of the same length. */
export interface Subject {
  readonly id: string;
  readonly absent: string;
  /** Who gets something for it. */
  readonly who: (who: Who) => boolean;
}

export interface Request {
  readonly path: string;
  readonly body?: unknown;
}

/** What a route answers to whom. */
export type Decision =
  /** The same to everybody, and nothing of anybody's in it. */
  | { readonly kind: "open"; readonly ask: Request }
  /** Of the asking person alone; what is refused is so whatever there is. */
  | { readonly kind: "own"; readonly ask: Request; readonly status: (who: Who) => number }
  /** A list of what somebody may see, out of everything that `all` names. */
  | { readonly kind: "list"; readonly ask: Request; readonly all: readonly Subject[]; readonly needsSession: boolean }
  /** One thing each: what may not be seen answers as what is not there. */
  | {
      readonly kind: "one";
      readonly ask: (id: string) => readonly Request[];
      readonly all: readonly Subject[];
      readonly needsSession: boolean;
      /** Status for who gets nothing; 404 when left out. */
      readonly refused?: number;
    }
  /** For some alone; to others there is no such route, whatever is asked. Strangers are asked who they are, unless it says 404. */
  | {
      readonly kind: "only";
      readonly ask: (id: string) => Request;
      readonly all: readonly Subject[];
      readonly whose: (who: Who) => boolean;
      readonly strangers?: 404;
    }
  /** Asked in a test of its own, which is named. */
  | { readonly kind: "elsewhere"; readonly test: string };

const twinOf = (name: string): string => `x${name.slice(1)}`.replace(/^x(.)/, (_all, next: string) => `q${next}`);

const streams: readonly Subject[] = Object.keys(STREAMS).map((id) => ({
  id,
  absent: twinOf(id),
  who: (who) => seen(who, id) !== "none",
}));
/** What is about a stream as a whole is for who sees all of it. */
const wholeStreams = streams.map((subject) => ({ ...subject, who: (who: Who) => seen(who, subject.id) === "all" }));
const containers: readonly Subject[] = Object.entries(CONTAINERS).map(([id, who]) => ({
  id,
  absent: NOBODYS,
  who: (one) => who.includes(one),
}));
const ships: readonly Subject[] = Object.entries(SHIPS).map(([id, who]) => ({
  id,
  absent: NO_SHIP,
  who: (one) => who.includes(one),
}));
const owners: readonly Subject[] = ["duckworks", "polarfoods"].map((id) => ({
  id,
  absent: twinOf(id),
  who: (who) => who === "ops",
}));
/** Stands for the id of a token that a program has who is `chef`. */
export const TOKEN_OF_CHEF = "{token}";
const nobodys: Pick<Subject, "who"> = { who: () => false };
/** Who can sign in with a password. */
const people: readonly Subject[] = [{ id: "ops", absent: twinOf("ops"), ...nobodys }];
const newcomers: readonly Subject[] = [{ id: "nora", absent: "qora", ...nobodys }];
const sites: readonly Subject[] = [
  { id: "los-angeles", absent: "qos-angeles", who: (who) => who === "ops" },
  { id: "duckworks", absent: "quckworks", who: (who) => who === "ops" || who === "ducky" },
];
const topics: Readonly<Record<string, string>> = {
  "duckworks.containers": DUCKS,
  "polarfoods.containers": PEARS,
  "polarfoods.alerts": PEARS,
  "bigblue.ships": `${SHIP}.position`,
  "bigblue.metrics": "los-angeles.a",
  "port.ausyd.events": DUCKS,
  "public.notices": "notice",
};
const formats = ["json", "csv", "geojson", "gpx"];
const isOps = (who: Who): boolean => who === "ops";
const session = { needsSession: true };
/** To be known is enough. */
const signedIn = (who: Who): number => (who === "anonymous" ? 401 : 200);
const steered = (ask: (id: string) => Request, all: readonly Subject[]): Decision => ({
  kind: "only",
  ask,
  all,
  whose: isOps,
});

/** Every route of the OpenAPI document. One that is not here fails the test: decide who may. */
export const DECISIONS: Readonly<Record<string, Decision>> = {
  "GET /healthz": { kind: "open", ask: { path: "/healthz" } },
  "GET /readyz": { kind: "open", ask: { path: "/readyz" } },
  // As the stream `bigblue.metrics`, of which they are a part.
  "GET /metrics": { kind: "only", ask: () => ({ path: "/metrics" }), all: owners, whose: isOps, strangers: 404 },
  "GET /api/status": { kind: "only", ask: () => ({ path: "/api/status" }), all: owners, whose: isOps },
  "GET /api/streams": { kind: "list", ask: { path: "/api/streams" }, all: streams, needsSession: false },
  "GET /api/streams/{stream}/topics": {
    kind: "one",
    ask: (id) => [{ path: `/api/streams/${id}/topics` }, { path: `/api/streams/${id}/topics?prefix=P&limit=1` }],
    all: streams,
    needsSession: false,
  },
  "GET /api/streams/{stream}/topics/{topic}/records": {
    kind: "one",
    ask: (id) => [{ path: `/api/streams/${id}/topics/${topics[id] ?? PEARS}/records` }],
    all: streams.filter(({ id }) => topics[id] !== undefined),
    needsSession: false,
  },
  "GET /api/streams/{stream}/gaps": {
    kind: "one",
    ask: (id) => [{ path: `/api/streams/${id}/gaps` }],
    all: wholeStreams,
    needsSession: false,
  },
  "POST /api/streams/{stream}/read": {
    kind: "one",
    ask: (id) => [
      { path: `/api/streams/${id}/read`, body: {} },
      { path: `/api/streams/${id}/read`, body: { from: "now" } },
    ],
    all: wholeStreams,
    needsSession: false,
  },
  "POST /api/holdings": {
    kind: "list",
    ask: { path: "/api/holdings", body: { streams: Object.keys(STREAMS) } },
    all: wholeStreams,
    needsSession: false,
  },
  "POST /api/digests": {
    kind: "one",
    ask: (stream) => [
      { path: "/api/digests", body: { ranges: [{ stream, origin: "tokyo.a~0000000000", from: 0, to: 9, step: 9 }] } },
    ],
    all: wholeStreams,
    needsSession: false,
  },
  "POST /api/repair": {
    kind: "only",
    ask: () => ({ path: "/api/repair", body: { ranges: [] } }),
    all: owners,
    whose: isOps,
  },
  "GET /api/session": {
    kind: "own",
    ask: { path: "/api/session" },
    // Programs with a token of the settings have no session; who holds a link is told what it shows.
    status: (who) => (who === "link" ? 200 : 401),
  },
  // Whose password is right is let in; who guesses does not learn whether there is such a person.
  "POST /api/session": {
    kind: "one",
    ask: (username) => [{ path: "/api/session", body: { username, password: "guessed" } }],
    all: people,
    needsSession: false,
    refused: 401,
  },
  // None of these came in with a password.
  "PUT /api/session/password": {
    kind: "own",
    ask: { path: "/api/session/password", body: { current: "guessed", password: "a long password of mine" } },
    status: (who) => (who === "anonymous" ? 401 : 404),
  },
  "GET /api/setup": { kind: "open", ask: { path: "/api/setup" } },
  // Somebody is known here already, and no identity provider is: the same to everybody.
  "POST /api/setup": {
    kind: "own",
    ask: { path: "/api/setup", body: { token: "guessed", username: "eve", password: "a long password of hers" } },
    status: () => 404,
  },
  "GET /api/oidc/start": { kind: "own", ask: { path: "/api/oidc/start" }, status: () => 404 },
  "GET /api/oidc/callback": { kind: "own", ask: { path: "/api/oidc/callback?state=x&code=y" }, status: () => 404 },
  "GET /api/people": { kind: "only", ask: () => ({ path: "/api/people" }), all: owners, whose: isOps },
  "POST /api/people": {
    kind: "only",
    ask: (name) => ({ path: "/api/people", body: { name } }),
    all: newcomers,
    whose: isOps,
  },
  "PATCH /api/people/{name}": {
    kind: "only",
    ask: (name) => ({ path: `/api/people/${name}`, body: { displayName: "Somebody" } }),
    all: newcomers,
    whose: isOps,
  },
  "DELETE /api/people/{name}": {
    kind: "only",
    ask: (name) => ({ path: `/api/people/${name}` }),
    all: newcomers,
    whose: isOps,
  },
  "GET /api/tokens": { kind: "own", ask: { path: "/api/tokens" }, status: signedIn },
  // A token makes no tokens but an administrator's.
  "POST /api/tokens": {
    kind: "own",
    ask: { path: "/api/tokens", body: { label: "a program" } },
    status: (who) => (who === "ops" || who === "anonymous" ? signedIn(who) : 404),
  },
  "DELETE /api/tokens/{id}": {
    kind: "one",
    ask: (id) => [{ path: `/api/tokens/${id}` }],
    all: [{ id: TOKEN_OF_CHEF, absent: "abcdefghij", who: isOps }],
    ...session,
  },
  "GET /api/audit": {
    kind: "only",
    ask: (owner) => ({ path: `/api/audit?owner=${owner}` }),
    all: owners,
    whose: isOps,
  },
  "DELETE /api/session": { kind: "own", ask: { path: "/api/session" }, status: () => 204 },
  "GET /api/containers": { kind: "list", ask: { path: "/api/containers" }, all: containers, ...session },
  "GET /api/containers/{id}": {
    kind: "one",
    ask: (id) => [{ path: `/api/containers/${id}` }],
    all: containers,
    ...session,
  },
  "GET /api/containers/{id}/voyages": {
    kind: "one",
    ask: (id) => [{ path: `/api/containers/${id}/voyages` }],
    all: containers,
    ...session,
  },
  "GET /api/containers/{id}/history": {
    kind: "one",
    ask: (id) => [
      ...formats.map((format) => ({ path: `/api/containers/${id}/history?format=${format}` })),
      { path: `/api/containers/${id}/history?from=${at(1)}&to=${at(30)}&maxPoints=100` },
    ],
    all: containers,
    ...session,
  },
  "GET /api/containers/{id}/excursions": {
    kind: "one",
    ask: (id) => [
      { path: `/api/containers/${id}/excursions?above=-15` },
      { path: `/api/containers/${id}/excursions?field=humidityPct&below=50&from=${at(1)}&to=${at(30)}` },
    ],
    all: containers,
    ...session,
  },
  "GET /api/ships": { kind: "list", ask: { path: "/api/ships" }, all: ships, ...session },
  "GET /api/ships/{imo}": { kind: "one", ask: (imo) => [{ path: `/api/ships/${imo}` }], all: ships, ...session },
  "GET /api/ships/{imo}/history": {
    kind: "one",
    ask: (imo) => formats.map((format) => ({ path: `/api/ships/${imo}/history?format=${format}` })),
    all: ships,
    ...session,
  },
  "GET /api/alerts": {
    kind: "list",
    ask: { path: "/api/alerts" },
    all: [{ id: "within", absent: "absent", who: (who) => ["ops", "chef", "link"].includes(who) }],
    ...session,
  },
  "GET /api/alerts/{id}": {
    kind: "one",
    ask: (id) => [{ path: `/api/alerts/${id}` }],
    all: [{ id: "within", absent: "absent", who: (who) => ["ops", "chef", "link"].includes(who) }],
    ...session,
  },
  // What was shared with somebody is theirs to look at, not to speak on.
  "POST /api/alerts/{id}/ack": {
    kind: "one",
    ask: (id) => [{ path: `/api/alerts/${id}/ack`, body: { message: "seen" } }],
    all: [{ id: "within", absent: "absent", who: isOps }],
    ...session,
  },
  "GET /api/bookings/{container}": {
    kind: "one",
    ask: (id) => [{ path: `/api/bookings/${id}` }],
    // Bookings are settings: whoever may not read these gets the empty list of what nobody booked.
    all: [
      { id: DUCKS, absent: NOBODYS, who: (who) => who === "ops" || who === "ducky" },
      { id: PEARS, absent: NOBODYS, who: isOps },
    ],
    ...session,
  },
  "PUT /api/bookings/{container}": {
    kind: "only",
    ask: (owner) => ({ path: `/api/bookings/${DUCKS}`, body: { owner, from: at(1) } }),
    all: owners,
    whose: isOps,
  },
  "GET /api/rules": {
    kind: "only",
    ask: (owner) => ({ path: `/api/rules?owner=${owner}` }),
    all: owners,
    whose: isOps,
  },
  "PUT /api/rules": {
    kind: "only",
    ask: (owner) => ({ path: "/api/rules", body: { owner, key: "onboard", rules: { lostAfterMinutes: 30 } } }),
    all: owners,
    whose: isOps,
  },
  "DELETE /api/rules": {
    kind: "only",
    ask: (owner) => ({ path: `/api/rules?owner=${owner}&key=retention` }),
    all: owners,
    whose: isOps,
  },
  "GET /api/grants": {
    kind: "only",
    ask: (owner) => ({ path: `/api/grants?owner=${owner}` }),
    all: owners,
    whose: isOps,
  },
  "POST /api/grants": {
    kind: "only",
    ask: (owner) => ({ path: "/api/grants", body: { owner, subject: "u:somebody", from: at(1), to: at(2) } }),
    all: owners,
    whose: isOps,
  },
  "DELETE /api/grants": {
    kind: "only",
    ask: (owner) => ({ path: `/api/grants?owner=${owner}&id=0123456789abcdef` }),
    all: owners,
    whose: isOps,
  },
  // Of streams it names none that somebody may not read; the site itself is known to all who came to it.
  "GET /api/sites": { kind: "list", ask: { path: "/api/sites" }, all: wholeStreams, ...session },
  "GET /api/sites/{site}/health": {
    kind: "one",
    ask: (site) => [{ path: `/api/sites/${site}/health` }],
    all: sites,
    ...session,
  },
  "GET /api/live": { kind: "elsewhere", test: "test/access/live.test.ts" },
  "GET /api/simulation": { kind: "own", ask: { path: "/api/simulation" }, status: signedIn },
  "POST /api/simulation/ships/{imo}/arrive": steered(
    (imo) => ({ path: `/api/simulation/ships/${imo}/arrive`, body: { port: "AUSYD" } }),
    ships,
  ),
  "POST /api/simulation/ships/{imo}/depart": steered(
    (imo) => ({ path: `/api/simulation/ships/${imo}/depart`, body: { to: "AUSYD" } }),
    ships,
  ),
  "POST /api/simulation/ships/{imo}/overboard": steered(
    (imo) => ({ path: `/api/simulation/ships/${imo}/overboard`, body: { count: 3 } }),
    ships,
  ),
  "POST /api/simulation/nodes/{site}/kill": steered(
    (site) => ({ path: `/api/simulation/nodes/${site}/kill`, body: { stay: false } }),
    sites,
  ),
  "POST /api/simulation/nodes/{site}/start": steered(
    (site) => ({ path: `/api/simulation/nodes/${site}/start` }),
    sites,
  ),
  "PATCH /api/simulation/links/{id}": steered(
    (id) => ({ path: `/api/simulation/links/${id}`, body: { state: "down" } }),
    [{ id: "duckworks~los-angeles", absent: "quckworks~los-angeles", ...nobodys }],
  ),
};

/** Names that tell of somebody: none may stand in an answer to who may not know of it. */
export const TELLING: readonly Subject[] = [
  ...streams,
  ...containers,
  ...ships,
  // Positions of that stream are told, by its name, to who has cargo aboard.
  { id: "bigblue.ships", absent: "", who: (who) => who === "ducky" },
];
