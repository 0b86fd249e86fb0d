import { PLACES } from "@landfall/proto/identifiers";
import { wrapLongitude } from "./geo/longitude.js";

/** A reading as far as is needed to tell where a thing was by its own site's clock. */
export interface Stored {
  /** When the site on board, or in the yard, stored it. */
  readonly storedMs: number;
  readonly longitude?: number;
  readonly latitude?: number;
}

/** How near to a terminal counts as there, and how long before or after a reading may tell where it was. */
const NEAR_DEG = 0.25;
const AROUND_MS = 12 * 3_600_000;

/**
 * Tells in which port a thing was when something became known here: where a backlog came ashore. By the clocks of the
 * sites alone, since in the demo what is measured lies weeks before.
 */
export function portsByTime(readings: readonly Stored[]): (ms: number) => string | undefined {
  const placed = readings.filter(({ latitude }) => latitude !== undefined).toSorted((a, b) => a.storedMs - b.storedMs);
  return (ms) => {
    let low = 0;
    let high = placed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((placed[middle]?.storedMs ?? 0) < ms) low = middle + 1;
      else high = middle;
    }
    const around = [placed[low - 1], placed[low]].filter((one) => one !== undefined);
    around.sort((a, b) => Math.abs(a.storedMs - ms) - Math.abs(b.storedMs - ms));
    return around
      .filter(({ storedMs }) => Math.abs(storedMs - ms) < AROUND_MS)
      .map(portAt)
      .find((port) => port !== undefined);
  };
}

function portAt({ longitude = 0, latitude = 0 }: Stored): string | undefined {
  const home = wrapLongitude(longitude);
  return PLACES.find(
    (place) => Math.abs(place.latitude - latitude) < NEAR_DEG && Math.abs(place.longitude - home) < NEAR_DEG,
  )?.name;
}
