import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeSimulator } from "./support/fake-simulator.js";
import { PASSWORD } from "./support/settings.js";
import { TestHq, type Answer } from "./support/test-hq.js";
import { at, DUCKS, fillWorld, LOST_DUCKS, NO_SHIP, NOBODY, OTHER_SHIP, PEARS, SHIP } from "./support/world.js";

const PRINCIPALS = ["ops", "ducky", "sydney", undefined] as const;

interface Expectation {
  /** Path with everything filled in; a body where one is needed. */
  readonly path: string;
  readonly body?: unknown;
  /** Status for ops, ducky, sydney, and who did not sign in. */
  readonly status: readonly [number, number, number, number];
}

const ONLY_OPS = [200, 404, 404, 401] as const;
const SIGNED_IN = [200, 200, 200, 401] as const;
const EVERYBODY = [200, 200, 200, 200] as const;

/** What every route of the OpenAPI document answers to whom. A route that is not here fails the test. */
const EXPECTED: Readonly<Record<string, Expectation>> = {
  "GET /healthz": { path: "/healthz", status: EVERYBODY },
  "GET /readyz": { path: "/readyz", status: EVERYBODY },
  "GET /metrics": { path: "/metrics", status: [200, 404, 404, 404] },
  "GET /api/status": { path: "/api/status", status: ONLY_OPS },
  "GET /api/streams": { path: "/api/streams", status: EVERYBODY },
  "GET /api/streams/{stream}/topics": {
    path: "/api/streams/duckworks.containers/topics",
    status: [200, 200, 404, 404],
  },
  "GET /api/streams/{stream}/topics/{topic}/records": {
    path: `/api/streams/polarfoods.containers/topics/${PEARS}/records`,
    status: [200, 404, 404, 404],
  },
  "GET /api/streams/{stream}/gaps": {
    path: "/api/streams/duckworks.containers/gaps",
    status: [200, 200, 404, 404],
  },
  "POST /api/streams/{stream}/read": {
    path: "/api/streams/port.ausyd.events/read",
    body: {},
    status: [200, 404, 200, 404],
  },
  "POST /api/holdings": { path: "/api/holdings", body: { streams: [] }, status: EVERYBODY },
  "POST /api/digests": {
    path: "/api/digests",
    body: { ranges: [{ stream: "duckworks.containers", origin: "tokyo.a~0000000000", from: 0, to: 9, step: 9 }] },
    status: [200, 200, 404, 404],
  },
  "POST /api/repair": { path: "/api/repair", body: { ranges: [] }, status: ONLY_OPS },
  "POST /api/session": {
    path: "/api/session",
    body: { username: "ops", password: PASSWORD },
    status: EVERYBODY,
  },
  "GET /api/session": { path: "/api/session", status: SIGNED_IN },
  // Signs out: asked last, see below.
  "DELETE /api/session": { path: "/api/session", status: [204, 204, 204, 204] },
  "GET /api/setup": { path: "/api/setup", status: EVERYBODY },
  // Somebody is known here: there is nothing to be set up any more, whatever the token.
  "POST /api/setup": {
    path: "/api/setup",
    body: { token: "x", username: "eve", password: "a long password of hers" },
    status: [404, 404, 404, 404],
  },
  // No identity provider here.
  "GET /api/oidc/start": { path: "/api/oidc/start", status: [404, 404, 404, 404] },
  "GET /api/oidc/callback": { path: "/api/oidc/callback?state=x&code=y", status: [404, 404, 404, 404] },
  // Too short: with a good one all of them would be signed out.
  "PUT /api/session/password": {
    path: "/api/session/password",
    body: { current: PASSWORD, password: PASSWORD },
    status: [400, 400, 400, 401],
  },
  "GET /api/people": { path: "/api/people", status: ONLY_OPS },
  "POST /api/people": { path: "/api/people", body: { name: "nora" }, status: ONLY_OPS },
  "PATCH /api/people/{name}": { path: "/api/people/sydney", body: { displayName: "Sydney" }, status: ONLY_OPS },
  "DELETE /api/people/{name}": { path: "/api/people/nobody", status: [404, 404, 404, 401] },
  "GET /api/tokens": { path: "/api/tokens", status: SIGNED_IN },
  "POST /api/tokens": { path: "/api/tokens", body: { label: "a program" }, status: SIGNED_IN },
  "DELETE /api/tokens/{id}": { path: "/api/tokens/abcdefghij", status: [404, 404, 404, 401] },
  "GET /api/audit": { path: "/api/audit", status: ONLY_OPS },
  "GET /api/containers": { path: "/api/containers?zoom=3", status: SIGNED_IN },
  "GET /api/containers/{id}": { path: `/api/containers/${LOST_DUCKS}`, status: [200, 200, 404, 401] },
  "GET /api/alerts/{id}": { path: "/api/alerts/nobodys", status: [404, 404, 404, 401] },
  "POST /api/alerts/{id}/ack": {
    path: "/api/alerts/nobodys/ack",
    body: { message: "seen" },
    status: [404, 404, 404, 401],
  },
  "GET /api/containers/{id}/excursions": {
    path: `/api/containers/${PEARS}/excursions?above=5`,
    status: [200, 404, 200, 401],
  },
  "GET /api/containers/{id}/history": { path: `/api/containers/${PEARS}/history`, status: [200, 404, 200, 401] },
  "GET /api/ships": { path: "/api/ships", status: SIGNED_IN },
  "GET /api/ships/{imo}": { path: `/api/ships/${OTHER_SHIP}`, status: ONLY_OPS },
  "GET /api/ships/{imo}/history": { path: `/api/ships/${SHIP}/history`, status: SIGNED_IN },
  "GET /api/alerts": { path: "/api/alerts", status: SIGNED_IN },
  "GET /api/bookings/{container}": { path: `/api/bookings/${PEARS}`, status: SIGNED_IN },
  "PUT /api/bookings/{container}": {
    path: `/api/bookings/${DUCKS}`,
    body: { owner: "duckworks", from: "2026-01-01T00:00:00.000Z" },
    status: ONLY_OPS,
  },
  "GET /api/rules": { path: "/api/rules", status: ONLY_OPS },
  "PUT /api/rules": {
    path: "/api/rules",
    body: { owner: "polarfoods", key: "retention", rules: [{ stream: "polarfoods.latest", days: 1 }] },
    status: ONLY_OPS,
  },
  "DELETE /api/rules": { path: "/api/rules?owner=polarfoods&key=retention", status: ONLY_OPS },
  "GET /api/containers/{id}/voyages": { path: `/api/containers/${PEARS}/voyages`, status: [200, 404, 200, 401] },
  "GET /api/grants": { path: "/api/grants", status: ONLY_OPS },
  "POST /api/grants": {
    path: "/api/grants",
    body: { owner: "polarfoods", subject: "u:chef", topics: [PEARS], voyage: true },
    status: ONLY_OPS,
  },
  "DELETE /api/grants": { path: "/api/grants?owner=polarfoods&id=0123456789abcdef", status: [404, 404, 404, 401] },
  "GET /api/sites": { path: "/api/sites", status: SIGNED_IN },
  "GET /api/sites/{site}/health": { path: "/api/sites/tokyo/health", status: ONLY_OPS },
  "GET /api/live": { path: "/api/live", status: SIGNED_IN },
  "GET /api/simulation": { path: "/api/simulation", status: SIGNED_IN },
  "POST /api/simulation/ships/{imo}/arrive": {
    path: `/api/simulation/ships/${SHIP}/arrive`,
    body: { port: "AUSYD" },
    status: ONLY_OPS,
  },
  "POST /api/simulation/ships/{imo}/depart": {
    path: `/api/simulation/ships/${SHIP}/depart`,
    body: { to: "AUSYD" },
    status: ONLY_OPS,
  },
  "POST /api/simulation/ships/{imo}/overboard": {
    path: `/api/simulation/ships/${SHIP}/overboard`,
    body: { count: 3 },
    status: ONLY_OPS,
  },
  "POST /api/simulation/nodes/{site}/kill": {
    path: "/api/simulation/nodes/tokyo/kill",
    body: { stay: true },
    status: ONLY_OPS,
  },
  "POST /api/simulation/nodes/{site}/start": { path: "/api/simulation/nodes/tokyo/start", status: ONLY_OPS },
  "PATCH /api/simulation/links/{id}": {
    path: "/api/simulation/links/tokyo~singapore",
    body: { state: "down" },
    status: ONLY_OPS,
  },
};

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { responses?: object; summary?: string }>>>>;
}

describe("who may ask what", () => {
  let hq: TestHq;
  let simulator: FakeSimulator;
  beforeAll(async () => {
    simulator = await FakeSimulator.start();
    hq = await TestHq.start({ settings: { simulation: { url: simulator.url } } });
    await fillWorld(hq);
  });
  afterAll(async () => {
    await hq.close();
    await simulator.close();
  });

  /** The status alone: the live feed would never end. */
  const statusOf = async ({ path, body }: Expectation, method: string, as: string | undefined): Promise<number> => {
    const controller = new AbortController();
    const response = await fetch(hq.url + path, {
      method,
      signal: controller.signal,
      headers: {
        ...(as !== undefined && { authorization: `Bearer ${await hq.tokenOf(as)}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    controller.abort();
    return response.status;
  };

  it("A1, A2: every route of the OpenAPI document answers each person as it should", async () => {
    const document = (await hq.ask("/api/openapi.json")).json<OpenApi>();
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => method !== "head")
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
    const found: Record<string, number[]> = {};
    const last = (route: string) => route === "DELETE /api/session";
    for (const route of routes.toSorted((a, b) => Number(last(a)) - Number(last(b)))) {
      const expected = EXPECTED[route] as Expectation;
      const [method = ""] = route.split(" ");
      found[route] = [];
      for (const who of PRINCIPALS) found[route].push(await statusOf(expected, method, who));
    }
    expect(found).toEqual(Object.fromEntries(Object.entries(EXPECTED).map(([route, { status }]) => [route, status])));
  });

  it("describes every answer of a headquarters' routes with a schema", async () => {
    const { paths, openapi } = (await hq.ask("/api/openapi.json")).json<OpenApi>();
    expect(openapi).toBe("3.1.0");
    for (const [path, methods] of Object.entries(paths)) {
      if (!path.startsWith("/api/") || path.startsWith("/api/streams") || path === "/api/status") continue;
      for (const [method, operation] of Object.entries(methods)) {
        expect(operation.summary, `${method} ${path}`).toBeTruthy();
        expect(Object.keys(operation.responses ?? {}), `${method} ${path}`).toEqual(
          expect.arrayContaining(["4XX", "5XX"]),
        );
      }
    }
  });
});

/** Everything of an answer that somebody could compare. */
const shown = ({ status, headers, text }: Answer) => ({
  status,
  headers: Object.fromEntries([...headers].filter(([name]) => name !== "date")),
  text,
});

describe("A3: what may not be seen answers like what does not exist", () => {
  let hq: TestHq;
  beforeAll(async () => {
    hq = await TestHq.start();
    await fillWorld(hq);
  });
  afterAll(() => hq.close());

  const containerPaths: readonly ((container: string) => string)[] = [
    (container) => `/api/containers/${container}`,
    ...["json", "csv", "gpx", "geojson"].map(
      (format) => (container: string) => `/api/containers/${container}/history?format=${format}`,
    ),
    (container) => `/api/containers/${container}/history?from=${at(1)}&to=${at(30)}&maxPoints=100`,
    (container) => `/api/containers?q=${container}`,
    (container) => `/api/containers?q=${container}&zoom=4`,
    (container) => `/api/bookings/${container}`,
    (container) => `/api/alerts?container=${container}`,
  ];
  const shipPaths: readonly ((imo: string) => string)[] = [
    (imo) => `/api/ships/${imo}`,
    ...["json", "csv", "gpx", "geojson"].map((format) => (imo: string) => `/api/ships/${imo}/history?format=${format}`),
    (imo) => `/api/containers?vessel=${imo}`,
    (imo) => `/api/containers?vessel=${imo}&zoom=2`,
  ];

  it.each([
    ["ducky", PEARS],
    ["sydney", LOST_DUCKS],
  ])("for %s, container %s, byte for byte", async (as, foreign) => {
    for (const path of containerPaths) {
      const there = await hq.ask(path(foreign), { as });
      const nowhere = await hq.ask(path(NOBODY), { as });
      expect(shown(there), path("…")).toEqual(shown(nowhere));
      expect(there.text).not.toContain(foreign);
      // The equality is not one of two failures: operations see it.
      const seen = await hq.ask(path(foreign), { as: "ops" });
      expect(seen.status).toBe(200);
      expect(seen.text).not.toBe(there.text);
    }
  });

  it.each(["ducky", "sydney"])("for %s, a ship that is none of theirs, byte for byte", async (as) => {
    for (const path of shipPaths) {
      const there = await hq.ask(path(OTHER_SHIP), { as });
      expect(shown(there), path("…")).toEqual(shown(await hq.ask(path(NO_SHIP), { as })));
      expect(there.text).not.toContain(OTHER_SHIP);
    }
  });

  it("refuses to book for somebody who may not, with the words for no such route, whatever is asked", async () => {
    const put = (container: string, body: unknown, as?: string) =>
      hq.ask(`/api/bookings/${container}`, { method: "PUT", body, as });
    const body = { owner: "polarfoods", from: at(1) };
    const answers = [
      await put(PEARS, body, "ducky"),
      await put(NOBODY, body, "ducky"),
      await put(DUCKS, { ...body, owner: "duckworks" }, "ducky"),
      await put("not a container", { wrong: true }, "ducky"),
    ];
    for (const answer of answers) expect(shown(answer)).toEqual(shown(answers[0] as Answer));
    expect(answers[0]?.status).toBe(404);
  });

  it("a wrong check digit is named, since it tells nothing about the fleet", async () => {
    const wrong = `${PEARS.slice(0, 10)}${(Number(PEARS[10]) + 1) % 10}`;
    for (const as of ["ducky", "ops"]) {
      const answer = await hq.ask(`/api/containers/${wrong}`, { as });
      expect(answer.status).toBe(400);
      expect(answer.json()).toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });

  it("lists, counts, alerts and bookings hold nothing foreign", async () => {
    const paths = ["/api/containers", "/api/containers?zoom=0", "/api/alerts", "/api/ships", "/api/sites"];
    const everything = async (as: string) =>
      (await Promise.all(paths.map((path) => hq.ask(path, { as })))).map(({ text }) => text).join("\n");
    const ducky = await everything("ducky");
    for (const foreign of [PEARS, "polarfoods", OTHER_SHIP, "bigblue.ships", "warm-1"])
      expect(ducky).not.toContain(foreign);
    expect(ducky).toContain(DUCKS);
    const sydney = await everything("sydney");
    for (const foreign of [LOST_DUCKS, "duckworks", "polarfoods", OTHER_SHIP, "lost-1", "JPTYO"]) {
      expect(sydney).not.toContain(foreign);
    }
    expect(sydney).toContain(DUCKS);
    expect(sydney).toContain(PEARS);
    const counts = async (as: string) => {
      const { total, matched } = (await hq.ask("/api/containers", { as })).json<{ total: number; matched: number }>();
      return { total, matched };
    };
    expect(await counts("ops")).toEqual({ total: 3, matched: 3 });
    expect(await counts("ducky")).toEqual({ total: 2, matched: 2 });
    expect(await counts("sydney")).toEqual({ total: 2, matched: 2 });
  });
});
