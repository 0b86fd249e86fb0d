import { beforeAll, describe, expect, it } from "vitest";
import { distanceNm } from "../src/geo/great-circle.js";
import { createWorld, STORY_HOURS } from "../src/world/create.js";
import { harbour } from "../src/world/ships.js";
import type { Command, Publish, WorldState } from "../src/world/state.js";
import { step } from "../src/world/step.js";
import { DAY_MS, HOUR_MS, newWorld, sail, START_MS } from "./support.js";

interface Event {
  readonly type: string;
  readonly time: string;
  readonly location?: string;
  readonly vessel?: string;
  readonly voyage?: string;
  readonly nextPort?: string;
}
interface Seen {
  readonly via: string;
  readonly id: string;
  readonly timeMs: number;
  readonly event: Event;
}

/** Runs the whole story and keeps what it needs. */
function tell(
  world: WorldState,
  hours: number,
): { state: WorldState; events: Seen[]; last: Map<string, Publish>; firstLanding: number } {
  const events: Seen[] = [];
  const last = new Map<string, Publish>();
  const readings = { prologue: 0 };
  const state = sail(world, hours, (publish) => {
    const [, id = "", what] = publish.topic.split("/");
    if (what === "events") {
      events.push({ via: publish.via, id, timeMs: publish.timeMs, event: JSON.parse(publish.payload) as Event });
    } else if (what === "telemetry") {
      last.set(id, publish);
      if (publish.timeMs < START_MS + STORY_HOURS.prologue * HOUR_MS) readings.prologue++;
    }
  });
  return { state, events, last, firstLanding: readings.prologue };
}

describe.each([
  { ships: 4, seed: 1883 },
  { ships: 3, seed: 5 },
])("the duck voyage with $ships ships, seed $seed", ({ ships, seed }) => {
  const world = newWorld(seed, ships, 120);
  const [duckShip = "", firstShip = ""] = world.ships.map(({ imo }) => imo);
  const ducks = world.containers.filter(({ owner }) => owner === "duckworks").map(({ id }) => id);
  let told: ReturnType<typeof tell>;
  beforeAll(() => {
    told = tell(world, STORY_HOURS.whole + (ships === 3 ? 8 * 24 : 0));
  }, 120_000);
  const of = (type: string, id?: string): Seen[] =>
    told.events.filter((one) => one.event.type === type && (id === undefined || one.id === id));

  it("the first landing brings days of readings", () => {
    const [landing] = of("ARRI", firstShip);
    expect(landing?.event.location).toBe("SGSIN");
    const days = ((landing?.timeMs ?? 0) - START_MS) / DAY_MS;
    expect(days).toBeGreaterThan(5);
    expect(days).toBeLessThan(8);
    expect(told.firstLanding).toBeGreaterThan(15_000);
  });

  it("ducks are gated in and loaded in Tokyo, before the ship departs", () => {
    const [departure] = of("DEPA", duckShip);
    expect(departure?.event).toMatchObject({ location: "JPTYO", nextPort: "SGSIN", vessel: duckShip });
    for (const id of ducks) {
      const [gate] = of("GTIN", id);
      const [load] = of("LOAD", id);
      expect(gate).toMatchObject({ via: "tokyo-yard", event: { location: "JPTYO" } });
      expect(load).toMatchObject({ via: `ship-${duckShip}`, event: { location: "JPTYO", vessel: duckShip } });
      expect(load?.event.voyage).toBe(departure?.event.voyage);
      expect(gate?.timeMs).toBeLessThan(load?.timeMs ?? 0);
      expect(load?.timeMs).toBeLessThan(departure?.timeMs ?? 0);
    }
  });

  it("in Singapore some ducks change to another ship, which brings them to Sydney", () => {
    const changed = ducks.filter((id) => of("DISC", id).some(({ event }) => event.location === "SGSIN"));
    expect(changed.length).toBeGreaterThan(3);
    for (const id of changed) {
      const [first, second] = of("LOAD", id);
      expect(second?.event.location).toBe("SGSIN");
      expect(second?.event.vessel).not.toBe(first?.event.vessel);
      expect(of("DISC", id)[1]?.event).toMatchObject({ location: "AUSYD", vessel: second?.event.vessel });
    }
  });

  it("Polar Foods' new containers are booked on the way and come aboard in Singapore", () => {
    const booked = told.state.containers.filter((box) => box.owner === "polarfoods" && box.bookedFromMs > START_MS);
    expect(booked.length).toBeGreaterThan(5);
    for (const { id, bookedFromMs } of booked) {
      const [gate] = of("GTIN", id);
      expect(gate?.timeMs).toBeGreaterThan(bookedFromMs);
      expect(of("LOAD", id)[0]?.event).toMatchObject({ location: "SGSIN", vessel: duckShip });
    }
  });

  it("off Sydney some ducks go over the side: a fall, then silence, and they stay on the manifest", () => {
    const lost = told.state.containers.filter(({ place }) => place.at === "lost");
    expect(lost.length).toBeGreaterThanOrEqual(3);
    for (const { id, owner } of lost) {
      expect(owner).toBe("duckworks");
      const fall = told.last.get(id);
      const reading = JSON.parse(fall?.payload ?? "{}") as Record<string, number>;
      expect(reading["tiltDeg"]).toBeGreaterThan(60);
      expect(reading["shockG"]).toBeGreaterThan(5);
      const miles = distanceNm([reading["longitude"] ?? 0, reading["latitude"] ?? 0], harbour("AUSYD"));
      expect(miles).toBeGreaterThan(20);
      expect(miles).toBeLessThan(450);
      expect(told.state.timeMs - (fall?.timeMs ?? 0)).toBeGreaterThan(6 * HOUR_MS);
      expect(of("DISC", id).filter(({ timeMs }) => timeMs > (fall?.timeMs ?? 0))).toEqual([]);
    }
  });

  it("a manifest never loads what is aboard nor discharges what is not", () => {
    const aboard = new Map<string, string>();
    for (const { id, event, via } of told.events) {
      if (event.type === "LOAD") {
        expect(aboard.has(id)).toBe(false);
        expect(via).toBe(`ship-${event.vessel}`);
        aboard.set(id, event.vessel ?? "");
      } else if (event.type === "DISC") {
        expect(aboard.get(id)).toBe(event.vessel);
        aboard.delete(id);
      } else if (event.type === "GTIN" || event.type === "GTOT") {
        expect(aboard.has(id)).toBe(false);
        expect(via).toMatch(/-yard$/);
      }
    }
  });

  it("port calls take about a day, and ships go on sailing", () => {
    for (const { imo } of told.state.ships) {
      const calls = told.events.filter(({ id, event }) => id === imo && /ARRI|DEPA/.test(event.type));
      for (const [i, call] of calls.entries()) {
        const next = calls[i + 1];
        expect(call.event.type).not.toBe(next?.event.type);
        if (call.event.type !== "ARRI" || next === undefined) continue;
        expect(next.event.location).toBe(call.event.location);
        const hours = (next.timeMs - call.timeMs) / HOUR_MS;
        expect(hours).toBeGreaterThan(17);
        expect(hours).toBeLessThan(37);
      }
    }
  });

  it("fits into half an hour at the default pace", () => {
    const ducksHome = of("ARRI", duckShip).find(({ event }) => event.location === "AUSYD");
    const minutes = ((ducksHome?.timeMs ?? Infinity) - START_MS - STORY_HOURS.prologue * HOUR_MS) / 1000 / 60_000;
    expect(minutes).toBeLessThan(30);
  });
});

describe("somebody else steers", () => {
  it("a ship that is hurried to Sydney loses its ducks all the same, and its track stays on the lane", () => {
    const world = newWorld(11, 4, 120);
    const duckShip = world.script.duckShip;
    let state = sail(world, 400, undefined, (now) =>
      now.ships.some((ship) => ship.imo === duckShip && ship.phase.kind === "sea" && ship.phase.to === "AUSYD"),
    );
    state = sail(state, 2);
    const positions: [number, number][] = [];
    const hours = 3.4;
    const command = { type: "arrive", imo: duckShip, port: "AUSYD", withinMs: hours * HOUR_MS } as const;
    const hurried = sailWith(state, command, 4, (publish) => {
      if (publish.topic !== `ships/${duckShip}/position`) return;
      const { longitude, latitude } = JSON.parse(publish.payload) as { longitude: number; latitude: number };
      positions.push([longitude, latitude]);
    });
    const ship = hurried.ships.find(({ imo }) => imo === duckShip);
    expect(ship?.phase).toMatchObject({ kind: "docked", port: "AUSYD" });
    expect(hurried.containers.filter(({ place }) => place.at === "lost").length).toBeGreaterThanOrEqual(3);
    for (let i = 1; i < positions.length; i++) {
      expect(distanceNm(positions[i - 1] ?? [0, 0], positions[i] ?? [0, 0])).toBeLessThan(140);
    }
  });

  it("any ship sent anywhere from anywhere gets there in time", () => {
    const world = sail(newWorld(2, 4, 60), 180);
    for (const { imo, phase } of world.ships) {
      for (const port of ["JPTYO", "SGSIN", "AUSYD", "USLAX"]) {
        if (phase.kind === "docked" && phase.port === port) continue;
        const state = sailWith(world, { type: "arrive", imo, port, withinMs: 60_000 }, 0.1);
        expect(state.ships.find((ship) => ship.imo === imo)?.phase).toMatchObject({ kind: "docked", port });
      }
    }
  });

  it("containers that nobody booked yet wait at the gate", () => {
    let state = createWorld({ seed: 1, startMs: START_MS, ships: 4, containers: 60 });
    state = sailWith(state, { type: "booked", containers: [] }, 30);
    const inside = state.containers.filter(({ place }) => place.at !== "road");
    expect(inside.length).toBeGreaterThan(0);
    expect(inside.every(({ booking }) => booking === "none")).toBe(true);
  });
});

function sailWith(
  world: WorldState,
  command: Command,
  hours: number,
  see: (publish: Publish) => void = () => undefined,
): WorldState {
  const { state, publishes } = step(world, world.timeMs + hours * HOUR_MS, [{ atMs: world.timeMs, command }]);
  for (const publish of publishes) see(publish);
  return state;
}
