import type { HistoryGap, HistoryPoint } from "@landfall/proto/api";
import { splitAtGaps } from "./split-at-gaps.js";
import { cutTrack, type Coordinates } from "./tracks.js";

export type HistoryFeature = TrackFeature | PointFeature | GapFeature;

interface TrackFeature {
  readonly type: "Feature";
  readonly id: string;
  readonly geometry: { readonly type: "MultiLineString"; readonly coordinates: readonly Coordinates[][] } | null;
  readonly properties: Readonly<Record<string, unknown>>;
}

interface PointFeature {
  readonly type: "Feature";
  readonly geometry: { readonly type: "Point"; readonly coordinates: Coordinates } | null;
  readonly properties: HistoryPoint;
}

interface GapFeature {
  readonly type: "Feature";
  readonly geometry: null;
  readonly properties: HistoryGap & { readonly kind: "gap" };
}

/**
 * A history as GeoJSON (RFC 7946), feature by feature: first the track, cut at ±180° and where readings are missing, then
 * every reading, then every gap, which has a time but no place.
 */
export function* toGeoJson(
  id: string,
  properties: Readonly<Record<string, unknown>>,
  points: readonly HistoryPoint[],
  gaps: readonly HistoryGap[] = [],
): Generator<string> {
  let separator = "";
  yield '{"type":"FeatureCollection","features":[\n';
  for (const feature of featuresOf(id, properties, points, gaps)) {
    yield separator + JSON.stringify(feature);
    separator = ",\n";
  }
  yield "\n]}\n";
}

function* featuresOf(
  id: string,
  properties: Readonly<Record<string, unknown>>,
  points: readonly HistoryPoint[],
  gaps: readonly HistoryGap[],
): Generator<HistoryFeature> {
  const pieces = splitAtGaps(points, gaps).flatMap((stretch) =>
    cutTrack(stretch.map(coordinatesOf).filter((coordinates) => coordinates !== undefined)),
  );
  yield {
    type: "Feature",
    id,
    geometry: pieces.length === 0 ? null : { type: "MultiLineString", coordinates: pieces },
    properties,
  };
  for (const point of points) {
    const coordinates = coordinatesOf(point);
    yield {
      type: "Feature",
      geometry: coordinates ? { type: "Point", coordinates } : null,
      properties: point,
    };
  }
  for (const gap of gaps) yield { type: "Feature", geometry: null, properties: { kind: "gap", ...gap } };
}

function coordinatesOf({ longitude, latitude }: HistoryPoint): Coordinates | undefined {
  return longitude === undefined || latitude === undefined ? undefined : [longitude, latitude];
}
