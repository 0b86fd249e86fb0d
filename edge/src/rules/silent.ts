import { alertId, clear, iso, raise } from "./alerts.js";
import { isSettled, isWatched, usualInterval } from "./lost.js";
import type { AlertChange, Box, RulesInForce, RulesState } from "./rules-state.js";

const MINUTE = 60_000;

/**
 * Containers aboard of which nothing was heard for long while the ship itself went on, whatever the reason: a dead sensor, or a
 * gateway that is away with all of its own. Measured in event time against the newest that anything aboard, the ship's own
 * position included, has told. One that is lost is told as lost, and not as silent besides.
 */
export function judgeSilence(state: RulesState, wall: number, settings: RulesInForce): AlertChange[] {
  const aboard = [...state.boxes.values()].filter(isWatched);
  let front = state.shipPosition?.time ?? 0;
  for (const { lastTime } of aboard) front = Math.max(front, lastTime as number);
  const changes: AlertChange[] = [];
  for (const box of aboard) {
    const lastTime = box.lastTime as number;
    const silent = front - lastTime;
    const limit = Math.max(settings.silentAfterMinutes * MINUTE, 2 * (usualInterval(box) ?? 0));
    const open = box.open.get("SILENT");
    if (open) {
      const spoke = open.id !== alertId(box.container, "SILENT", lastTime);
      if (spoke && silent <= limit)
        changes.push(...clear(state, box, "SILENT", lastTime, `${box.container} reports again`));
    } else if (silent > limit && !box.open.has("LOST") && isSettled(state, box, wall, settings)) {
      changes.push(...raise(state, box, silence(box, lastTime, front), settings));
    }
  }
  return changes;
}

function silence({ container }: Box, lastTime: number, front: number): Parameters<typeof raise>[2] {
  const hours = Math.round((front - lastTime) / (60 * MINUTE));
  const message = `${container} has said nothing since ${iso(lastTime)}, ${hours} hours before the ship's last word`;
  return { type: "SILENT", causeTime: lastTime, time: front, message };
}
