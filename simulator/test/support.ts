import type { Server } from "node:net";
import { createWorld } from "../src/world/create.js";
import type { Publish, TimedCommand, WorldState } from "../src/world/state.js";
import { step } from "../src/world/step.js";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const START_MS = Date.UTC(2026, 9, 24);

export function newWorld(seed = 1883, ships = 4, containers = 300): WorldState {
  return createWorld({ seed, startMs: START_MS, ships, containers });
}

/** Confirms every booking that is wanted now, as headquarters would. */
export function confirmAll(world: WorldState): TimedCommand[] {
  const containers = world.containers.filter(({ booking }) => booking === "wanted").map(({ id }) => id);
  return containers.length === 0 ? [] : [{ atMs: world.timeMs, command: { type: "booked", containers } }];
}

/** Steps hour by hour with prompt bookings, until `done` or `hours` are over; hands every message to `see`. */
export function sail(
  world: WorldState,
  hours: number,
  see: (publish: Publish, world: WorldState) => void = () => undefined,
  done: (world: WorldState) => boolean = () => false,
): WorldState {
  let state = world;
  const untilMs = world.timeMs + hours * HOUR_MS;
  while (state.timeMs < untilMs && !done(state)) {
    const stepped = step(state, Math.min(untilMs, state.timeMs + HOUR_MS), confirmAll(state));
    state = stepped.state;
    for (const publish of stepped.publishes) see(publish, state);
  }
  return state;
}

/** Waits until `check` gives something; the test's own time limit ends it. */
export async function until<T>(check: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
  }
}

export async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}
