import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LiveEvent } from "@landfall/proto/api";
import { FakeSimulator } from "./support/fake-simulator.js";
import { SseClient } from "./support/sse.js";
import { TestHq } from "./support/test-hq.js";
import { at, DUCKS, fillWorld, LOST_DUCKS, OTHER_SHIP, PEARS, reading, SHIP } from "./support/world.js";

const containersOf = (event: LiveEvent): string[] =>
  event.type === "containers" ? event.data.containers.map(({ container }) => container) : [];
const isOf = (container: string) => (event: LiveEvent) => containersOf(event).includes(container);

describe("the live feed", () => {
  let hq: TestHq;
  const clients: SseClient[] = [];
  const open = async (user: string, lastEventId?: string): Promise<SseClient> => {
    const client = await SseClient.open(`${hq.url}/api/live`, await hq.tokenOf(user), lastEventId);
    clients.push(client);
    return client;
  };
  beforeEach(async () => {
    hq = await TestHq.start();
    await fillWorld(hq);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await hq.close();
  });

  it("brings ships and sites at once, then what changes", async () => {
    const ops = await open("ops");
    const first = await ops.next(({ type }) => type === "ships");
    expect(first.event.type === "ships" && first.event.data.ships.map(({ imo }) => imo)).toEqual([OTHER_SHIP, SHIP]);
    await ops.next(({ type }) => type === "sites");
    await hq.put("duckworks.containers", DUCKS, at(22), reading({ temperatureC: 5 }));
    const { event } = await ops.next(isOf(DUCKS));
    expect(event.type === "containers" && event.data.containers[0]).toMatchObject({
      container: DUCKS,
      measurements: { temperatureC: 5 },
    });
  });

  it("A2: every event holds only what its reader may read", async () => {
    const [ops, ducky, sydney] = [await open("ops"), await open("ducky"), await open("sydney")];
    await hq.put("polarfoods.containers", PEARS, at(22), reading());
    await hq.put("polarfoods.alerts", PEARS, at(22), {
      id: "cold-1",
      type: "OUT_OF_RANGE",
      severity: "warning",
      state: "raised",
      container: PEARS,
      time: at(22),
      message: "Too cold",
    });
    await hq.put("bigblue.ships", `${OTHER_SHIP}.position`, at(26), { latitude: 1, longitude: 1 });
    await hq.put("port.ausyd.events", PEARS, at(23), { type: "DISC", time: at(23), location: "AUSYD" });
    // Everybody has something that comes after all of these.
    await hq.put("duckworks.containers", DUCKS, at(22), reading());
    await hq.put("port.ausyd.events", DUCKS, at(23), { type: "GTOT", time: at(23), location: "AUSYD" });
    await Promise.all([ops.next(isOf(DUCKS)), ducky.next(isOf(DUCKS)), sydney.next(isOf(DUCKS))]);

    const told = (client: SseClient) => JSON.stringify(client.messages);
    for (const foreign of [PEARS, "polarfoods", "cold-1", OTHER_SHIP]) {
      expect(told(ducky)).not.toContain(foreign);
      expect(told(ops)).toContain(foreign);
    }
    for (const foreign of ["polarfoods", "duckworks", "cold-1", OTHER_SHIP, "temperatureC"]) {
      expect(told(sydney)).not.toContain(foreign);
    }
    const pears = await sydney.next(isOf(PEARS));
    expect(
      pears.event.type === "containers" && pears.event.data.containers.find(({ container }) => container === PEARS),
    ).toMatchObject({
      owner: "",
      status: "unknown",
      location: "AUSYD",
      latitude: -33.968,
      // The quay is where it stands, not what it measured.
      measurements: {},
    });
  });

  it("says when a ship leaves somebody's map with their cargo, and to nobody else", async () => {
    const [ducky, sydney] = [await open("ducky"), await open("sydney")];
    await hq.put("duckworks.containers", DUCKS, at(26), { type: "LOAD", time: at(26), vessel: OTHER_SHIP });
    const loaded = await ducky.next(
      (event) => event.type === "ships" && event.data.ships.some(({ imo }) => imo === OTHER_SHIP),
    );
    const position = hq.put("bigblue.ships", `${OTHER_SHIP}.position`, at(27), { latitude: 5, longitude: -140 });
    await position;
    const seen = await ducky.next(
      (event) =>
        event.type === "ships" && event.data.ships.some((ship) => ship.imo === OTHER_SHIP && ship.latitude === 5),
      ducky.messages.indexOf(loaded),
    );
    await hq.put("duckworks.containers", DUCKS, at(28), { type: "DISC", time: at(28), vessel: OTHER_SHIP });
    await hq.put("bigblue.ships", `${OTHER_SHIP}.position`, at(29), { latitude: 6, longitude: -141 });
    const gone = await ducky.next((event) => event.type === "ships" && event.data.gone?.includes(OTHER_SHIP) === true);
    expect(ducky.messages.indexOf(gone)).toBeGreaterThan(ducky.messages.indexOf(seen));
    expect(JSON.stringify(ducky.messages)).not.toContain("-141");
    expect(JSON.stringify(sydney.messages)).not.toContain(OTHER_SHIP);
  });

  it("resumes by Last-Event-ID: nothing missed, nothing of before", async () => {
    const first = await open("ducky");
    await hq.put("duckworks.containers", DUCKS, at(22), reading());
    await first.next(isOf(DUCKS));
    first.close();
    await hq.put("duckworks.containers", LOST_DUCKS, at(10), reading());
    await hq.put("duckworks.alerts", LOST_DUCKS, at(23), {
      id: "lost-1",
      type: "LOST",
      severity: "critical",
      state: "cleared",
      container: LOST_DUCKS,
      time: at(23),
      message: "Found",
    });
    const second = await open("ducky", first.lastId);
    await second.next(({ type }) => type === "alert");
    await second.next(isOf(LOST_DUCKS));
    expect(second.messages.flatMap(({ event }) => containersOf(event))).toEqual([LOST_DUCKS]);
  });

  it("after a restart everything comes again, since changes are counted anew", async () => {
    const first = await open("ducky");
    await first.next(({ type }) => type === "ships");
    const { lastId } = first;
    first.close();
    hq = await hq.restart();
    const second = await open("ducky", lastId);
    await second.next(isOf(LOST_DUCKS));
    expect(new Set(second.messages.flatMap(({ event }) => containersOf(event)))).toEqual(new Set([DUCKS, LOST_DUCKS]));
    // An alert of just before may be told again rather than not at all; nobody else's ever is.
    expect(JSON.stringify(second.messages)).not.toContain("warm-1");
  });

  it("takes an id that is none of ours for a beginning", async () => {
    const client = await open("ducky", "x".repeat(100));
    await client.next(isOf(DUCKS));
  });

  it("ends with the session", async () => {
    const token = (
      await hq.ask("/api/session", { method: "POST", body: { username: "ducky", password: "landfall" } })
    ).json<{ token: string }>().token;
    const client = await SseClient.open(`${hq.url}/api/live`, token);
    clients.push(client);
    await client.next(({ type }) => type === "ships");
    await hq.ask("/api/session", { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
    await client.ended();
    expect((await SseClient.open(`${hq.url}/api/live`, token)).status).toBe(401);
  });

  it("refuses a person more connections than they can look at", async () => {
    const opened = await Promise.all(Array.from({ length: 20 }, () => open("ducky")));
    expect(opened.map(({ status }) => status)).toEqual(opened.map(() => 200));
    expect((await open("ducky")).status).toBe(429);
    expect((await open("ops")).status).toBe(200);
  });
});

describe("the simulation in the live feed", () => {
  it("learns that somebody looks, shows controllers everything and others the clock", async () => {
    const simulator = await FakeSimulator.start();
    const hq = await TestHq.start({ settings: { simulation: { url: simulator.url } } });
    try {
      expect(simulator.asked).toEqual([]);
      const ops = await SseClient.open(`${hq.url}/api/live`, await hq.tokenOf("ops"));
      const ducky = await SseClient.open(`${hq.url}/api/live`, await hq.tokenOf("ducky"));
      const seen = await ops.next(({ type }) => type === "simulation");
      expect(seen.event.data).toEqual(simulator.state);
      expect(simulator.asked[0]).toBe("POST /viewer");
      const other = await ducky.next(({ type }) => type === "simulation");
      expect(other.event.data).toEqual({
        time: simulator.state.time,
        speed: 1000,
        waiting: false,
        ships: [],
        links: [],
        story: [],
      });
      const arrive = await hq.ask(`/api/simulation/ships/${SHIP}/arrive`, {
        as: "ops",
        method: "POST",
        body: { port: "AUSYD" },
      });
      expect(arrive.status).toBe(200);
      expect(simulator.asked).toContain(`POST /ships/${SHIP}/arrive {"port":"AUSYD"}`);
      expect((await hq.ask("/api/simulation", { as: "ducky" })).json()).toMatchObject({ ships: [], story: [] });
      ops.close();
      ducky.close();
    } finally {
      await hq.close();
      await simulator.close();
    }
  });
});
