import { describe, expect, it } from "vitest";
import { commandProblem } from "../src/world/commands.js";
import { cargoAboard } from "../src/world/overboard.js";
import type { Publish, ShipState, WorldState } from "../src/world/state.js";
import { step } from "../src/world/step.js";
import { HOUR_MS, newWorld, sail } from "./support.js";

const COUNT = 3;

describe("containers thrown overboard", () => {
  const isLaden = (world: WorldState) => (ship: ShipState) =>
    ship.phase.kind === "sea" && cargoAboard(world, ship).length > COUNT;
  const world = sail(newWorld(1883, 3, 120), 20 * 24, undefined, (state) => state.ships.some(isLaden(state)));
  const ship = world.ships.find(isLaden(world)) as ShipState;

  it("go one after the other, each with a last reading as it falls; then they are silent", () => {
    const command = { type: "overboard", imo: ship.imo, count: COUNT } as const;
    expect(commandProblem(world, command)).toBeUndefined();
    const before = cargoAboard(world, ship).map(({ id }) => id);
    const { state, publishes } = step(world, world.timeMs + HOUR_MS, [{ atMs: world.timeMs, command }]);
    const lost = state.containers.filter(({ id, place }) => before.includes(id) && place.at === "lost");
    expect(lost).toHaveLength(COUNT);
    expect(state.story.at(-1)?.text).toContain(`${COUNT} containers go over the side`);
    const last = new Map<string, Publish>();
    for (const publish of publishes) last.set(publish.topic.split("/")[1] ?? "", publish);
    for (const { id, sinceMs } of lost) {
      const { payload, timeMs } = last.get(id) as Publish;
      expect(timeMs).toBe(sinceMs);
      expect((JSON.parse(payload) as { tiltDeg: number }).tiltDeg).toBeGreaterThan(60);
    }
    const later = step(state, state.timeMs + HOUR_MS, []);
    const ids = new Set(lost.map(({ id }) => id));
    expect(later.publishes.filter(({ topic }) => ids.has(topic.split("/")[1] ?? ""))).toEqual([]);
  });

  it("not in port, and not more than are aboard: it says what to do", () => {
    const docked = world.ships.find(({ phase }) => phase.kind === "docked");
    const inPort = commandProblem(world, { type: "overboard", imo: docked?.imo ?? "", count: 1 });
    if (docked)
      expect(inPort).toMatchObject({ code: "CONFLICT", message: expect.stringContaining("at sea") as string });
    const aboard = cargoAboard(world, ship).length;
    expect(commandProblem(world, { type: "overboard", imo: ship.imo, count: aboard + 1 })).toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining(`${aboard} containers aboard`) as string,
    });
  });
});
