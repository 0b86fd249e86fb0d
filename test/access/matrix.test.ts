import { readFileSync } from "node:fs";
import { SEE_AS_HEADER, type TokenReply } from "@landfall/proto/api";
import type { StreamStore } from "@landfall/streams/store/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DECISIONS, TELLING, TOKEN_OF_CHEF, type Decision, type Request } from "./support/routes.js";
import { StillSimulator } from "./support/still-simulator.js";
import { EVERYBODY, startWorld, STREAMS, type Who, type World } from "./support/world.js";

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  /** Reads that the store was asked for. */
  readonly reads: string[];
}

const READS = ["readTopic", "readStream", "readOrigin", "topics", "latest", "gaps", "vector", "holdings"] as const;

describe("who may ask what: every route, every person, every thing", () => {
  let world: World;
  let simulator: StillSimulator;
  let routes: string[];
  let reads: string[] = [];
  let token: TokenReply;

  beforeAll(async () => {
    simulator = await StillSimulator.start();
    world = await startWorld({ simulation: { url: simulator.url } });
    const made = await fetch(`${world.url}/api/tokens`, {
      method: "POST",
      headers: { ...world.headers("ops"), "content-type": "application/json" },
      body: JSON.stringify({ user: "chef", label: "a program of chef" }),
    });
    token = (await made.json()) as TokenReply;
    const { paths } = (await (await fetch(`${world.url}/api/openapi.json`)).json()) as OpenApi;
    routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => method !== "head")
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    countReads(world.hq.node.store, (read) => reads.push(read));
  });
  afterAll(async () => {
    await world?.close();
    await simulator?.close();
  });

  let requestCount = 0;
  /** Whether an administrator who sees everything looks as whoever asks. */
  let isPreview = false;
  const headersOf = (who: Who): Record<string, string> =>
    isPreview ? { ...world.headers("ops"), [SEE_AS_HEADER]: who } : world.headers(who);

  async function ask(method: string, { path, body }: Request, who: Who): Promise<Answer> {
    // What was written a moment ago is read by the view: not by who asks.
    await world.hq.sync.settled();
    reads = [];
    const response = await fetch(world.url + path.replace(TOKEN_OF_CHEF, token.id), {
      method,
      headers: {
        ...headersOf(who),
        // Nobody waits for what others have guessed.
        "x-forwarded-for": `10.1.${requestCount >> 8}.${requestCount++ & 255}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const hidden = new Set(["date", "x-ratelimit-remaining", "x-ratelimit-reset"]);
    const headers = Object.fromEntries([...response.headers].filter(([name]) => !hidden.has(name)));
    return { status: response.status, headers, text, reads };
  }

  /** What anybody could compare, with what was asked for taken out. */
  const shown = ({ status, headers, text }: Answer, name: string): object => ({
    status,
    headers,
    text: text.replaceAll(name, "…"),
  });

  it("A1, A2: each route of the OpenAPI document has a decision", () => {
    expect(routes.toSorted()).toEqual(Object.keys(DECISIONS).toSorted());
  });

  const elsewhere = Object.entries(DECISIONS).flatMap(([route, decision]) =>
    decision.kind === "elsewhere" ? [{ route, test: decision.test }] : [],
  );
  it.each(elsewhere)("A2: $route is asked in $test", ({ route, test }) => {
    const path = (route.split(" ")[1] ?? "").replaceAll(/\{\w+\}/g, "[^/\\s]+");
    expect(readFileSync(new URL(`../../${test}`, import.meta.url), "utf8")).toMatch(new RegExp(`${path}[^/\\w]`));
  });

  const cells = Object.entries(DECISIONS).flatMap(([route, decision]) =>
    EVERYBODY.map((who) => ({ route, decision, who })),
  );
  // Those that change something last: they are asked by everybody, and let through for some.
  const order = ({ route }: { route: string }): number =>
    Number(/^(PUT|DELETE|PATCH) |^POST \/api\/(grants|alerts|people|tokens|setup)/.test(route));
  it.each(cells.toSorted((a, b) => order(a) - order(b)))("$route for $who", async ({ route, decision, who }) => {
    const [method = ""] = route.split(" ");
    isPreview = false;
    await check[decision.kind](method, decision as never, who);
  });

  const previewed = ["ducky", "sydney", "chef", "nobody"] as const;
  const previews = Object.entries(DECISIONS).flatMap(([route, decision]) =>
    previewed.map((who) => ({ route, decision, who })),
  );
  it.each(previews)("A2: $route for an administrator who looks as $who", async ({ route, decision, who }) => {
    const [method = ""] = route.split(" ");
    isPreview = true;
    await check[decision.kind](method, decision as never, who);
  });

  it("A2: looking as somebody shows nothing that the administrator may not see, either", async () => {
    isPreview = false;
    const headers = { authorization: "Bearer token-of-warden", [SEE_AS_HEADER]: "ducky" };
    const requests = Object.entries(DECISIONS).flatMap(([route, decision]) => {
      const isRead = decision.kind === "list" || decision.kind === "one";
      const asked = !isRead
        ? []
        : decision.kind === "list"
          ? [decision.ask]
          : decision.all.flatMap((one) => decision.ask(one.id));
      return asked.map((request) => ({ method: route.split(" ")[0] ?? "", ...request }));
    });
    for (const { method, path, body } of requests) {
      const response = await fetch(world.url + path, {
        method,
        headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      // The ducks are known to both, and to each by a stream that the other may not read.
      for (const { id } of TELLING) {
        const isOfBoth = STREAMS[id]?.includes("sydney") === true && STREAMS[id].includes("ducky");
        if (!path.includes(id) && !isOfBoth) expect(text, path).not.toContain(JSON.stringify(id));
      }
    }
  });

  it("A3: who administers nobody looks as nobody, and is not told whether there is one", async () => {
    isPreview = false;
    for (const who of EVERYBODY.filter((one) => one !== "ops")) {
      const answers = await Promise.all(
        ["chef", "absent"].map(async (name) => {
          const response = await fetch(`${world.url}/api/streams`, {
            headers: { ...world.headers(who), [SEE_AS_HEADER]: name },
          });
          return { status: response.status, text: await response.text() };
        }),
      );
      expect(answers[0], who).toEqual(answers[1]);
      expect(answers[0]?.status, who).toBe(404);
    }
  });

  const check: {
    readonly [K in Decision["kind"]]: (method: string, of: Decision & { kind: K }, who: Who) => Promise<void>;
  } = {
    async open(method, { ask: request }, who) {
      const answer = await ask(method, request, who);
      expect(answer.status).toBe(200);
      for (const { id } of TELLING) expect(answer.text).not.toContain(id);
    },
    async own(method, { ask: request, status }, who) {
      const answer = await ask(method, request, who);
      expect(answer.status).toBe(isPreview && method !== "GET" ? 403 : status(who));
      nothingForeign(answer, who);
    },
    async list(method, { ask: request, all, needsSession }, who) {
      const answer = await ask(method, request, who);
      expect(answer.status).toBe(needsSession && who === "anonymous" ? 401 : 200);
      const named = all.filter(({ id }) => answer.text.includes(JSON.stringify(id)));
      const expected = needsSession && who === "anonymous" ? [] : all.filter((subject) => subject.who(who));
      expect(named.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      nothingForeign(answer, who);
    },
    async one(method, { ask: requests, all, needsSession, refused = 404 }, who) {
      for (const { id, absent, who: sees } of all) {
        for (const [i, request] of requests(id).entries()) {
          const answer = await ask(method, request, who);
          if (needsSession && who === "anonymous") {
            expect(answer.status).toBe(401);
            continue;
          }
          if (sees(who)) {
            expect([200, 204], `${request.path}: ${answer.text}`).toContain(answer.status);
          } else {
            const twin = await ask(method, requests(absent)[i] as Request, who);
            expect(shown(answer, id), request.path).toEqual(shown(twin, absent));
            // The same way through the store: one timing.
            expect(answer.reads, request.path).toEqual(twin.reads);
            if (answer.status !== 200)
              expect(isPreview && method !== "GET" ? [403, refused] : [refused]).toContain(answer.status);
          }
          nothingForeign(answer, who, id);
        }
      }
    },
    async only(method, { ask: request, all, whose, strangers = 401 }, who) {
      for (const { id, absent } of all) {
        const answer = await ask(method, request(id), who);
        if (whose(who)) {
          const isThere = answer.status < 300 || /there is (no such grant|nobody of that name)/.test(answer.text);
          expect(isThere, `${request(id).path}: ${answer.text}`).toBe(true);
          continue;
        }
        // Who looks as somebody changes nothing, whatever it is.
        expect(answer.status).toBe(who === "anonymous" ? strangers : isPreview && method !== "GET" ? 403 : 404);
        const twin = await ask(method, request(absent), who);
        expect(shown(answer, id)).toEqual(shown(twin, absent));
        // Those who follow streams may still read what the routes that change something have written.
        const ofRoute = ({ reads: all }: Answer) => all.filter((read) => read !== "readStream");
        expect(ofRoute(answer)).toEqual(ofRoute(twin));
        nothingForeign(answer, who, id);
      }
    },
    async elsewhere() {
      // Looked at above: the test that is named asks it.
    },
  };

  /** No name of anything that somebody may not know of, but what they asked for themselves. */
  function nothingForeign({ text }: Answer, who: Who, asked?: string): void {
    for (const { id, who: sees } of TELLING) {
      const isMine = sees(who) || id === asked || TELLING.some((other) => other.id === id && other.who(who));
      if (!isMine) expect(text, `${who} must not hear of ${id}`).not.toContain(JSON.stringify(id));
    }
  }

  it("what a grant shows of a container is its span, wherever it is asked for", async () => {
    isPreview = false;
    for (const who of ["chef", "link"] as const) {
      for (const [route, decision] of Object.entries(DECISIONS)) {
        if (decision.kind !== "one" && decision.kind !== "list") continue;
        const requests = decision.kind === "list" ? [decision.ask] : decision.all.flatMap(({ id }) => decision.ask(id));
        for (const request of requests) {
          const { text } = await ask(route.split(" ")[0] ?? "", request, who);
          // The reading of the voyage before: its temperature, its place, its alert, its day.
          expect(text, request.path).not.toMatch(/2026-01-05|"before"|"latitude":5\b/);
        }
      }
    }
  });
});

/** Calls `note` with each read of the store, by name and stream. */
function countReads(store: StreamStore, note: (read: string) => void): void {
  const methods = store as unknown as Record<string, (...asked: unknown[]) => unknown>;
  for (const name of READS) {
    const read = methods[name]?.bind(store);
    if (!read) continue;
    methods[name] = (...asked) => {
      note(name);
      return read(...asked);
    };
  }
}
