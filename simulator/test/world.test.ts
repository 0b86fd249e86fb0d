import { containerNumberError, imoNumberError } from "@landfall/proto/identifiers";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { containerNumber, imoNumber } from "../src/world/fleet.js";
import type { Command, Publish, TimedCommand, WorldState } from "../src/world/state.js";
import { step } from "../src/world/step.js";
import { confirmAll, HOUR_MS, newWorld, sail, START_MS } from "./support.js";

/** fast-check prints seed and path of a failure; `LANDFALL_SEED` replays it. */
const SEED = Number(process.env["LANDFALL_SEED"] ?? 20_261_120);

const wire = (publishes: readonly Publish[]): string => publishes.map((one) => JSON.stringify(one)).join("\n");

describe("world", () => {
  it("a snapshot written to disk and read back gives the very same messages again", () => {
    const before = sail(newWorld(1883, 4, 100), 150);
    const kept = JSON.parse(JSON.stringify(before)) as WorldState;
    const first = step(before, before.timeMs + 30 * HOUR_MS, []);
    const again = step(kept, kept.timeMs + 30 * HOUR_MS, []);
    expect(first.publishes.length).toBeGreaterThan(3_000);
    expect(wire(again.publishes)).toBe(wire(first.publishes));
    expect(again.state).toEqual(first.state);
  });

  it("does not change the state it is given", () => {
    const before = sail(newWorld(1883, 4, 100), 100);
    const kept = JSON.stringify(before);
    step(before, before.timeMs + 80 * HOUR_MS, confirmAll(before));
    expect(JSON.stringify(before)).toBe(kept);
  });

  it(`is the same in however many steps, with whatever commands (seed ${SEED})`, () => {
    const starts = [sail(newWorld(7, 3, 40), 20), sail(newWorld(7, 4, 40), 170), sail(newWorld(7, 5, 40), 330)];
    const port = fc.constantFrom("JPTYO", "SGSIN", "AUSYD", "USLAX");
    const imo = fc.constantFrom(...Array.from({ length: 4 }, (_, i) => imoNumber(i)));
    const command = fc.oneof(
      fc.record({
        type: fc.constant("arrive" as const),
        imo,
        port,
        withinMs: fc.integer({ min: 1, max: 3 * HOUR_MS }),
      }),
      fc.record({ type: fc.constant("depart" as const), imo, to: port }),
      fc.constant<Command>({ type: "booked", containers: starts.flatMap((one) => one.containers.map(({ id }) => id)) }),
    );
    const whole = 24 * HOUR_MS;
    const timed = fc.array(fc.record({ at: fc.nat(whole / 10_000), command }), { maxLength: 6 });
    const cuts = fc.array(fc.nat(whole), { maxLength: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...starts), timed, cuts, (world, list, cutList) => {
        const commands: TimedCommand[] = list
          .map(({ at, command }) => ({ atMs: world.timeMs + at * 10_000, command }))
          .sort((a, b) => a.atMs - b.atMs);
        const inOne = step(world, world.timeMs + whole, commands);
        let state = world;
        const publishes: Publish[] = [];
        for (const cut of [...cutList.sort((a, b) => a - b), whole]) {
          // What a restart does: the commands since, and a state that went through JSON.
          const due = commands.filter(({ atMs }) => atMs >= state.timeMs);
          const next = step(JSON.parse(JSON.stringify(state)) as WorldState, world.timeMs + cut, due);
          state = next.state;
          publishes.push(...next.publishes);
        }
        expect(wire(publishes)).toBe(wire(inOne.publishes));
        expect(JSON.stringify(state)).toBe(JSON.stringify(inOne.state));
      }),
      { numRuns: 25, seed: SEED },
    );
  }, 120_000);

  it("another seed is another world", () => {
    const one = step(sail(newWorld(1), 10), START_MS + 12 * HOUR_MS, []);
    const other = step(sail(newWorld(2), 10), START_MS + 12 * HOUR_MS, []);
    expect(wire(one.publishes)).not.toBe(wire(other.publishes));
  });

  it("every number is valid and nobody's twice", () => {
    for (let ships = 3; ships <= 12; ships += 3) {
      const world = newWorld(1, ships, 600);
      expect(world.ships.map(({ imo }) => imoNumberError(imo)).filter(Boolean)).toEqual([]);
      expect(world.containers.map(({ id }) => containerNumberError(id)).filter(Boolean)).toEqual([]);
      expect(new Set(world.ships.map(({ imo }) => imo)).size).toBe(ships);
      expect(new Set(world.containers.map(({ id }) => id)).size).toBe(600);
    }
    const many = Array.from({ length: 5_000 }, (_, i) => containerNumber("dry", i));
    expect(many.map(containerNumberError).filter(Boolean)).toEqual([]);
    expect(new Set(many).size).toBe(5_000);
  });

  it("refuses sizes that it cannot tell the story with", () => {
    expect(() => newWorld(1, 2, 300)).toThrow(RangeError);
    expect(() => newWorld(1, 4, 10)).toThrow(RangeError);
    expect(newWorld(1, 3, 40).containers).toHaveLength(40);
  });

  it("each container reports every 15 minutes from its own second on, and nothing is from the future", () => {
    const times = new Map<string, number[]>();
    const world = sail(newWorld(3, 4, 100), 96, (publish, now) => {
      expect(publish.timeMs).toBeLessThanOrEqual(now.timeMs);
      expect((JSON.parse(publish.payload) as { time: string }).time).toBe(new Date(publish.timeMs).toISOString());
      const [kind, id, what] = publish.topic.split("/");
      if (kind === "containers" && what === "telemetry")
        times.set(id ?? "", [...(times.get(id ?? "") ?? []), publish.timeMs]);
    });
    expect(times.size).toBeGreaterThan(20);
    const phases = new Set<number>();
    for (const [id, list] of times) {
      const { phaseMs } = world.containers.find((box) => box.id === id) ?? { phaseMs: -1 };
      phases.add(phaseMs);
      list.forEach((time, i) => {
        expect(time % (15 * 60_000)).toBe(phaseMs);
        if (i > 0) expect(time - (list[i - 1] ?? 0)).toBe(15 * 60_000);
      });
    }
    expect(phases.size).toBeGreaterThan(20);
  });
});
