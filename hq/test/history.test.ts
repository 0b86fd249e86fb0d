import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerHistoryReply, ExcursionsReply, ShipHistoryReply } from "@landfall/proto/api";
import { TestHq } from "./support/test-hq.js";
import { at, DUCKS, fillWorld, OTHER_SHIP, PEARS, reading, SHIP } from "./support/world.js";

describe("histories", () => {
  let hq: TestHq;
  beforeAll(async () => {
    hq = await TestHq.start();
    await fillWorld(hq);
  });
  afterAll(() => hq.close());

  const container = async (as: string, query = "") =>
    (await hq.ask(`/api/containers/${DUCKS}/history${query}`, { as })).json<ContainerHistoryReply>();
  const ship = async (as: string, query = "") =>
    (await hq.ask(`/api/ships/${SHIP}/history${query}`, { as })).json<ShipHistoryReply>();

  it("merges every readable stream by the time of measuring, not of arrival; a copied event counts once", async () => {
    await hq.put("bigblue.unassigned", DUCKS, at(1), { temperatureC: 15 });
    await hq.put("duckworks.containers", DUCKS, at(2, 12), { temperatureC: 8 });
    const ops = await container("ops");
    expect(ops.points.map(({ time, stream }) => [time, stream])).toEqual([
      [at(1), "bigblue.unassigned"],
      [at(2, 12), "duckworks.containers"],
      [at(3), "duckworks.containers"],
      [at(20, 1), "duckworks.containers"],
    ]);
    expect(ops.total).toBe(4);
    expect(ops.events.map(({ type, time }) => [type, time])).toEqual([
      ["LOAD", at(2)],
      ["DISC", at(20)],
    ]);
    const ducky = await container("ducky");
    expect(ducky.points.map(({ stream }) => stream)).not.toContain("bigblue.unassigned");
    expect(ducky.total).toBe(3);
    const sydney = await container("sydney");
    expect(sydney).toMatchObject({ points: [], total: 0, events: [{ type: "DISC", location: "AUSYD" }] });
  });

  it("takes the part from `from` to before `to`", async () => {
    const times = async (query: string) => (await container("ducky", query)).points.map(({ time }) => time);
    expect(await times(`?from=${at(3)}&to=${at(20, 1)}`)).toEqual([at(3)]);
    expect(await times(`?from=${at(3)}`)).toEqual([at(3), at(20, 1)]);
    expect(await times(`?from=${encodeURIComponent("2026-01-03T09:00:00+09:00")}&to=${at(4)}`)).toEqual([at(3)]);
    for (const wrong of [
      `?from=yesterday`,
      `?from=${at(4)}&to=${at(3)}`,
      "?maxPoints=3",
      "?format=xlsx",
      "?form=csv",
    ]) {
      expect((await hq.ask(`/api/containers/${DUCKS}/history${wrong}`, { as: "ducky" })).status, wrong).toBe(400);
    }
  });

  it("thins to maxPoints and says how many there were", async () => {
    const name = "CSQU3054383";
    for (let i = 0; i < 120; i++) {
      await hq.put(
        "duckworks.containers",
        name,
        new Date(i * 60_000).toISOString(),
        reading({ temperatureC: i === 77 ? 40 : 4 }),
      );
    }
    const history = (
      await hq.ask(`/api/containers/${name}/history?maxPoints=50`, { as: "ducky" })
    ).json<ContainerHistoryReply>();
    expect(history.total).toBe(120);
    expect(history.points.length).toBeLessThanOrEqual(50);
    expect(history.points.some(({ temperatureC }) => temperatureC === 40)).toBe(true);
    const csv = await hq.ask(`/api/containers/${name}/history?format=csv`, { as: "ducky" });
    expect(csv.text.trimEnd().split("\r\n")).toHaveLength(121);
    // What is large goes out packed, and says on what that depends.
    const whole = await hq.ask(`/api/containers/${name}/history`, { as: "ducky" });
    for (const { headers } of [whole, csv]) {
      expect(headers.get("content-encoding")).toBe("gzip");
      expect(headers.get("vary")).toMatch(/accept-encoding/i);
    }
    const plain = { as: "ducky", headers: { "accept-encoding": "identity" } };
    const unpacked = await hq.ask(`/api/containers/${name}/history`, plain);
    expect(unpacked.headers.get("content-encoding")).toBeNull();
    expect(unpacked.json()).toEqual(whole.json());
  });

  it.each([
    ["csv", "text/csv; charset=utf-8; header=present", /^container,time,/],
    ["gpx", "application/gpx+xml", /^<\?xml .*\n<gpx version="1.1"/],
    ["geojson", "application/geo+json", /^\{"type":"FeatureCollection"/],
  ])("as %s comes as a file of its own type", async (format, type, beginning) => {
    for (const [path, name] of [
      [`/api/containers/${DUCKS}/history`, DUCKS],
      [`/api/ships/${SHIP}/history`, SHIP],
    ]) {
      const answer = await hq.ask(`${path}?format=${format}`, { as: "ducky" });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe(type);
      expect(answer.headers.get("content-disposition")).toBe(`attachment; filename="landfall-${name}.${format}"`);
      if (name === DUCKS || format !== "csv") expect(answer.text).toMatch(beginning);
    }
  });

  it("of a ship: everything for operations; for who had cargo aboard, its positions of that time", async () => {
    const ops = await ship("ops");
    expect(ops.points.map(({ time }) => time)).toEqual([at(1), at(10), at(10), at(25)]);
    expect(ops.events.map(({ type }) => type)).toEqual(["ARRI", "DEPA", "ARRI"]);
    const ducky = await ship("ducky");
    expect(ducky.points.map(({ time, latitude, humidityPct }) => [time, latitude, humidityPct])).toEqual([
      [at(10), 0, undefined],
    ]);
    expect(ducky.events).toEqual([]);
    expect(ducky.total).toBe(1);
    const sydney = await ship("sydney");
    expect(sydney).toMatchObject({ points: [], total: 0, events: [{ type: "ARRI", location: "AUSYD" }] });
    expect((await hq.ask(`/api/ships/${OTHER_SHIP}/history`, { as: "ducky" })).status).toBe(404);
  });

  it("was it ever warmer: when, how far and aboard what, out of the streams that the person may read", async () => {
    const ask = (as: string, query: string) => hq.ask(`/api/containers/${DUCKS}/excursions${query}`, { as });
    const ops = (await ask("ops", "?above=7")).json<ExcursionsReply>();
    expect(ops).toMatchObject({ field: "temperatureC", above: 7, readings: 4, total: 1 });
    expect(ops.excursions).toMatchObject([
      { from: at(1), to: at(2, 12), readings: 2, value: 15, time: at(1), knownSince: expect.any(String) as string },
    ]);
    // The reading of the 1st is in a stream that is not the customer's.
    const ducky = (await ask("ducky", "?above=7")).json<ExcursionsReply>();
    expect(ducky.excursions).toMatchObject([{ from: at(2, 12), to: at(2, 12), value: 8, vessel: SHIP }]);
    expect((await ask("ducky", `?above=7&from=${at(3)}`)).json<ExcursionsReply>().total).toBe(0);
    expect((await ask("sydney", "?above=7")).json<ExcursionsReply>()).toMatchObject({ readings: 0, total: 0 });
    expect((await ask("ducky", "?field=humidityPct&below=50")).json<ExcursionsReply>()).toMatchObject({ below: 50 });
    for (const wrong of ["", "?above=1&below=2", "?above=warm", "?field=colour&above=1", "?above=1&from=yesterday"]) {
      expect((await ask("ducky", wrong)).status, wrong).toBe(400);
    }
    expect((await hq.ask(`/api/containers/${PEARS}/excursions?above=7`, { as: "ducky" })).status).toBe(404);
  });

  it("answers hold to the schemas of the OpenAPI document", async () => {
    const { default: Ajv } = await import("ajv");
    const { default: addFormats } = await import("ajv-formats");
    const document = (await hq.ask("/api/openapi.json")).json<{
      paths: Record<
        string,
        Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>
      >;
    }>();
    const ajv = new Ajv.default({ strict: false, allErrors: true });
    addFormats.default(ajv);
    const paths: [string, string][] = [
      ["/api/session", "/api/session"],
      ["/api/containers", "/api/containers"],
      ["/api/containers", "/api/containers?zoom=0"],
      ["/api/containers/{id}", `/api/containers/${DUCKS}`],
      ["/api/containers/{id}/history", `/api/containers/${DUCKS}/history`],
      ["/api/containers/{id}/excursions", `/api/containers/${DUCKS}/excursions?above=-15`],
      ["/api/ships", "/api/ships"],
      ["/api/ships/{imo}", `/api/ships/${SHIP}`],
      ["/api/ships/{imo}/history", `/api/ships/${SHIP}/history`],
      ["/api/alerts", "/api/alerts"],
      ["/api/bookings/{container}", `/api/bookings/${PEARS}`],
      ["/api/sites", "/api/sites"],
    ];
    for (const as of ["ops", "ducky", "sydney"]) {
      for (const [route, path] of paths) {
        const answer = await hq.ask(path, { as });
        const response = document.paths[route]?.["get"]?.responses[String(answer.status).replace(/^4../, "4XX")];
        const schema =
          response?.content["application/json"]?.schema ?? response?.content["application/problem+json"]?.schema;
        expect(schema, `${as} ${path}`).toBeDefined();
        ajv.validate(schema as object, answer.json());
        expect(ajv.errors, `${as} ${path}`).toBeNull();
      }
    }
  });
});
