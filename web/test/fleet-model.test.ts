import type { ApiLink, ApiSite, ShipState, SimulationLink } from "@landfall/proto/api";
import { describe, expect, it } from "vitest";
import { fleetNowMs } from "../src/clock.js";
import {
  backlogOf,
  berthOf,
  directions,
  isStale,
  replicasOf,
  ringShare,
  siteName,
  viewLinks,
} from "../src/fleet-model.js";

const site = (name: string, kind: ApiSite["kind"], more: Partial<ApiSite> = {}): ApiSite => ({
  site: name,
  kind,
  name: `The ${name}`,
  owner: "bigblue",
  notAshore: 0,
  streams: [],
  ...more,
});
const link = (more: Partial<ApiLink>): ApiLink => ({
  id: "ship-1~tokyo",
  from: "ship-1",
  to: "tokyo",
  class: "port",
  state: "down",
  ...more,
});
const control = (more: Partial<SimulationLink>): SimulationLink => ({
  id: "ship-1~tokyo",
  from: "ship-1",
  to: "tokyo",
  class: "port",
  state: "down",
  outOfReach: false,
  latencyMs: 0,
  kbps: 0,
  lossPct: 0,
  bytesPerSecond: 0,
  ...more,
});
const ship = (more: Partial<ShipState> = {}): ShipState => ({ imo: "1", name: "Iris", containersAboard: 0, ...more });
const SITES = [site("tokyo", "port", { locode: "JPTYO" }), site("ship-1", "ship", { imo: "1" })];

function look(one: ApiLink, ships: Record<string, ShipState>, controls: SimulationLink[] = []): string | undefined {
  return viewLinks({ sites: SITES, links: [one] }, ships, controls)[0]?.look;
}

describe("links", () => {
  it("does not call a port link cut because its ship is at sea", () => {
    expect(look(link({}), { "1": ship() })).toBe("out-of-reach");
    expect(look(link({}), { "1": ship({ docked: "JPTYO" }) })).toBe("cut");
    expect(look(link({ class: "wan" }), {})).toBe("cut");
    expect(look(link({ state: "degraded" }), {})).toBe("degraded");
  });

  it("believes the simulation where there is one", () => {
    expect(look(link({}), { "1": ship({ docked: "JPTYO" }) }, [control({ outOfReach: true })])).toBe("out-of-reach");
    expect(look(link({}), { "1": ship() }, [control({})])).toBe("cut");
  });

  it("runs between the ship's own place and the port, under their short names", () => {
    const [view] = viewLinks(
      { sites: SITES, links: [link({ state: "up" })] },
      { "1": ship({ longitude: 150, latitude: 30 }) },
    );
    expect(view).toMatchObject({ fromName: "Iris", toName: "Tokyo", look: "up" });
    expect(view?.ends?.[0]).toEqual([150, 30]);
    expect(siteName(site("los-angeles", "hq"), "", {})).toBe("Los Angeles");
    expect(siteName(undefined, "sydney-yard", {})).toBe("Sydney Yard");
  });
});

describe("what crosses a link", () => {
  const view = (more: Partial<ApiLink>, ships: Record<string, ShipState> = {}) =>
    viewLinks({ sites: SITES, links: [link({ state: "up", ...more })] }, ships)[0];

  it("flows each way, and from its first end where only the sum is known", () => {
    expect(view({ recordsPerSecond: 7 })?.flow).toEqual({ there: 7, back: 0 });
    const way = (recordsPerSecond: number) => ({ backlogRecords: recordsPerSecond * 10, recordsPerSecond });
    const both = view({ recordsPerSecond: 7, there: way(1), back: way(6) });
    expect(both?.flow).toEqual({ there: 1, back: 6 });
    expect(both && directions(both).map(({ from, to, of }) => [from, to, of.backlogRecords])).toEqual([
      ["Tokyo", "The ship-1", 60],
      ["The ship-1", "Tokyo", 10],
    ]);
    expect(directions(view({}) as NonNullable<typeof both>)).toEqual([]);
  });

  it("belongs to the ship's place at the quay while it lies there, and to none at sea or elsewhere", () => {
    const at = { longitude: 139.8, latitude: 35.6 };
    const other = ship({ imo: "0", docked: "JPTYO", ...at });
    expect(view({}, { "0": other, "1": ship({ docked: "JPTYO", ...at }) })?.berth).toBe(1);
    expect(view({}, { "1": ship(at) })?.berth).toBeUndefined();
    expect(view({}, { "1": ship({ docked: "AUSYD", ...at }) })?.berth).toBeUndefined();
    expect(view({ class: "satellite" }, { "1": ship({ docked: "JPTYO", ...at }) })?.berth).toBeUndefined();
  });
});

describe("backlog", () => {
  const streams = [
    { stream: "a", has: 10, lacks: 3 },
    { stream: "b", has: 10, lacks: 4 },
  ];
  it("counts what a port lacks, and what a ship has that nobody else has", () => {
    expect(backlogOf(site("tokyo", "port", { streams, notAshore: 9 }))).toBe(7);
    expect(backlogOf(site("ship-1", "ship", { streams, notAshore: 9 }))).toBe(9);
  });

  it("fills the ring by powers of ten", () => {
    expect([0, -1, 9, 99, 9999, 1e9].map(ringShare).map((share) => Number(share.toFixed(2)))).toEqual([
      0, 0, 0.25, 0.5, 1, 1,
    ]);
  });
});

describe("ships", () => {
  const now = Date.UTC(2026, 10, 3, 12);
  it("are stale by what their class of link should allow", () => {
    const twoHours = new Date(now - 2 * 3_600_000).toISOString();
    expect(isStale(ship({ time: twoHours, lastLink: "satellite" }), now)).toBe(false);
    expect(isStale(ship({ time: twoHours, lastLink: "port" }), now)).toBe(true);
    expect(isStale(ship(), now)).toBe(true);
  });

  it("lie in port by their arrival, or because they lie still beside a terminal", () => {
    expect(berthOf(ship({ docked: "SGSIN" }))).toBe("SGSIN");
    expect(berthOf(ship({ latitude: 35.62, longitude: 139.79, speedKn: 0 }))).toBe("JPTYO");
    expect(berthOf(ship({ latitude: 35.62, longitude: 139.79, speedKn: 12 }))).toBeUndefined();
    expect(berthOf(ship({ latitude: 30, longitude: 139.79, speedKn: 0 }))).toBeUndefined();
  });
});

describe("the fleet's clock", () => {
  const at = Date.UTC(2026, 10, 1);
  const simulation = (more: object = {}): Parameters<typeof fleetNowMs>[0] => ({
    state: {
      time: new Date(at).toISOString(),
      speed: 1000,
      waiting: false,
      ships: [],
      links: [],
      story: [],
      ...more,
    },
    receivedMs: at + 1e9,
  });

  it("is this computer's where nothing is simulated", () => {
    expect(fleetNowMs(undefined, 42)).toBe(42);
  });

  it("goes on at the simulation's speed, stands while it waits, and does not run away when it falls silent", () => {
    expect(fleetNowMs(simulation(), at + 1e9 + 2000)).toBe(at + 2_000_000);
    expect(fleetNowMs(simulation({ waiting: true }), at + 1e9 + 2000)).toBe(at);
    expect(fleetNowMs(simulation(), at + 1e9 + 60_000)).toBe(at + 3_000_000);
  });

  it("never passes the real one", () => {
    const now = at + 500_000;
    expect(fleetNowMs({ ...(simulation() as object), receivedMs: now - 3000 } as never, now)).toBe(now);
  });
});

describe("replicas", () => {
  it("are the sites that gather; what is lacked most stands first, and what a site does not hold is nothing", () => {
    const sites = [
      site("tokyo", "port", {
        streams: [
          { stream: "a", has: 5, lacks: 0 },
          { stream: "b", has: 5, lacks: 7 },
        ],
      }),
      site("duckworks", "hq", {
        streams: [
          { stream: "c", has: 1, lacks: 0 },
          { stream: "a", has: 5, lacks: 3 },
        ],
      }),
      site("silent", "port"),
      site("ship-1", "ship", { streams: [{ stream: "d", has: 9, lacks: 9 }] }),
    ];
    const { sites: columns, rows } = replicasOf(sites);
    expect(columns.map((one) => one.site)).toEqual(["duckworks", "tokyo"]);
    expect(rows).toEqual([
      { stream: "b", lacks: [undefined, 7] },
      { stream: "a", lacks: [3, 0] },
      { stream: "c", lacks: [0, undefined] },
    ]);
    expect(replicasOf([]).rows).toEqual([]);
  });
});
