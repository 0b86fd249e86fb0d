import type { ContainerState, ContainerStatus, Measurements } from "@landfall/proto/api";
import { STATUS_OF_ALERT, isOpen, type AlertTrace } from "./alerts.js";

/** All of them, the worst first: what a person must know before anything else. */
export const STATUSES: readonly ContainerStatus[] = [
  "lost",
  "no-power",
  "out-of-range",
  "door-open",
  "unknown",
  "fine",
];

const RANKS = Object.fromEntries(STATUSES.map((status, i) => [status, i])) as Readonly<Record<ContainerStatus, number>>;

/** What the newest readings say; `toleranceC` is how far from its set point the air may be. */
export function statusOfMeasurements(measurements: Measurements, toleranceC: number): ContainerStatus {
  if (measurements.powered === false) return "no-power";
  const away = awayFromSetpointC(measurements);
  if (away !== undefined && away > toleranceC) return "out-of-range";
  return measurements.doorOpen === true ? "door-open" : "fine";
}

/**
 * Status out of what the readings say and of the open alerts, the worst of them. An alert is closed by whoever raised it, by rules that
 * look at more than the newest reading: as long as it is open, it counts.
 */
export function statusOf(measured: ContainerStatus, alerts: readonly AlertTrace[]): ContainerStatus {
  let status = measured;
  for (const alert of alerts) {
    const told = alert.raised && STATUS_OF_ALERT[alert.raised.value.type];
    if (told !== undefined && isOpen(alert) && RANKS[told] < RANKS[status]) status = told;
  }
  return status;
}

/** Whether a container that was judged before may be in another state with this tolerance; quick, because it is asked of whole fleets. */
export function mayBeJudgedAnew({ status, measurements }: ContainerState, toleranceC: number): boolean {
  // Worse than what a tolerance decides.
  if (RANKS[status] < RANKS["out-of-range"]) return false;
  return (statusOfMeasurements(measurements, toleranceC) === "out-of-range") !== (status === "out-of-range");
}

/** How far the air is from what was set, °C; undefined where that tells nothing. */
function awayFromSetpointC(measurements: Measurements): number | undefined {
  const air = measurements.temperatureC ?? measurements.returnAirC ?? measurements.supplyAirC;
  // Warm air is blown over the coil while it defrosts; that is how it should be.
  if (air === undefined || measurements.setpointC === undefined || measurements.defrosting === true) return undefined;
  return Math.abs(air - measurements.setpointC);
}
