import type { HistoryGap, HistoryPoint } from "@landfall/proto/api";
import { MEASUREMENT_FIELDS } from "../view/measurements.js";
import { splitAtGaps } from "./split-at-gaps.js";

/**
 * A history as GPX 1.1: one track, a new segment wherever the way crosses ±180°, so that no program draws a line around
 * the world, and wherever readings are missing. Readings without a position are no track points and are left out. Other measurements are extensions.
 */
export function* toGpx(
  name: string,
  points: readonly HistoryPoint[],
  gaps: readonly HistoryGap[] = [],
): Generator<string> {
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield '<gpx version="1.1" creator="Landfall" xmlns="http://www.topografix.com/GPX/1/1" xmlns:lf="urn:landfall:measurements:1">\n';
  yield `<metadata><name>${escape(name)}</name></metadata>\n<trk><name>${escape(name)}</name>\n`;
  for (const stretch of splitAtGaps(points, gaps)) {
    let last: number | undefined;
    for (const point of stretch) {
      const { latitude, longitude } = point;
      if (latitude === undefined || longitude === undefined) continue;
      if (last === undefined) yield "<trkseg>\n";
      else if (Math.abs(longitude - last) > 180) yield "</trkseg>\n<trkseg>\n";
      last = longitude;
      yield trackPoint(point, latitude, longitude);
    }
    if (last !== undefined) yield "</trkseg>\n";
  }
  yield "</trk>\n</gpx>\n";
}

function trackPoint(point: HistoryPoint, latitude: number, longitude: number): string {
  const extensions = MEASUREMENT_FIELDS.filter((field) => field !== "latitude" && field !== "longitude")
    .filter((field) => point[field] !== undefined)
    .map((field) => `<lf:${field}>${point[field]}</lf:${field}>`)
    .join("");
  // The schema's longitudes end before 180.
  const lon = longitude === 180 ? -180 : longitude;
  return (
    `<trkpt lat="${decimal(latitude)}" lon="${decimal(lon)}"><time>${point.time}</time>` +
    `${extensions === "" ? "" : `<extensions>${extensions}</extensions>`}</trkpt>\n`
  );
}

/** xsd:decimal has no exponent. */
function decimal(value: number): string {
  return String(Number(value.toFixed(7))).includes("e") ? value.toFixed(7) : String(Number(value.toFixed(7)));
}

/** Text for XML 1.0: what it cannot hold at all is left out. */
export function escape(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
