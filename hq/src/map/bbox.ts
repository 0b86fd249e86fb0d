import { LandfallError } from "@landfall/streams/model/errors";

/** Degrees; `west` in −180…180, `east` from `west` to `west` + 360: beyond 180 where it crosses the antimeridian. */
export interface BoundingBox {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

export const WORLD: BoundingBox = { west: -180, south: -90, east: 180, north: 90 };

/**
 * `west,south,east,north` in degrees. What crosses 180° may be written with west > east, or with an east beyond
 * 180 (or a west beyond −180) as a map gives it that was dragged around the world.
 * @throws LandfallError INVALID_ARGUMENT
 */
export function parseBoundingBox(text: string): BoundingBox {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [west, south, east, north] = numbers;
  if (numbers.length !== 4 || numbers.some((number) => !Number.isFinite(number))) {
    throw invalid(`want west,south,east,north in degrees, e.g. 170,-20,-170,0`);
  }
  if (west === undefined || south === undefined || east === undefined || north === undefined) throw invalid("");
  if (south > north) throw invalid(`south ${south} is north of ${north}`);
  if (east - west >= 360) return { ...WORLD, south: clamp(south), north: clamp(north) };
  const from = normalizeLongitude(west);
  let to = normalizeLongitude(east);
  // The same meridian from both sides: 180 is the end of a box, −180 its beginning.
  if (to === -180 && east !== west) to = 180;
  return { west: from, south: clamp(south), east: to < from ? to + 360 : to, north: clamp(north) };
}

export function contains(box: BoundingBox, longitude: number, latitude: number): boolean {
  if (latitude < box.south || latitude > box.north) return false;
  return (
    (longitude >= box.west && longitude <= box.east) || (longitude + 360 >= box.west && longitude + 360 <= box.east)
  );
}

/** To −180 (inclusive) … 180 (exclusive). */
export function normalizeLongitude(longitude: number): number {
  const turned = (((longitude + 180) % 360) + 360) % 360;
  return turned - 180;
}

function clamp(latitude: number): number {
  return Math.max(-90, Math.min(90, latitude));
}

function invalid(why: string): LandfallError {
  return new LandfallError("INVALID_ARGUMENT", `querystring/bbox: ${why}`);
}
