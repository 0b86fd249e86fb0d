import type { LiveEvent } from "@landfall/proto/api";
import { describe, expect, it } from "vitest";
import { backoffMs } from "../src/api/backoff.js";
import { createApi } from "../src/api/endpoints.js";
import { createHttp, type Fetch } from "../src/api/http.js";
import { LIVE_SILENCE_MS, openLive, toLiveEvent, type LiveEnv, type LiveHandlers } from "../src/api/live.js";
import { followLive } from "../src/effects/live.js";
import { startLoading } from "../src/effects/loading.js";
import { initialState, reduce, type State } from "../src/state.js";
import { createStore } from "../src/store.js";
import { parseView } from "../src/url-state.js";

/** Timers that fire when told to. */
function fakeTimers(): Pick<LiveEnv, "setTimer" | "clearTimer"> & { fire(ms: number): void; waiting(): number[] } {
  const timers = new Map<number, { callback: () => void; ms: number }>();
  let next = 0;
  return {
    setTimer: (callback, ms) => {
      timers.set(++next, { callback, ms });
      return next;
    },
    clearTimer: (timer) => timers.delete(timer as number),
    fire: (ms) => {
      const found = [...timers].find(([, timer]) => timer.ms === ms);
      if (!found)
        throw new Error(`no timer of ${ms} ms among ${[...timers.values()].map((timer) => timer.ms).join(", ")}`);
      timers.delete(found[0]);
      found[1].callback();
    },
    waiting: () => [...timers.values()].map(({ ms }) => ms),
  };
}

/** A server whose every connection the test holds in its hands. */
function fakeFeed(): {
  readonly fetch: LiveEnv["fetch"];
  readonly calls: { readonly headers: Headers; readonly signal: AbortSignal }[];
  answer(status: number): Promise<void>;
  send(text: string): Promise<void>;
  end(): Promise<void>;
  settle(): Promise<void>;
} {
  const calls: { headers: Headers; signal: AbortSignal }[] = [];
  const waiting: ((response: Response) => void)[] = [];
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const settle = async (): Promise<void> => {
    // Lets everything that is ready run; nothing here waits for time.
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return {
    calls,
    settle,
    fetch: (_, init) => {
      const signal = init?.signal as AbortSignal;
      calls.push({ headers: new Headers(init?.headers), signal });
      return new Promise((resolve, reject) => {
        waiting.push(resolve);
        signal.addEventListener("abort", () => {
          reject(signal.reason as Error);
          try {
            controller?.error(signal.reason);
          } catch {
            // Already closed.
          }
        });
      });
    },
    async answer(status) {
      const body = new ReadableStream<Uint8Array>({ start: (c) => void (controller = c) });
      waiting.shift()?.(new Response(status === 200 ? body : null, { status }));
      await settle();
    },
    async send(text) {
      controller?.enqueue(new TextEncoder().encode(text));
      await settle();
    },
    async end() {
      controller?.close();
      await settle();
    },
  };
}

function follow(random = 0): {
  feed: ReturnType<typeof fakeFeed>;
  timers: ReturnType<typeof fakeTimers>;
  log: string[];
  events: LiveEvent[];
  live: ReturnType<typeof openLive>;
} {
  const feed = fakeFeed();
  const timers = fakeTimers();
  const log: string[] = [];
  const events: LiveEvent[] = [];
  const handlers: LiveHandlers = {
    onOpen: (resumed) => log.push(`open ${resumed}`),
    onEvent: (event) => events.push(event),
    onLost: (message, retryInMs) => log.push(`lost ${retryInMs} ${message}`),
    onSignedOut: () => log.push("signed out"),
  };
  const live = openLive({ fetch: feed.fetch, random: () => random, ...timers }, handlers);
  return { feed, timers, log, events, live };
}

const MESSAGE = 'id: 7\nevent: ships\ndata: {"ships":[]}\n\n';

describe("live feed", () => {
  it("reads events however they are cut, and leaves out what it does not know", async () => {
    const { feed, events, log } = follow();
    await feed.answer(200);
    await feed.send(": hello\n\nevent: brand-new\ndata: {}\n\nevent: sh");
    await feed.send('ips\ndata: {"shi');
    await feed.send('ps":[]}\n\n');
    expect(log).toEqual(["open false"]);
    expect(events).toEqual([{ type: "ships", data: { ships: [] } }]);
  });

  it("comes back after a loss with growing waits, resumes after its last event, and starts over once it is open", async () => {
    const { feed, timers, log } = follow();
    await feed.answer(200);
    await feed.send(MESSAGE);
    await feed.end();
    expect(log.at(-1)).toBe("lost 500 The live feed ended.");
    timers.fire(500);
    expect(feed.calls[1]?.headers.get("last-event-id")).toBe("7");
    await feed.answer(503);
    expect(log.at(-1)).toBe("lost 1000 The server answered 503.");
    timers.fire(1000);
    await feed.answer(200);
    expect(log.at(-1)).toBe("open true");
    await feed.end();
    expect(log.at(-1)).toBe("lost 500 The live feed ended.");
  });

  it("takes silence for a loss", async () => {
    const { feed, timers, log } = follow();
    await feed.answer(200);
    timers.fire(LIVE_SILENCE_MS);
    await feed.settle();
    expect(feed.calls[0]?.signal.aborted).toBe(true);
    expect(log.at(-1)).toBe("lost 500 The server has fallen silent.");
  });

  it("comes back after something unreadable, behind it", async () => {
    const { feed, timers, log, events } = follow();
    await feed.answer(200);
    await feed.send("id: 8\nevent: ships\ndata: {\n\n");
    expect(log.at(-1)).toBe("lost 500 The server sent something that could not be read.");
    timers.fire(500);
    expect(feed.calls[1]?.headers.get("last-event-id")).toBe("8");
    expect(events).toEqual([]);
  });

  it("does not try again when the session is over", async () => {
    const { feed, timers, log } = follow();
    await feed.answer(401);
    expect(log).toEqual(["signed out"]);
    expect(timers.waiting()).toEqual([]);
  });

  it("tries at once when asked to, and never again after it was closed", async () => {
    const { feed, timers, log, live } = follow();
    await feed.answer(500);
    live.retryNow();
    expect(feed.calls).toHaveLength(2);
    live.close();
    await feed.settle();
    expect(feed.calls[1]?.signal.aborted).toBe(true);
    expect(timers.waiting()).toEqual([]);
    live.retryNow();
    expect(feed.calls).toHaveLength(2);
    expect(log).toEqual(["lost 500 The server answered 500."]);
  });

  it("waits between a half and the whole of a doubling time, 15 s at most", () => {
    expect([0, 1, 4, 5, 99].map((attempt) => backoffMs(attempt, () => 0))).toEqual([500, 1000, 8000, 15_000, 15_000]);
    expect(backoffMs(4, () => 0.999)).toBeGreaterThanOrEqual(4000);
  });

  it("throws at broken JSON rather than showing half of it", () => {
    expect(() => toLiveEvent({ event: "ships", data: "{" })).toThrow(SyntaxError);
    expect(toLiveEvent({ event: undefined, data: "{}" })).toBeUndefined();
  });
});

describe("what was asked while the server was away", () => {
  const ID = "CSQU3054383";
  const USER = {
    user: "ops",
    displayName: "",
    groups: [],
    roles: [],
    site: "",
    owner: "",
    mayControl: false,
    expires: "",
  };
  const ANSWERS: Readonly<Record<string, unknown>> = {
    "/api/ships": { ships: [] },
    "/api/alerts": { alerts: [] },
    "/api/sites": { sites: [], links: [] },
    "/api/containers": { type: "FeatureCollection", features: [], matched: 0, total: 0 },
    [`/api/containers/${ID}`]: { container: ID, measurements: {} },
    [`/api/containers/${ID}/history`]: { points: [], events: [], gaps: [], total: 0 },
  };

  type Server = "answers" | "refuses" | "hangs";

  /** The page's loading and feed, over a server that does as it is told. */
  function openPage() {
    const feed = fakeFeed();
    const timers = fakeTimers();
    const asked: string[] = [];
    let server: Server = "answers";
    const fetch: Fetch = async (input, init) => {
      if (input === "/api/live") return feed.fetch(input, init);
      const [path = ""] = input.split("?");
      asked.push(path);
      if (server === "hangs") return new Promise(() => undefined);
      return server === "refuses" ? new Response(null, { status: 503 }) : Response.json(ANSWERS[path]);
    };
    const store = createStore(reduce, initialState(parseView("")));
    const app = { store, api: createApi(createHttp(fetch)), nowMs: () => 0 };
    followLive(app, { fetch, random: () => 0, ...timers }, new EventTarget() as Window, startLoading(app));
    return { feed, timers, store, asked, become: (next: Server) => void (server = next) };
  }

  const phases = ({ ships, alerts, detail, history }: State): string[] =>
    [ships, alerts, detail, history].map(({ phase }) => phase);

  it.each([
    ["refused", "refuses", "failed"],
    ["said nothing", "hangs", "loading"],
  ] as const)("is asked again when the feed is back, though that resumed: it %s", async (_, server, phase) => {
    const { feed, timers, store, asked, become } = openPage();
    store.dispatch({ type: "session/signed-in", session: USER });
    await feed.answer(200);
    await feed.send(MESSAGE);
    await expect.poll(() => phases(store.getState())).toEqual(["ready", "ready", "idle", "idle"]);
    become(server);
    await feed.end();
    store.dispatch({ type: "view/selected", selection: { kind: "container", id: ID } });
    await expect.poll(() => phases(store.getState())).toEqual(["ready", "ready", phase, phase]);
    become("answers");
    asked.length = 0;
    timers.fire(500);
    expect(feed.calls.at(-1)?.headers.get("last-event-id")).toBe("7");
    await feed.answer(200);
    await expect.poll(() => phases(store.getState())).toEqual(["ready", "ready", "ready", "ready"]);
    // What was answered before is not asked for again: the feed brings what is new of it.
    expect(asked).not.toContain("/api/ships");
  });
});
