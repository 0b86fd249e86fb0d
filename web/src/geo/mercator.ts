/** Web Mercator in units of one world: x and y from 0 to 1 for −180…180° and 85.05…−85.05°. */

/** Beyond this the projection runs to infinity; land nearer to the poles is drawn down to here. */
const LATITUDE_LIMIT_DEG = 89.5;

export function mercatorX(longitude: number): number {
  return (longitude + 180) / 360;
}

export function mercatorY(latitude: number): number {
  const clamped = Math.max(-LATITUDE_LIMIT_DEG, Math.min(LATITUDE_LIMIT_DEG, latitude));
  return 0.5 - Math.log(Math.tan(Math.PI / 4 + (clamped * Math.PI) / 360)) / (2 * Math.PI);
}

/** Pixels of one world at a zoom level, as Leaflet counts them. */
export function worldSizePx(zoom: number): number {
  return 256 * 2 ** zoom;
}
