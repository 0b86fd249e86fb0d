import type { Reading } from "./history-model.js";

export type IncidentKind = "defrost" | "door" | "power" | "shock";

/** Something that happened to the box, out of its readings. Between two readings nothing is known. */
export interface Incident {
  readonly kind: IncidentKind;
  readonly fromMs: number;
  /** Of the first reading after it; of its own last one where a gap follows, or nothing. */
  readonly toMs: number;
  /** Shocks: the hardest, in g. */
  readonly shockG?: number;
  /** Where it began, or where the hardest shock was; continuous like the track. */
  readonly longitude?: number;
  readonly latitude?: number;
}

/** Harder than a crane sets a box down. */
export const SHOCK_G = 2.5;
/** Shocks that follow each other faster are one storm to people. */
const SHOCKS_APART_MS = 6 * 3_600_000;

/** Defrosting, open doors, power cuts and shocks, in order of time. */
export function incidentsOf(readings: readonly Reading[]): Incident[] {
  const found = [
    ...spansOf(readings, "defrost", ({ point }) => point.defrosting),
    ...spansOf(readings, "door", ({ point }) => point.doorOpen),
    ...spansOf(readings, "power", ({ point }) => (point.powered === undefined ? undefined : !point.powered)),
    ...shocksOf(readings),
  ];
  return found.sort((a, b) => a.fromMs - b.fromMs);
}

function spansOf(
  readings: readonly Reading[],
  kind: IncidentKind,
  isOn: (reading: Reading) => boolean | undefined,
): Incident[] {
  const found: Incident[] = [];
  let open: Incident | undefined;
  const close = (toMs?: number): void => {
    if (open) found.push(toMs === undefined ? open : { ...open, toMs });
    open = undefined;
  };
  let broken = false;
  for (const reading of readings) {
    broken ||= reading.afterGap || reading.missing !== undefined;
    const on = isOn(reading);
    if (on === undefined) continue;
    if (broken) close();
    broken = false;
    if (!on) close(reading.ms);
    else
      open = open ? { ...open, toMs: reading.ms } : { kind, fromMs: reading.ms, toMs: reading.ms, ...placeOf(reading) };
  }
  close();
  return found;
}

function shocksOf(readings: readonly Reading[]): Incident[] {
  const found: Incident[] = [];
  for (const reading of readings) {
    const { shockG } = reading.point;
    if (shockG === undefined || shockG < SHOCK_G) continue;
    const last = found.at(-1);
    if (!last || reading.ms - last.toMs > SHOCKS_APART_MS) {
      found.push({ kind: "shock", fromMs: reading.ms, toMs: reading.ms, shockG, ...placeOf(reading) });
    } else {
      const harder = shockG > (last.shockG ?? 0) ? { shockG, ...placeOf(reading) } : {};
      found[found.length - 1] = { ...last, ...harder, toMs: reading.ms };
    }
  }
  return found;
}

function placeOf({ longitude, latitude }: Reading): { longitude?: number; latitude?: number } {
  return longitude === undefined || latitude === undefined ? {} : { longitude, latitude };
}
