import type { Problem, SimulationState } from "@landfall/proto/api";
import { afterEach, describe, expect, it } from "vitest";
import { controlServer, type Controls } from "../src/control/server.js";
import { outcome } from "../src/control/outcome.js";
import { SimulatorError } from "../src/errors.js";
import type { Command } from "../src/world/state.js";

const STATE = {
  time: "2026-11-01T00:00:00.000Z",
  speed: 1000,
  waiting: true,
  ships: [],
  links: [],
  story: [],
} as const;

function server(state: () => unknown = () => STATE) {
  const done: unknown[] = [];
  const controls: Controls = {
    state,
    notReady: () => (done.length > 0 ? undefined : "days at sea go by: 12 %"),
    command: (command: Command) => {
      if (command.type !== "booked" && command.imo === "9321484") {
        throw new SimulatorError("NOT_FOUND", "no ship has the IMO number 9321484; there are 9321483");
      }
      done.push(command);
    },
    settled: () => Promise.resolve(),
    arrivalMs: () => 12_000_000,
    patchLink: (id, patch) => {
      done.push({ id, ...patch });
      return { id, ...patch };
    },
    killNode: async (site, stay) => void done.push({ kill: site, stay }),
    startNode: async (site) => void done.push({ start: site }),
    viewer: () => done.push("viewer"),
    metrics: () => "landfall_simulator_speed 1000\n",
    failed: (error) => done.push(error),
  };
  const app = controlServer(controls);
  open.push(() => app.close());
  return { app, done };
}
const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

describe("control interface", () => {
  it("shows the state, greets viewers, and is ready once the days at sea are over", async () => {
    const { app, done } = server();
    const early = await app.inject("/readyz");
    expect([early.statusCode, early.json<{ reason: string }>().reason]).toEqual([503, "days at sea go by: 12 %"]);
    expect((await app.inject("/state")).json<SimulationState>()).toEqual(STATE);
    expect((await app.inject({ method: "POST", url: "/viewer" })).statusCode).toBe(200);
    expect(done).toEqual(["viewer"]);
    expect((await app.inject("/readyz")).statusCode).toBe(200);
    expect((await app.inject("/metrics")).body).toContain("landfall_simulator_speed");
  });

  it("steers ships and links", async () => {
    const { app, done } = server();
    const post = (url: string, payload: object) => app.inject({ method: "POST", url, payload });
    expect((await post("/ships/9321483/arrive", { port: "sgsin" })).statusCode).toBe(200);
    expect((await post("/ships/9321483/depart", { to: "AUSYD" })).statusCode).toBe(200);
    const patch = { state: "down", latencyMs: 600, kbps: 64 };
    const link = await app.inject({ method: "PATCH", url: "/links/tokyo~singapore", payload: patch });
    expect(link.json()).toEqual({ id: "tokyo~singapore", ...patch });
    expect(done).toEqual([
      { type: "arrive", imo: "9321483", port: "SGSIN", withinMs: 12_000_000 },
      { type: "depart", imo: "9321483", to: "AUSYD" },
      { id: "tokyo~singapore", ...patch },
    ]);
  });

  it("throws containers over the side, kills nodes and starts them", async () => {
    const { app, done } = server();
    const post = (url: string, payload?: object) => app.inject({ method: "POST", url, ...(payload && { payload }) });
    expect((await post("/ships/9321483/overboard", { count: 3 })).statusCode).toBe(200);
    expect((await post("/nodes/tokyo/kill", { stay: true })).statusCode).toBe(200);
    expect((await post("/nodes/tokyo/start")).statusCode).toBe(200);
    expect(done).toEqual([
      { type: "overboard", imo: "9321483", count: 3 },
      { kill: "tokyo", stay: true },
      { start: "tokyo" },
    ]);
  });

  it.each([
    ["POST", "/ships/9321483/overboard", { count: 0 }, 400, "INVALID_ARGUMENT", /count/],
    ["POST", "/ships/9321483/overboard", { count: 1_000 }, 400, "INVALID_ARGUMENT", /count/],
    ["POST", "/nodes/tokyo/kill", {}, 400, "INVALID_ARGUMENT", /stay/],
    ["POST", "/ships/9321483/arrive", {}, 400, "INVALID_ARGUMENT", /port/],
    ["POST", "/ships/9321483/arrive", { port: 5 }, 400, "INVALID_ARGUMENT", /string/],
    ["POST", "/ships/9321484/arrive", { port: "SGSIN" }, 404, "NOT_FOUND", /there are 9321483/],
    ["POST", "/ships/abc/depart", { to: "SGSIN" }, 400, "INVALID_ARGUMENT", /imo/],
    ["PATCH", "/links/x", {}, 400, "INVALID_ARGUMENT", /fewer than 1/],
    ["PATCH", "/links/x", { state: "sideways" }, 400, "INVALID_ARGUMENT", /up, down/],
    ["PATCH", "/links/x", { kbps: -5 }, 400, "INVALID_ARGUMENT", /kbps/],
    ["PATCH", "/links/x", { speed: 5 }, 400, "INVALID_ARGUMENT", /speed/],
    ["GET", "/nothing", undefined, 404, "NOT_FOUND", /GET \/state/],
  ] as const)("%s %s %j is %i and says what to do", async (method, url, payload, status, code, detail) => {
    const { app, done } = server();
    const reply = await app.inject({ method, url, ...(payload !== undefined && { payload }) });
    expect(reply.statusCode).toBe(status);
    expect(reply.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(reply.json<Problem>()).toMatchObject({ status, code, detail: expect.stringMatching(detail) as string });
    expect(done).toEqual([]);
  });

  it("refuses broken JSON and large bodies", async () => {
    const { app } = server();
    const broken = {
      method: "POST",
      url: "/ships/9321483/arrive",
      headers: { "content-type": "application/json" },
    } as const;
    expect((await app.inject({ ...broken, payload: "{" })).statusCode).toBe(400);
    expect((await app.inject({ ...broken, payload: `{"port":"${"x".repeat(20_000)}"}` })).statusCode).toBe(413);
  });

  it("says that something went wrong inside, and keeps the reason for the log", async () => {
    const reason = new RangeError("Invalid time value");
    const { app, done } = server(() => {
      throw reason;
    });
    const answer = await app.inject("/state");
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain("Invalid time value");
    expect(done).toEqual([reason]);
  });

  it("words for the terminal", () => {
    const ship = { imo: "9321483", name: "Hyacinth", latitude: 0, longitude: 0, containers: 3 };
    const state: SimulationState = {
      ...STATE,
      ships: [
        { ...ship, phase: "docked", port: "SGSIN" },
        { ...ship, phase: "at-sea", port: "AUSYD", eta: "2026-11-02T00:00:00.000Z" },
      ],
    };
    expect(outcome(state)).toBe(
      "9321483 Hyacinth: in SGSIN\n9321483 Hyacinth: sails to AUSYD, due 2026-11-02T00:00:00.000Z",
    );
  });
});
