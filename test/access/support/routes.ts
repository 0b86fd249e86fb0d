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
  /** Of the asking person alone. */
  | { readonly kind: "own"; readonly ask: Request; readonly status: (who: Who) => number }
  /** A list of what somebody may see, out of everything that `all` names. */
  | { readonly kind: "list"; readonly ask: Request; readonly all: readonly Subject[]; readonly needsSession: boolean }
  /** One thing each: what may not be seen answers as what is not there. */
  | {
      readonly kind: "one";
      readonly ask: (id: string) => readonly Request[];
      readonly all: readonly Subject[];
      readonly needsSession: boolean;
    }
  /** For some alone; to others there is no such route, whatever is asked. */
  | {
      readonly kind: "only";
      readonly ask: (id: string) => Request;
      readonly all: readonly Subject[];
      readonly whose: (who: Who) => boolean;
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
const topics: Readonly<Record<string, string>> = {
  "duckworks.containers": DUCKS,
  "polarfoods.containers": PEARS,
  "polarfoods.alerts": PEARS,
  "bigblue.ships": `${SHIP}.position`,
  "bigblue.metrics": "los-angeles.a",
  "port.ausyd.events": DUCKS,
};
const formats = ["json", "csv", "geojson", "gpx"];
const isOps = (who: Who): boolean => who === "ops";
const session = { needsSession: true };

/** Every route of the OpenAPI document. One that is not here fails the test: decide who may. */
export const DECISIONS: Readonly<Record<string, Decision>> = {
  "GET /healthz": { kind: "open", ask: { path: "/healthz" } },
  "GET /readyz": { kind: "open", ask: { path: "/readyz" } },
  "GET /metrics": { kind: "open", ask: { path: "/metrics" } },
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
  "POST /api/session": { kind: "elsewhere", test: "hq/test/session.test.ts" },
  "PUT /api/session/password": { kind: "elsewhere", test: "hq/test/people.test.ts" },
  "GET /api/setup": { kind: "open", ask: { path: "/api/setup" } },
  "POST /api/setup": { kind: "elsewhere", test: "hq/test/people.test.ts" },
  "GET /api/oidc/start": { kind: "elsewhere", test: "hq/test/oidc.test.ts" },
  "GET /api/oidc/callback": { kind: "elsewhere", test: "hq/test/oidc.test.ts" },
  "GET /api/people": { kind: "only", ask: () => ({ path: "/api/people" }), all: owners, whose: isOps },
  "POST /api/people": { kind: "elsewhere", test: "hq/test/people.test.ts" },
  "PATCH /api/people/{name}": { kind: "elsewhere", test: "hq/test/people.test.ts" },
  "DELETE /api/people/{name}": { kind: "elsewhere", test: "hq/test/people.test.ts" },
  "GET /api/tokens": { kind: "own", ask: { path: "/api/tokens" }, status: (who) => (who === "anonymous" ? 401 : 200) },
  "POST /api/tokens": { kind: "elsewhere", test: "hq/test/people.test.ts" },
  "DELETE /api/tokens/{id}": { kind: "elsewhere", test: "hq/test/people.test.ts" },
  "GET /api/audit": {
    kind: "only",
    ask: (owner) => ({ path: `/api/audit?owner=${owner}` }),
    all: owners,
    whose: isOps,
  },
  "DELETE /api/session": { kind: "elsewhere", test: "hq/test/session.test.ts" },
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
  "GET /api/sites/{site}/health": { kind: "elsewhere", test: "hq/test/access.test.ts" },
  "GET /api/live": { kind: "elsewhere", test: "test/access/live.test.ts" },
  "GET /api/simulation": { kind: "elsewhere", test: "hq/test/access.test.ts" },
  "POST /api/simulation/ships/{imo}/arrive": { kind: "elsewhere", test: "hq/test/access.test.ts" },
  "POST /api/simulation/ships/{imo}/depart": { kind: "elsewhere", test: "hq/test/access.test.ts" },
  "POST /api/simulation/ships/{imo}/overboard": { kind: "elsewhere", test: "hq/test/access.test.ts" },
  "POST /api/simulation/nodes/{site}/kill": { kind: "elsewhere", test: "hq/test/access.test.ts" },
  "POST /api/simulation/nodes/{site}/start": { kind: "elsewhere", test: "hq/test/access.test.ts" },
  "PATCH /api/simulation/links/{id}": { kind: "elsewhere", test: "hq/test/access.test.ts" },
};

/** Names that tell of somebody: none may stand in an answer to who may not know of it. */
export const TELLING: readonly Subject[] = [
  ...streams,
  ...containers,
  ...ships,
  // Positions of that stream are told, by its name, to who has cargo aboard.
  { id: "bigblue.ships", absent: "", who: (who) => who === "ducky" },
];
