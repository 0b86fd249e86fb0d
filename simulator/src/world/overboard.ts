import { between, hash, uniform } from "../random.js";
import type { Draft } from "./draft.js";
import { indexOfContainer, tell, updateContainer } from "./draft.js";
import { reportNow, standsOnDeck } from "./readings.js";
import type { ContainerState, ShipState, WorldState } from "./state.js";

/** Containers aboard that are not on their way over the side already. */
export function cargoAboard(
  { containers, script }: Pick<WorldState, "containers" | "script">,
  ship: ShipState,
): ContainerState[] {
  const going = new Set(script.overboard.map(({ container }) => container));
  return containers.filter((box) => box.place.at === "ship" && box.place.imo === ship.imo && !going.has(box.id));
}

/** A person had so many of them go over the side. */
export function throwOverboard(draft: Draft, ship: ShipState, count: number, timeMs: number): void {
  letGo(draft, cargoAboard(draft, ship), count, timeMs);
  const what = count === 1 ? "one container goes" : `${count} containers go`;
  tell(draft, timeMs, `${ship.name} rolls so heavily that ${what} over the side.`);
}

/** Has so many of these go over the side from `fromMs` on, one after the other: those on deck first. */
export function letGo(draft: Draft, boxes: readonly ContainerState[], count: number, fromMs: number): void {
  const order = boxes.toSorted(
    (a, b) =>
      Number(standsOnDeck(b)) - Number(standsOnDeck(a)) ||
      hash(draft.seed, "overboard", a.id) - hash(draft.seed, "overboard", b.id),
  );
  let atMs = fromMs;
  const added = order.slice(0, count).map((box) => {
    atMs += Math.round(between(10, 150, draft.seed, "splash", box.id)) * 1000;
    return { container: box.id, atMs };
  });
  const overboard = [...draft.script.overboard, ...added].sort((a, b) => a.atMs - b.atMs);
  draft.script = { ...draft.script, overboard };
}

/** Lets go what is due: one last reading, hanging in the air, and silence for ever. */
export function dropOverboard(draft: Draft, fromMs: number, toMs: number): void {
  const due = draft.script.overboard.filter((one) => one.atMs <= toMs);
  if (due.length === 0) return;
  draft.script = { ...draft.script, overboard: draft.script.overboard.filter((one) => one.atMs > toMs) };
  for (const { container, atMs } of due) {
    const index = indexOfContainer(draft, container);
    const box = draft.containers[index];
    // Somebody may have had it discharged meanwhile.
    if (box === undefined || box.place.at !== "ship") continue;
    const timeMs = Math.max(fromMs + 1, atMs);
    const motion = {
      tiltDeg: 62 + 25 * uniform(draft.seed, "fall", container),
      shockG: 6 + 7 * uniform(draft.seed, "hit", container),
    };
    reportNow(draft, index, timeMs, motion);
    updateContainer(draft, index, { place: { at: "lost" }, sinceMs: timeMs });
  }
}
