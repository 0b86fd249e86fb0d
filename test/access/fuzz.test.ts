import * as fc from "fast-check";
import { PROBLEM_TYPE } from "@landfall/streams/http/problem";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import { testSeed } from "@landfall/streams/testing/seeded-random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DECISIONS, type Request } from "./support/routes.js";
import { at, DUCKS, PEARS, SHIP, startWorld, type Who, type World } from "./support/world.js";

const seed = testSeed(Date.now() % 1_000_000);
/** Requests to each route; `LANDFALL_FUZZ=1000` for more. */
const RUNS = Number(process.env["LANDFALL_FUZZ"]) || 25;
/** Who is let furthest, and who comes by a link. */
const WHO: readonly Who[] = ["ops", "link"];

/** Text that has made other programs stumble. */
const trouble = fc.constantFrom(
  "",
  "\u0000",
  "../../etc/passwd",
  "%",
  "%00",
  "%ff",
  "__proto__",
  "constructor",
  "=1+1",
  "9".repeat(400),
  "-1",
  "1e999",
  "\ud800",
  "é".repeat(300),
  "g:a &",
  "((((((((",
  "9999-12-31T23:59:59Z",
  "0000-01-01T00:00:00Z",
  "2026-02-30T00:00:00Z",
  DUCKS,
  PEARS,
  SHIP,
  "duckworks",
  "polarfoods.containers",
);
const text = fc.oneof(trouble, fc.string({ unit: "binary", maxLength: 60 }));
const anything: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(null, true, 0, -1, 2 ** 53, 1e308, [], {}, [[[[]]]]),
);

/** What was right, with a few of its parts made wrong, or something else altogether. */
const spoiled = (value: unknown): fc.Arbitrary<unknown> =>
  fc.oneof(
    anything,
    fc.array(fc.tuple(fc.nat(20), anything), { minLength: 1, maxLength: 3 }).map((changes) => {
      const copy: unknown = structuredClone(value);
      for (const [at, other] of changes) spoil(copy, at, other);
      return copy;
    }),
  );

function spoil(value: unknown, at: number, other: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const fields = value as Record<string, unknown>;
  const names = [...Object.keys(fields), "extra"];
  const name = names[at % names.length] as string;
  const inner = fields[name];
  if (typeof inner === "object" && inner !== null && at % 3 !== 0) spoil(inner, Math.floor(at / 3), other);
  else Object.defineProperty(fields, name, { value: other, enumerable: true, configurable: true, writable: true });
}

describe(`requests by chance (seed ${seed}, ${RUNS} for each route and person)`, () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());

  async function mustAnswer(
    method: string,
    path: string,
    body: string | Uint8Array | undefined,
    who: Who,
  ): Promise<void> {
    const response = await fetch(world.url + path, {
      method,
      headers: { ...world.headers(who), ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: body as never }),
    });
    const said = await response.text();
    const what = `${method} ${path} ${String(body).slice(0, 300)} for ${who}: ${response.status} ${said.slice(0, 300)}`;
    expect(response.status, what).toBeLessThan(500);
    if (response.status >= 400 && path.startsWith("/api/") && response.headers.get("content-type") !== null) {
      expect(response.headers.get("content-type"), what).toContain(PROBLEM_TYPE);
    }
  }

  const samples = Object.entries(DECISIONS).flatMap(([route, decision]) => {
    const request = sampleOf(route, decision);
    return request === undefined ? [] : [{ route, request }];
  });

  it.each(samples)("$route answers all of them, and none with a failure of its own", async ({ route, request }) => {
    const [method = ""] = route.split(" ");
    const [path = "", query = ""] = request.path.split("?");
    const steps = path.split("/").slice(1);
    // The last parts of a path name things; a word of the query may be anything.
    const paths = fc.tuple(fc.nat(steps.length - 1), text).map(([i, word]) => {
      const isName = i > 1 || steps.length === 1;
      const other = steps.map((step, j) => (j === i && isName ? encodeURIComponent(wellFormed(word)) : step));
      return `/${other.join("/")}`;
    });
    const queries = fc.oneof(
      fc.constant(query),
      fc
        .array(
          fc.tuple(
            fc.constantFrom(
              "from",
              "to",
              "limit",
              "offset",
              "zoom",
              "bbox",
              "q",
              "after",
              "format",
              "owner",
              "id",
              "x",
            ),
            text,
          ),
          {
            maxLength: 3,
          },
        )
        .map((words) => words.map(([name, word]) => `${name}=${encodeURIComponent(wellFormed(word))}`).join("&")),
    );
    const bodies = fc.oneof(
      spoiled(request.body).map((value) => JSON.stringify(value) ?? "null"),
      fc.uint8Array({ maxLength: 64 }),
      fc.constantFrom("{", "[".repeat(10_000), '{"a":1,"a":2}', "\ufeff{}", "nul"),
    );
    for (const who of WHO) {
      await fc.assert(
        fc.asyncProperty(paths, queries, bodies, fc.boolean(), async (anyPath, anyQuery, body, isPathAsItIs) => {
          const asked = `${isPathAsItIs ? path : anyPath}${anyQuery === "" ? "" : `?${anyQuery}`}`;
          await mustAnswer(method, asked, request.body === undefined || method === "GET" ? undefined : body, who);
        }),
        { seed, numRuns: RUNS },
      );
    }
    expect((await fetch(`${world.url}/healthz`)).status).toBe(200);
  });

  it("exports of whatever sensors have sent are files of their kind", async () => {
    const stream = streamName("polarfoods.containers");
    const fields = [
      "temperatureC",
      "latitude",
      "longitude",
      "doorOpen",
      "type",
      "location",
      "vessel",
      "voyage",
      "time",
    ];
    const values = fc.oneof(
      spoiled({ temperatureC: 4, latitude: 1, longitude: 2 }).map((value) => JSON.stringify(value) ?? "null"),
      fc.dictionary(fc.constantFrom(...fields), anything).map((value) => JSON.stringify(value)),
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 20 }), async (all) => {
        const records = all.map((value, i) => ({
          topic: topicName(PEARS),
          timestamp: (Date.parse(at(13)) + i) as TimestampMs,
          value: Buffer.from(value, "utf8"),
        }));
        await world.hq.node.store.append(stream, records);
        await world.hq.sync.catchUp(stream);
        for (const format of ["json", "csv", "geojson", "gpx"]) {
          for (const who of WHO) {
            const path = `/api/containers/${PEARS}/history?format=${format}&from=${at(12)}`;
            const response = await fetch(world.url + path, { headers: world.headers(who) });
            const file = await response.text();
            expect(response.status, file.slice(0, 300)).toBe(200);
            if (format.endsWith("json")) expect(() => JSON.parse(file) as unknown).not.toThrow();
            // A spreadsheet must not take a cell for a formula.
            if (format === "csv") expect(file).not.toMatch(/(^|[,\n"])[=@\t]/);
          }
        }
      }),
      { seed, numRuns: Math.ceil(RUNS / 5) },
    );
  });
});

/** Half a surrogate pair cannot be sent at all. */
function wellFormed(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}

/** A request that is right, to begin with. */
function sampleOf(route: string, decision: (typeof DECISIONS)[string]): Request | undefined {
  switch (decision.kind) {
    case "open":
    case "own":
    case "list":
      return decision.ask;
    case "one":
      return decision.ask(decision.all.at(-1)?.id ?? "")[0];
    case "only":
      return decision.ask("polarfoods");
    case "elsewhere":
      if (route === "POST /api/session") return { path: "/api/session", body: { username: "ops", password: "x" } };
      return route.includes("/simulation")
        ? { path: "/api/simulation/ships/9321483/arrive", body: { port: "AUSYD" } }
        : undefined;
  }
}
