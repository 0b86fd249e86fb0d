import type {
  AlertsReply,
  ContainerHistoryReply,
  ContainersReply,
  ContainerState,
  GrantReply,
  LiveEvent,
  SessionReply,
  ShipsReply,
  StreamsReply,
  VoyagesReply,
} from "@landfall/proto/api";
import { systemEnv, type Env } from "@landfall/streams/env";
import { until } from "@landfall/streams/testing/until";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SseClient } from "./support/sse.js";
import { TestHq } from "./support/test-hq.js";
import { at, DUCKS, fillWorld, LOST_DUCKS, NOBODY, PEARS, reading, SHIP } from "./support/world.js";

/** The real clock, put forward by the test: whatever waits for longer than a test lasts then falls due. */
class Clock implements Env {
  private ahead = 0;
  private timers = new Set<{ at: number; fn: () => void }>();
  now = (): number => systemEnv.now() + this.ahead;
  monotonic = (): number => systemEnv.monotonic();
  random = (): number => systemEnv.random();

  setTimer(ms: number, fn: () => void) {
    if (ms < 60_000) return systemEnv.setTimer(ms, fn);
    const timer = { at: this.now() + ms, fn };
    this.timers.add(timer);
    return { cancel: () => void this.timers.delete(timer) };
  }

  forward(ms: number): void {
    this.ahead += ms;
    for (const timer of this.timers) {
      if (timer.at > this.now() || !this.timers.delete(timer)) continue;
      timer.fn();
    }
  }
}

const DAY_MS = 86_400_000;
const goneOf = (event: LiveEvent): readonly string[] => (event.type === "containers" ? (event.data.gone ?? []) : []);
const shownIn = (event: LiveEvent): string[] =>
  event.type === "containers" ? event.data.containers.map(({ container }) => container) : [];

describe("grants and links", () => {
  let hq: TestHq;
  let clock: Clock;
  const clients: SseClient[] = [];
  beforeEach(async () => {
    clock = new Clock();
    // Nothing in these tests may depend on a tick that comes by itself.
    hq = await TestHq.start({ env: clock, liveTickMs: 3_600_000 });
    await fillWorld(hq);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await hq.close();
  });

  const grant = async (body: object): Promise<GrantReply> => {
    const answer = await hq.ask("/api/grants", { as: "ops", method: "POST", body });
    expect(answer.status, answer.text).toBe(200);
    return answer.json<GrantReply>();
  };
  const later = (ms: number): string => new Date(clock.now() + ms).toISOString();
  const share = (rest: object = {}): Promise<GrantReply> =>
    grant({
      owner: "polarfoods",
      subject: "link",
      topics: [PEARS],
      voyage: true,
      validUntil: later(7 * DAY_MS),
      ...rest,
    });
  const get = async <T>(path: string, token: string): Promise<T> => {
    const answer = await hq.ask(path, { token });
    expect(answer.status, `${path}: ${answer.text}`).toBe(200);
    return answer.json<T>();
  };
  const open = async (token: string): Promise<SseClient> => {
    const client = await SseClient.open(`${hq.url}/api/live`, token);
    clients.push(client);
    return client;
  };

  it("a user sees one container from gate-in to gate-out, and not the next customer's readings", async () => {
    const stream = "polarfoods.containers";
    await hq.put(stream, PEARS, at(24), { type: "DISC", time: at(24), location: "JPTYO", vessel: SHIP });
    await hq.put(stream, PEARS, at(24, 5), { type: "GTOT", time: at(24, 5), location: "JPTYO" });
    await hq.put(stream, PEARS, at(26), { type: "GTIN", time: at(26), location: "JPTYO" });
    await hq.put(stream, PEARS, at(27), reading({ temperatureC: 21, latitude: 1, longitude: 1 }));
    const { voyages } = (await hq.ask(`/api/containers/${PEARS}/voyages`, { as: "ops" })).json<VoyagesReply>();
    expect(voyages.map(({ owner, from, to, vessels }) => [owner, from, to, vessels])).toEqual([
      ["polarfoods", at(26), undefined, []],
      ["polarfoods", at(20, 6), new Date(Date.parse(at(24, 5)) + 1).toISOString(), [SHIP]],
    ]);
    const ducky = await hq.tokenOf("ducky");
    const before = await get<ContainersReply>("/api/containers", ducky);
    const [, first] = voyages;
    await grant({ owner: "polarfoods", subject: "u:ducky", topics: [PEARS], from: first?.from, to: first?.to });
    const state = await get<ContainerState>(`/api/containers/${PEARS}`, ducky);
    expect(state).toMatchObject({ owner: "polarfoods", time: at(20, 7), lastEvent: { type: "GTOT", time: at(24, 5) } });
    expect(state.measurements.temperatureC).toBe(4);
    const history = await get<ContainerHistoryReply>(`/api/containers/${PEARS}/history`, ducky);
    expect(history.points.map(({ time }) => time)).toEqual([at(20, 7)]);
    expect(history.events.map(({ type, time }) => [type, time])).toEqual([
      ["GTIN", at(20, 6)],
      ["LOAD", at(21)],
      ["DISC", at(24)],
      ["GTOT", at(24, 5)],
    ]);
    // Asked for more, it is no more; each format, thinned or not.
    const wide = `from=${at(1)}&to=${at(31)}`;
    for (const format of ["csv", "gpx", "geojson"]) {
      const { text } = await hq.ask(`/api/containers/${PEARS}/history?format=${format}&${wide}&maxPoints=10`, {
        token: ducky,
      });
      expect(text).not.toContain(at(27).slice(0, 10));
    }
    const after = await get<ContainersReply>("/api/containers", ducky);
    expect(after.total).toBe(before.total + 1);
    const found = await get<ContainersReply>(`/api/containers?q=${PEARS}&zoom=3`, ducky);
    expect(found.matched).toBe(1);
    // Of its ship they know what the container's own records say, and what their own cargo lets them.
    expect((await get<AlertsReply>("/api/alerts", ducky)).alerts.map(({ id }) => id)).toEqual(["lost-1"]);
    const { streams } = await get<StreamsReply>("/api/streams", ducky);
    expect(streams.find(({ name }) => name === stream)).toEqual({ name: stream });
    const records = `/api/streams/${stream}/topics/${PEARS}/records`;
    const { records: shown } = await get<{ records: { timestamp: string }[] }>(records, ducky);
    expect(shown.map(({ timestamp }) => timestamp)).toEqual([at(20, 6), at(20, 7), at(21), at(24), at(24, 5)]);
    expect(await get(`/api/streams/${stream}/topics`, ducky)).toEqual({ topics: [PEARS] });
    for (const [path, method] of [
      [`/api/streams/${stream}/gaps`, "GET"],
      [`/api/streams/${stream}/read`, "POST"],
    ] as const) {
      const body = method === "POST" ? { body: {} } : {};
      expect((await hq.ask(path, { token: ducky, method, ...body })).status, path).toBe(404);
    }
  });

  it("alerts of the time that is shown are shown with it", async () => {
    await grant({ owner: "polarfoods", subject: "g:duckworks", topics: [PEARS], from: at(18), to: at(20) });
    const ducky = await hq.tokenOf("ducky");
    const ids = async () => (await get<AlertsReply>("/api/alerts", ducky)).alerts.map(({ id }) => id);
    expect(await ids()).toEqual(["warm-1", "lost-1"]);
    await grant({ owner: "polarfoods", subject: "u:ducky", topics: [PEARS], from: at(18), to: at(19, 12) });
    // Two that meet show it once.
    expect(await ids()).toEqual(["warm-1", "lost-1"]);
  });

  it("a link shows its container alone, and its end in words that help", async () => {
    const made = await share();
    expect(made).toMatchObject({ subject: "link", state: "in-force", from: at(20, 6), untilGateOut: true, by: "ops" });
    const token = made.token ?? "";
    expect(token).toMatch(/^lfl_[A-Za-z0-9_-]{43}$/);
    expect(await get<SessionReply>("/api/session", token)).toMatchObject({
      shared: PEARS,
      mayControl: false,
      roles: [],
    });
    const all = await get<ContainersReply>("/api/containers", token);
    expect(all.features.map(({ id }) => id)).toEqual([PEARS]);
    expect((await get<ShipsReply>("/api/ships", token)).ships).toEqual([]);
    expect((await get<AlertsReply>("/api/alerts", token)).alerts).toEqual([]);
    for (const path of ["/api/grants", "/api/rules", "/api/status", `/api/containers/${DUCKS}`, `/api/ships/${SHIP}`]) {
      expect((await hq.ask(path, { token })).status, path).toBe(404);
    }
    // Whoever holds a link cannot make something of it that would outlive it.
    const lasting = await hq.ask("/api/tokens", { token, method: "POST", body: { label: "for ever" } });
    expect(lasting.status, lasting.text).toBe(404);
    const { text } = await hq.ask("/api/grants", { as: "ops" });
    expect(text).not.toContain(token);
    expect(text).not.toContain("tokenSha256");
    const feed = await open(token);
    clock.forward(7 * DAY_MS);
    // No record came, nobody asked, no tick passed.
    await feed.ended();
    const over = await hq.ask("/api/containers", { token });
    expect(over.status).toBe(401);
    expect(over.text).toContain("this link has ended: ask whoever sent it to you for a new one");
  });

  it("what becomes of a restart: links go on, and what was taken back stays so", async () => {
    const [kept, gone] = [await share(), await share()];
    await hq.ask(`/api/grants?owner=polarfoods&id=${gone.id}`, { as: "ops", method: "DELETE" });
    hq = await hq.restart();
    expect((await get<ContainersReply>("/api/containers", kept.token ?? "")).total).toBe(1);
    const refused = await hq.ask("/api/containers", { token: gone.token });
    expect([refused.status, refused.json<{ detail: string }>().detail]).toEqual([
      401,
      expect.stringContaining("this link was taken back"),
    ]);
  });

  it("A4: a feed drops what was taken back, and closes when it was a link's", async () => {
    const person = await grant({ owner: "polarfoods", subject: "u:ducky", topics: [PEARS], from: at(1) });
    const link = await share();
    const [ducky, feed] = [await open(await hq.tokenOf("ducky")), await open(link.token ?? "")];
    await ducky.next(({ type }) => type === "ships");
    for (const { id } of [person, link]) {
      const path = `/api/grants?owner=polarfoods&id=${id}`;
      expect((await hq.ask(path, { as: "ops", method: "DELETE" })).json<GrantReply>().state).toBe("revoked");
    }
    await ducky.next((event) => goneOf(event).includes(PEARS));
    await feed.ended();
    const ducks = await hq.tokenOf("ducky");
    expect((await hq.ask(`/api/containers/${PEARS}`, { token: ducks })).status).toBe(404);
  });

  it("A4: a grant that is made is in open feeds at once", async () => {
    const ducky = await open(await hq.tokenOf("ducky"));
    await ducky.next(({ type }) => type === "ships");
    await grant({ owner: "polarfoods", subject: "u:ducky", topics: [PEARS], from: at(1) });
    await ducky.next((event) => shownIn(event).includes(PEARS));
  });

  it("a voyage's grant ends where the container leaves, also when that is heard of later", async () => {
    const { id, untilGateOut } = await grant({
      owner: "polarfoods",
      subject: "u:ducky",
      topics: [PEARS],
      voyage: true,
    });
    expect(untilGateOut).toBe(true);
    const ducky = await hq.tokenOf("ducky");
    const stream = "polarfoods.containers";
    await hq.put(stream, PEARS, at(25), reading());
    expect((await get<ContainerState>(`/api/containers/${PEARS}`, ducky)).time).toBe(at(25));
    await hq.put(stream, PEARS, at(24), { type: "GTOT", time: at(24), location: "AUSYD" });
    const known = () => hq.hq.node.grants.get("polarfoods", id)?.value;
    await until(() => known()?.to !== undefined);
    expect(known()?.to).toBe(new Date(Date.parse(at(24)) + 1).toISOString());
    const times = async () =>
      (await get<ContainerHistoryReply>(`/api/containers/${PEARS}/history`, ducky)).points.map(({ time }) => time);
    expect(await times()).toEqual([at(20, 7)]);
  });

  it("are for those who administer the streams: to others the answer is that of nobody's (A3)", async () => {
    const body = { owner: "polarfoods", subject: "u:chef", topics: [PEARS], from: at(1) };
    const ask = (who: string, more: object = {}) =>
      hq.ask("/api/grants", { as: who, method: "POST", body: { ...body, ...more } });
    expect((await ask("ducky")).status).toBe(404);
    const foreign = await ask("ops", { streams: ["nobody.containers"] });
    const invented = await ask("ops", { owner: "nobody" });
    expect([foreign.status, invented.status]).toEqual([404, 404]);
    expect(foreign.text.replaceAll("polarfoods", "…")).toBe(invented.text.replaceAll("nobody", "…"));
    for (const [more, why] of [
      [{ streams: ["polarfoods.settings"] }, "which no grant opens"],
      [{ subject: "u:site.tokyo" }, "grants are for people"],
      [{ subject: "link" }, "a link is for one container"],
      [{ subject: "link", validUntil: later(400 * DAY_MS) }, "at most 366 days"],
      [{ validUntil: later(-1) }, "would have ended already"],
      [{ voyage: true }, "want either a voyage"],
      [{ voyage: true, from: undefined, topics: [NOBODY] }, "no voyage of"],
      [{ to: at(1) }, "to is not after from"],
    ] as const) {
      const answer = await ask("ops", more);
      expect([answer.status, answer.json<{ detail: string }>().detail]).toEqual([400, expect.stringContaining(why)]);
    }
    const denied = await hq.ask("/api/grants?owner=polarfoods&id=0123456789abcdef", { as: "ops", method: "DELETE" });
    expect(denied.status).toBe(404);
    expect(LOST_DUCKS).not.toBe(DUCKS);
  });
});
