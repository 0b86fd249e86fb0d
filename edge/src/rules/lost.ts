import { FLUSH_MS_MAX } from "../limits.js";
import { alertId, clear, iso, raise } from "./alerts.js";
import type { AlertChange, Box, Gateway, RulesInForce, RulesState } from "./rules-state.js";
import type { RulesSettings } from "@landfall/proto/onboard-rules";

const MINUTE = 60_000;
const SECOND = 1_000;

/**
 * Containers that the manifest has aboard and that are silent although the others still report.
 *
 * Silence is measured in event time, against the median last reading of the others that report through the same gateway: while a
 * gateway is away, or hands over what it kept, all its containers stand still or move together, and none is lost. A
 * sensor with a client of its own is measured against everybody aboard. Our own clock has a say too: nothing is
 * judged right after it spoke, or right after its gateway came back.
 */
export function judgeLoss(state: RulesState, wall: number, settings: RulesInForce): AlertChange[] {
  const aboard = [...state.boxes.values()].filter(isWatched);
  const reporting = aboard.filter((box) => !box.open.has("LOST"));
  const all = lastTimes(reporting);
  const perGateway = new Map<string, number[]>();
  for (const [via, boxes] of groupByGateway(reporting)) {
    if (speaksForGroup(state.gateways.get(via), boxes.length, settings)) perGateway.set(via, lastTimes(boxes));
  }
  const changes: AlertChange[] = [];
  for (const box of aboard) {
    const times = (box.via === undefined ? undefined : perGateway.get(box.via)) ?? all;
    const median = times[Math.floor(times.length / 2)];
    if (median === undefined || box.lastTime === undefined) continue;
    const silent = median - box.lastTime;
    const limit = silenceLimit(box, settings);
    const open = box.open.get("LOST");
    if (open) {
      const spoke = open.id !== alertId(box.container, "LOST", box.lastTime);
      if (spoke && silent <= limit)
        changes.push(...clear(state, box, "LOST", box.lastTime, `${box.container} reports again`));
    } else if (silent > limit && isSettled(state, box, wall, settings)) {
      const others = times.filter((time) => time > (box.lastTime as number)).length;
      if (others < settings.othersReportingMin) continue;
      const fallen = isFallen(box, settings) ? " Its last reading was a fall." : "";
      const message = `${box.container} is silent since ${iso(box.lastTime)} while ${others} others aboard still report: lost.${fallen}`;
      changes.push(...clear(state, box, "SILENT", median, `${box.container} is taken for lost`));
      changes.push(...raise(state, box, { type: "LOST", causeTime: box.lastTime, time: median, message }, settings));
    }
  }
  return changes;
}

/** Whether its last reading was tilted or shocked beyond what stays on deck. */
export function isFallen({ last }: Pick<Box, "last">, settings: RulesSettings): boolean {
  return Math.abs(last.tiltDeg ?? 0) > settings.fallenTiltDeg || (last.shockG ?? 0) > settings.fallenShockG;
}

/** Silence beyond this, in event time, is no longer a pause between two readings. */
function silenceLimit(box: Box, settings: RulesSettings): number {
  const interval = usualInterval(box);
  const ordinary = Math.max(settings.lostAfterMinutes * MINUTE, 2 * (interval ?? 0));
  if (!isFallen(box, settings) || interval === undefined) return ordinary;
  return Math.min(ordinary, interval + settings.fallenLostAfterMinutes * MINUTE);
}

/** Between two readings of it, in milliseconds; undefined before there are two. */
export function usualInterval({ gaps }: Pick<Box, "gaps">): number | undefined {
  return [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)];
}

/** Our own clock's say: long enough since it spoke, since its gateway came back, since we started. */
export function isSettled(state: RulesState, box: Box, wall: number, settings: RulesSettings): boolean {
  const settle = settings.settleSeconds * SECOND;
  if (wall - box.heardAt < settle) return false;
  const isHeard = box.heardAt >= state.startedAt;
  if (!isHeard && wall - state.startedAt < settings.restartGraceSeconds * SECOND) return false;
  const gateway = box.via === undefined ? undefined : state.gateways.get(box.via);
  if (!gateway) return true;
  if (wall - gateway.connectedAt < settle) return false;
  const isFlushing = wall - gateway.connectedAt < FLUSH_MS_MAX && wall - gateway.lateAt < settle;
  return !isFlushing;
}

/**
 * A client that brings the readings of several is measured within itself; unless most of them now come through another:
 * then it is gone for good (a gateway with a new client id), and who did not come along is missing among all.
 */
function speaksForGroup(gateway: Gateway | undefined, members: number, settings: RulesSettings): boolean {
  return gateway !== undefined && members > settings.othersReportingMin && gateway.members * 2 > gateway.membersMax;
}

export function isWatched(box: Box): boolean {
  return box.aboardSince !== undefined && box.lastTime !== undefined;
}

function groupByGateway(boxes: readonly Box[]): Map<string, Box[]> {
  const groups = new Map<string, Box[]>();
  for (const box of boxes) {
    if (box.via === undefined) continue;
    const group = groups.get(box.via);
    if (group) group.push(box);
    else groups.set(box.via, [box]);
  }
  return groups;
}

function lastTimes(boxes: readonly Box[]): number[] {
  return Float64Array.from(boxes, ({ lastTime }) => lastTime as number).sort() as unknown as number[];
}
