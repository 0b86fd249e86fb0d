import { PLACES } from "@landfall/proto/identifiers";
import { formatCount } from "../format/quantities.js";
import { wrapLongitude } from "./longitude.js";

/** Mean radius of the earth, in nautical miles. */
const EARTH_NM = 3440;
/** Nearer than this is in the port's waters. */
const IN_PORT_NM = 12;
/** Farther from every port, its name says nothing any more. */
const OFF_PORT_NM = 1500;

/** Where something is in words that people use: `In Sydney`, `140 nm off Sydney`; undefined far from everywhere, or unknown. */
export function offPort(at: { readonly latitude?: number; readonly longitude?: number }): string | undefined {
  const { latitude, longitude } = at;
  if (latitude === undefined || longitude === undefined) return undefined;
  let nearest = { name: "", miles: Infinity };
  for (const place of PLACES) {
    const miles = distanceNm(latitude, longitude, place.latitude, place.longitude);
    if (miles < nearest.miles) nearest = { name: place.name, miles };
  }
  if (nearest.miles > OFF_PORT_NM) return undefined;
  if (nearest.miles < IN_PORT_NM) return `In ${nearest.name}`;
  return `${formatCount(nearest.miles)}\u00a0nm off ${nearest.name}`;
}

function distanceNm(latitudeA: number, longitudeA: number, latitudeB: number, longitudeB: number): number {
  const rad = Math.PI / 180;
  const half = (degrees: number): number => Math.sin((degrees * rad) / 2) ** 2;
  const across = Math.cos(latitudeA * rad) * Math.cos(latitudeB * rad) * half(wrapLongitude(longitudeA - longitudeB));
  return 2 * EARTH_NM * Math.asin(Math.min(1, Math.sqrt(half(latitudeA - latitudeB) + across)));
}
