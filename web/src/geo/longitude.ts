/** Longitudes in degrees, and how they behave at ±180°. */

/** The same meridian in −180 ≤ longitude < 180. */
export function wrapLongitude(longitude: number): number {
  if (longitude >= -180 && longitude < 180) return longitude;
  const turned = (((longitude + 180) % 360) + 360) % 360;
  return turned - 180;
}

/** The copy of `longitude` (a multiple of 360° away) that is nearest to `reference`. */
export function nearestCopy(longitude: number, reference: number): number {
  return longitude + 360 * Math.round((reference - longitude) / 360);
}

/** Makes a sequence continuous: each value becomes the copy nearest to the one before it. */
export function unwrapLongitudes(longitudes: readonly number[]): number[] {
  const out: number[] = [];
  for (const longitude of longitudes) {
    const before = out.at(-1);
    out.push(before === undefined ? longitude : nearestCopy(longitude, before));
  }
  return out;
}

/**
 * Which copies of the world (offsets in turns of 360°) show something that lies between `west` and `east`
 * in a view from `viewWest` to `viewEast`. All four continuous degrees.
 */
export function visibleTurns(west: number, east: number, viewWest: number, viewEast: number): number[] {
  const first = Math.ceil((viewWest - east) / 360) + 0; // no −0
  const last = Math.floor((viewEast - west) / 360);
  const turns: number[] = [];
  for (let turn = first; turn <= last; turn++) turns.push(turn);
  return turns;
}

/**
 * The smallest range of longitudes that holds all of them, as continuous degrees with −180 ≤ west < 180;
 * it may reach beyond 180, as for Tokyo and Los Angeles. Undefined for none.
 */
export function smallestRange(longitudes: readonly number[]): { west: number; east: number } | undefined {
  const sorted = longitudes.map(wrapLongitude).sort((a, b) => a - b);
  const first = sorted[0];
  const last = sorted.at(-1);
  if (first === undefined || last === undefined) return undefined;
  // The range is what remains of the circle without its widest empty part.
  let widest = first + 360 - last;
  let west = first;
  let east = last;
  for (let i = 1; i < sorted.length; i++) {
    const here = sorted[i] ?? 0;
    const before = sorted[i - 1] ?? 0;
    if (here - before > widest) {
      widest = here - before;
      west = here;
      east = before + 360;
    }
  }
  return { west, east };
}

/** `west,south,east,north` as the API wants it: west > east where the view crosses 180°. */
export function bboxParameter(west: number, south: number, east: number, north: number): string {
  const clampLatitude = (value: number): number => Math.max(-90, Math.min(90, value));
  const whole = east - west >= 360;
  const w = whole ? -180 : wrapLongitude(west);
  const e = whole ? 180 : wrapLongitude(east);
  return [w, clampLatitude(south), e, clampLatitude(north)].map((value) => value.toFixed(3)).join(",");
}
