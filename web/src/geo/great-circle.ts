import { nearestCopy } from "./longitude.js";

/** Longitude (continuous along the line) and latitude in degrees. */
export type LonLat = readonly [number, number];

const RAD = Math.PI / 180;

type Vector = readonly [number, number, number];

function toVector([longitude, latitude]: LonLat): Vector {
  const c = Math.cos(latitude * RAD);
  return [c * Math.cos(longitude * RAD), c * Math.sin(longitude * RAD), Math.sin(latitude * RAD)];
}

/**
 * Points along the shortest way over the globe, both ends included, longitudes continuous from `from`
 * (so Tokyo to Los Angeles runs from 139.8 to 241.7). Opposite points get the straight line.
 */
export function greatCircle(from: LonLat, to: LonLat, steps = 48): LonLat[] {
  const a = toVector(from);
  const b = toVector(to);
  const dot = Math.max(-1, Math.min(1, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]));
  const angle = Math.acos(dot);
  const sine = Math.sin(angle);
  const end = nearestCopy(to[0], from[0]);
  if (sine < 1e-6) return [from, [end, to[1]]];
  const points: LonLat[] = [from];
  for (let i = 1; i < steps; i++) {
    const f = i / steps;
    const u = Math.sin((1 - f) * angle) / sine;
    const v = Math.sin(f * angle) / sine;
    const x = u * a[0] + v * b[0];
    const y = u * a[1] + v * b[1];
    const z = u * a[2] + v * b[2];
    const before = points.at(-1)?.[0] ?? from[0];
    points.push([nearestCopy(Math.atan2(y, x) / RAD, before), Math.atan2(z, Math.hypot(x, y)) / RAD]);
  }
  points.push([nearestCopy(to[0], points.at(-1)?.[0] ?? from[0]), to[1]]);
  return points;
}
