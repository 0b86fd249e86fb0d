import { REPORT_INTERVAL_MS, STORY_LINES_MAX, TICK_MS } from "../limits.js";
import { YARD_SITES } from "./fleet.js";
import type {
  ContainerPlace,
  ContainerState,
  Publish,
  ScriptState,
  ShipState,
  StoryLine,
  WorldState,
} from "./state.js";
import type { Storm } from "./weather.js";

/**
 * A world while it is being stepped: the lists are its own, the things in them are replaced, never changed, so
 * that the state it came from stays as it was.
 */
export interface Draft {
  readonly seed: number;
  readonly startMs: number;
  timeMs: number;
  readonly ships: ShipState[];
  readonly containers: ContainerState[];
  storms: readonly Storm[];
  script: ScriptState;
  story: readonly StoryLine[];
  readonly publishes: Publish[];
  /** For each tick of the reporting interval, the containers that report in it. */
  readonly dueAt: readonly (readonly number[])[];
}

export function draftOf(state: WorldState): Draft {
  return {
    seed: state.seed,
    startMs: state.startMs,
    timeMs: state.timeMs,
    ships: [...state.ships],
    containers: [...state.containers],
    storms: state.storms,
    script: state.script,
    story: state.story,
    publishes: [],
    dueAt: schedule(state.containers),
  };
}

function schedule(containers: readonly ContainerState[]): readonly (readonly number[])[] {
  const dueAt: number[][] = Array.from({ length: REPORT_INTERVAL_MS / TICK_MS }, () => []);
  containers.forEach(({ phaseMs }, index) => {
    // A tick reports what falls after its beginning and up to its end.
    const tick = (Math.ceil(phaseMs / TICK_MS) + dueAt.length - 1) % dueAt.length;
    dueAt[tick]?.push(index);
  });
  return dueAt;
}

export function stateOf(draft: Draft): WorldState {
  const { seed, startMs, timeMs, ships, containers, storms, script, story } = draft;
  return { format: 1, seed, startMs, timeMs, ships, containers, storms, script, story };
}

export function putShip(draft: Draft, ship: ShipState): void {
  const index = draft.ships.findIndex((one) => one.imo === ship.imo);
  draft.ships[index] = ship;
}

export function updateContainer(draft: Draft, index: number, change: Partial<ContainerState>): ContainerState {
  const was = draft.containers[index];
  if (was === undefined) throw new Error(`no container at ${index}`);
  const now = { ...was, ...change };
  draft.containers[index] = now;
  return now;
}

export function indexOfContainer(draft: Draft, id: string): number {
  return draft.containers.findIndex((box) => box.id === id);
}

export function tell(draft: Draft, timeMs: number, text: string): void {
  draft.story = [...draft.story, { timeMs, text }].slice(-STORY_LINES_MAX);
}

/** Site of the broker whose gateways reach a container there; undefined on the road and in a terminal that is not ours. */
export function brokerAt(draft: Draft, place: ContainerPlace): string | undefined {
  if (place.at === "yard") return YARD_SITES[place.port];
  if (place.at === "ship") return draft.ships.find((ship) => ship.imo === place.imo)?.site;
  return undefined;
}

export function publish(draft: Draft, via: string, topic: string, payload: string, timeMs: number): void {
  draft.publishes.push({ via, topic, payload, timeMs });
}

/** `value` without the named optional fields. */
export function without<T extends object, K extends keyof T>(value: T, ...keys: readonly K[]): Omit<T, K> {
  const copy = { ...value };
  for (const key of keys) delete copy[key];
  return copy;
}
