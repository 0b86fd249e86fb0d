import { geoInterpolate } from "d3-geo";

/** Longitude and latitude in degrees (WGS 84), longitude −180…180. */
export type Position = readonly [longitude: number, latitude: number];

/** Mean radius of the earth in nautical miles. */
const EARTH_RADIUS_NM = 3440.065;
const RADIANS = Math.PI / 180;

/** Shortest distance over the sphere (haversine), nautical miles. */
export function distanceNm(a: Position, b: Position): number {
  const latA = a[1] * RADIANS;
  const latB = b[1] * RADIANS;
  const dLat = Math.sin((latB - latA) / 2);
  const dLongitude = Math.sin(((b[0] - a[0]) * RADIANS) / 2);
  const h = dLat * dLat + Math.cos(latA) * Math.cos(latB) * dLongitude * dLongitude;
  return 2 * EARTH_RADIUS_NM * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Point on the great circle from `a` (0) to `b` (1); crosses ±180° the short way. */
export function interpolate(a: Position, b: Position, fraction: number): Position {
  const [longitude, latitude] = geoInterpolate([a[0], a[1]], [b[0], b[1]])(fraction);
  return [longitude, latitude];
}

/** Course at `a` on the great circle towards `b`, degrees from true north, 0…360. */
export function bearingDeg(a: Position, b: Position): number {
  const dLongitude = (b[0] - a[0]) * RADIANS;
  const latA = a[1] * RADIANS;
  const latB = b[1] * RADIANS;
  const y = Math.sin(dLongitude) * Math.cos(latB);
  const x = Math.cos(latA) * Math.sin(latB) - Math.sin(latA) * Math.cos(latB) * Math.cos(dLongitude);
  return wrap360(Math.atan2(y, x) / RADIANS);
}

/** Where one comes to from `a` after `nm` on `courseDeg`. */
export function destination(a: Position, courseDeg: number, nm: number): Position {
  const angle = nm / EARTH_RADIUS_NM;
  const course = courseDeg * RADIANS;
  const lat = a[1] * RADIANS;
  const sinLat = Math.sin(lat) * Math.cos(angle) + Math.cos(lat) * Math.sin(angle) * Math.cos(course);
  const dLongitude = Math.atan2(
    Math.sin(course) * Math.sin(angle) * Math.cos(lat),
    Math.cos(angle) - Math.sin(lat) * sinLat,
  );
  return [wrap180(a[0] + dLongitude / RADIANS), Math.asin(sinLat) / RADIANS];
}

export function wrap360(degrees: number): number {
  return ((degrees % 360) + 360) % 360;
}

export function wrap180(degrees: number): number {
  return wrap360(degrees + 180) - 180;
}
