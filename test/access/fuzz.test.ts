import * as fc from "fast-check";
import { PROBLEM_TYPE } from "@landfall/streams/http/problem";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import { heapBytes } from "@landfall/streams/testing/heap";
import { testSeed } from "@landfall/streams/testing/seeded-random";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TRACES, type Trace } from "./support/acknowledged.js";
import { DECISIONS, type Request } from "./support/routes.js";
import { StillSimulator } from "./support/still-simulator.js";
import { at, DUCKS, PEARS, SHIP, startWorld, type Who, type World } from "./support/world.js";

/**
 * Requests to each route for each person. `LANDFALL_FUZZ_RUNS` sends more, `LANDFALL_SEED` others. A seed that found something is added
 * to `KEPT`, and run ever after.
 */
const RUNS = Number(process.env["LANDFALL_FUZZ_RUNS"] ?? 15);
const SEED = testSeed();
const KEPT: readonly number[] = [1];
const KEPT_RUNS = 3;
/** Who is let furthest, who comes by a link, and who says nothing. */
const WHO: readonly Who[] = ["ops", "link", "anonymous"];
/** What may be on the heap afterwards that was not before: less than half of what is sent, or of the files that are made. */
const GROWTH_BYTES_MAX = 2 * 1024 * 1024;
/** Nearly as much as most routes let in, and some of what headers may have. */
const LARGE_BODY_CHARS = 15_000;
const LARGE_QUERY_CHARS = 4_000;
const FLOOD_ROUNDS = 10;
const LONG_HISTORY_RECORDS = 1_000;
const LARGE_EXPORTS = 40;

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

/** Words of queries that some route knows, and one that none does. */
const QUERY_WORDS = ["from", "to", "limit", "offset", "zoom", "bbox", "q", "after", "format", "owner", "id", "x"];

interface Asked {
  readonly path: string;
  readonly body: string | Uint8Array | undefined;
}

/** Requests that are nearly what is right, or not at all. */
function requestsLike({ path: rightPath, body: rightBody }: Request): fc.Arbitrary<Asked> {
  const [path = "", query = ""] = rightPath.split("?");
  const steps = path.split("/").slice(1);
  // The last parts of a path name things; a word of the query may be anything.
  const paths = fc.tuple(fc.nat(steps.length - 1), text).map(([i, word]) => {
    const isName = i > 1 || steps.length === 1;
    const other = steps.map((step, j) => (j === i && isName ? encodeURIComponent(wellFormed(word)) : step));
    return `/${other.join("/")}`;
  });
  const words = fc.array(fc.tuple(fc.constantFrom(...QUERY_WORDS), text), { maxLength: 3 });
  const queries = words.map((all) =>
    all.map(([name, word]) => `${name}=${encodeURIComponent(wellFormed(word))}`).join("&"),
  );
  const bodies: fc.Arbitrary<Asked["body"]> = fc.oneof(
    fc.constant(JSON.stringify(rightBody)),
    spoiled(rightBody).map((value) => JSON.stringify(value) ?? "null"),
    fc.uint8Array({ maxLength: 64 }),
    fc.constantFrom("{", "[".repeat(10_000), '{"a":1,"a":2}', "\ufeff{}", "nul"),
  );
  return fc.record({
    path: fc
      .tuple(fc.oneof(fc.constant(path), paths), fc.oneof(fc.constant(query), queries))
      .map((parts) => parts.filter((part) => part !== "").join("?")),
    body: rightBody === undefined ? fc.constant(undefined) : bodies,
  });
}

const samples = Object.entries(DECISIONS).flatMap(([route, decision]) => {
  const request = sampleOf(decision);
  return request === undefined ? [] : [{ route, method: route.split(" ")[0] ?? "", request }];
});

describe(`U2: requests by chance (seed ${SEED}, ${RUNS} for each route and person; LANDFALL_SEED repeats it)`, () => {
  let world: World;
  let simulator: StillSimulator;
  /** Of everything that was acknowledged: what must be found, also after a restart. */
  const traces = new Map<string, { readonly what: string; readonly trace: Trace }>();
  beforeAll(async () => {
    simulator = await StillSimulator.start();
    world = await startWorld({ simulation: { url: simulator.url } });
  });
  afterAll(async () => {
    await world?.close();
    await simulator?.close();
  });

  /** @returns what was said, and all of it in words for whom it surprises */
  async function mustAnswer(
    method: string,
    { path, body }: Asked,
    who: Who,
  ): Promise<{ readonly status: number; readonly said: string; readonly what: string }> {
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
    return { status: response.status, said, what };
  }

  /** What was acknowledged is there. */
  async function mustBeFound(route: string, { path, body }: Asked, said: string, what: string): Promise<void> {
    const find = TRACES[route];
    expect(find, what).not.toBe("never");
    if (typeof find !== "function") return;
    const sent: unknown = typeof body === "string" ? JSON.parse(body) : undefined;
    const trace = find({ path, sent, reply: said === "" ? undefined : JSON.parse(said) });
    if (!trace) return;
    await world.hq.sync.settled();
    expect(await trace.isThere(world), what).toBe(true);
    traces.set(trace.of, { what, trace });
  }

  it("each route that is no GET says how what it acknowledges is found again", () => {
    const changing = Object.keys(DECISIONS).filter((route) => !route.startsWith("GET "));
    expect(Object.keys(TRACES).toSorted()).toEqual(changing.toSorted());
    expect(samples.map(({ route }) => route)).toEqual(expect.arrayContaining(changing));
  });

  it.each(samples)("$route answers all of them, and none with a failure of its own", async (sample) => {
    const { route, method, request } = sample;
    const check = (who: Who) =>
      fc.asyncProperty(requestsLike(request), async (asked) => {
        const { status, said, what } = await mustAnswer(method, asked, who);
        if (method !== "GET" && status < 300) await mustBeFound(route, asked, said, what);
      });
    // What is right comes first.
    const right: Asked = { ...request, body: request.body === undefined ? undefined : JSON.stringify(request.body) };
    for (const who of WHO) {
      for (const seed of [...KEPT, SEED]) {
        const numRuns = seed === SEED ? RUNS : Math.min(RUNS, KEPT_RUNS);
        await fc.assert(check(who), { seed, numRuns, examples: [[right]] });
      }
    }
    expect((await fetch(`${world.url}/healthz`)).status).toBe(200);
  });

  it("S1: what was acknowledged is there after a restart, too", async () => {
    expect([...traces.keys()]).toEqual(expect.arrayContaining(["person nora", "alert within"]));
    await world.reopen();
    for (const { trace, what } of traces.values()) expect(await trace.isThere(world), what).toBe(true);
  });

  it("nothing of what they were sent is kept in memory", async () => {
    const flood = async (rounds: number): Promise<void> => {
      for (let i = 0; i < rounds; i++) {
        for (const { method, request } of samples) {
          const { path, body } = request;
          const large: Asked =
            body === undefined
              ? { path: `${path}${path.includes("?") ? "&" : "?"}x=${String(i).padEnd(LARGE_QUERY_CHARS, "x")}`, body }
              : { path, body: JSON.stringify({ ...(body as object), extra: String(i).padEnd(LARGE_BODY_CHARS, "x") }) };
          await mustAnswer(method, large, "ops");
        }
      }
    };
    await flood(FLOOD_ROUNDS / 2);
    const before = heapBytes();
    await flood(FLOOD_ROUNDS);
    expect(heapBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  });

  /** Stores what a sensor of the pears has sent from the 13th on, a millisecond apart. */
  async function sent(values: readonly string[]): Promise<void> {
    const stream = streamName("polarfoods.containers");
    const records = values.map((value, i) => ({
      topic: topicName(PEARS),
      timestamp: (Date.parse(at(13)) + i) as TimestampMs,
      value: Buffer.from(value, "utf8"),
    }));
    await world.hq.node.store.append(stream, records);
    await world.hq.sync.catchUp(stream);
  }

  async function exported(format: string, who: Who): Promise<string> {
    const path = `/api/containers/${PEARS}/history?format=${format}&from=${at(12)}`;
    const response = await fetch(world.url + path, { headers: world.headers(who) });
    const file = await response.text();
    expect(response.status, file.slice(0, 300)).toBe(200);
    return file;
  }

  it("exports of whatever sensors have sent are files of their kind", async () => {
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
    const check = fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 20 }), async (all) => {
      await sent(all);
      for (const format of ["json", "csv", "geojson", "gpx"]) {
        for (const who of ["ops", "link"] as const) {
          const file = await exported(format, who);
          if (format.endsWith("json")) expect(() => JSON.parse(file) as unknown).not.toThrow();
          // A spreadsheet must not take a cell for a formula.
          if (format === "csv") expect(file).not.toMatch(/(^|[,\n"])[=@\t]/);
        }
      }
    });
    for (const seed of [...KEPT, SEED]) {
      await fc.assert(check, { seed, numRuns: seed === SEED ? Math.ceil(RUNS / 4) : 1 });
    }
  });

  it("nothing of the files is kept in memory", async () => {
    await sent(
      Array.from({ length: LONG_HISTORY_RECORDS }, (_, i) => `{"temperatureC":${i % 20},"latitude":1,"longitude":2}`),
    );
    const make = async (times: number): Promise<number> => {
      let bytes = 0;
      for (let i = 0; i < times; i++) bytes += (await exported("csv", "ops")).length;
      return bytes;
    };
    await make(LARGE_EXPORTS / 10);
    const before = heapBytes();
    expect(await make(LARGE_EXPORTS)).toBeGreaterThan(GROWTH_BYTES_MAX);
    expect(heapBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  });
});

/** Half a surrogate pair cannot be sent at all. */
function wellFormed(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}

/** A request that is right, to begin with; none for what would never end. */
function sampleOf(decision: (typeof DECISIONS)[string]): Request | undefined {
  switch (decision.kind) {
    case "open":
    case "own":
    case "list":
      return decision.ask;
    case "one":
      return decision.ask(decision.all.at(-1)?.id ?? "")[0];
    case "only":
      return decision.ask(decision.all.at(-1)?.id ?? "");
    case "elsewhere":
      return undefined;
  }
}
