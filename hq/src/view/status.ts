import type { ContainerStatus, Measurements } from "@landfall/proto/api";
import { STATUS_OF_ALERT, isOpen, type AlertTrace } from "./alerts.js";
import { measurementsOf, type Latest } from "./reading.js";

/** A reefer's air may differ so much from what was set before the cargo is at risk. */
export const SETPOINT_TOLERANCE_C = 3;

/** All of them, the worst first: what a person must know before anything else. */
export const STATUSES: readonly ContainerStatus[] = [
  "lost",
  "no-power",
  "out-of-range",
  "door-open",
  "unknown",
  "fine",
];

/** What the newest readings say. */
export function statusOfMeasurements(measurements: Measurements): ContainerStatus {
  if (measurements.powered === false) return "no-power";
  const air = measurements.temperatureC ?? measurements.returnAirC ?? measurements.supplyAirC;
  // Warm air is blown over the coil while it defrosts; that is how it should be.
  if (air !== undefined && measurements.setpointC !== undefined && measurements.defrosting !== true) {
    if (Math.abs(air - measurements.setpointC) > SETPOINT_TOLERANCE_C) return "out-of-range";
  }
  return measurements.doorOpen === true ? "door-open" : "fine";
}

/**
 * Status out of the readings and the open alerts. An alert may come ahead of its readings (by satellite), so it
 * counts until a reading measured after it is here: from then on the readings tell.
 */
export function statusOf(latest: Latest | undefined, alerts: readonly AlertTrace[]): ContainerStatus {
  let status: ContainerStatus = latest ? statusOfMeasurements(measurementsOf(latest)) : "unknown";
  for (const alert of alerts) {
    const told = alert.raised && STATUS_OF_ALERT[alert.raised.value.type];
    if (!told || !isOpen(alert) || (latest && latest.time > (alert.raised?.time ?? 0))) continue;
    if (STATUSES.indexOf(told) < STATUSES.indexOf(status)) status = told;
  }
  return status;
}
