import type { AlertType, AlertValue } from "@landfall/proto/api";
import { limitsOf } from "@landfall/proto/onboard-rules";
import type { AlertChange, Box, RulesInForce, RulesState } from "./rules-state.js";

const SEVERITY: Readonly<Record<AlertType, AlertValue["severity"]>> = {
  LOST: "critical",
  SILENT: "warning",
  NO_POWER: "critical",
  OUT_OF_RANGE: "warning",
  DOOR_OPEN: "warning",
  SHOCK: "warning",
};

/** The same cause gives the same id after a restart, so that nothing is raised twice. */
export function alertId(container: string, type: AlertType, causeTime: number): string {
  return `${container}-${type}-${causeTime}`;
}

/** Raises an alert unless one of its type is open. `causeTime` is the reading that began it, `time` that of its discovery. */
export function raise(
  state: RulesState,
  box: Box,
  alert: { readonly type: AlertType; readonly causeTime: number; readonly time: number; readonly message: string },
  rules: RulesInForce,
): AlertChange[] {
  if (box.open.has(alert.type)) return [];
  const change: AlertChange = {
    id: alertId(box.container, alert.type, alert.causeTime),
    type: alert.type,
    severity: SEVERITY[alert.type],
    state: "raised",
    container: box.container,
    vessel: state.imo,
    time: iso(alert.time),
    ...positionOf(state, box),
    message: alert.message,
    evidence: { ...box.last, ...(box.lastTime !== undefined && { lastSeen: iso(box.lastTime) }) },
    rule: { limits: limitsOf(alert.type, rules), ...(rules.version !== undefined && { version: rules.version }) },
  };
  box.open.set(alert.type, change);
  return [change];
}

/** Closes the open alert of a type, if there is one. */
export function clear(state: RulesState, box: Box, type: AlertType, time: number, message: string): AlertChange[] {
  const open = box.open.get(type);
  if (!open) return [];
  box.open.delete(type);
  const { evidence: _, latitude: __, longitude: ___, rule: ____, before: _____, ...kept } = open;
  return [{ ...kept, state: "cleared", time: iso(time), ...positionOf(state, box), message }];
}

export function iso(time: number): string {
  return new Date(time).toISOString();
}

/** Where the container last said it was; where the ship is, for one that knows no position. */
function positionOf(state: RulesState, box: Box): { latitude: number; longitude: number } | Record<string, never> {
  const { latitude, longitude } = box.last;
  if (latitude !== undefined && longitude !== undefined) return { latitude, longitude };
  const ship = state.shipPosition;
  return ship ? { latitude: ship.latitude, longitude: ship.longitude } : {};
}
