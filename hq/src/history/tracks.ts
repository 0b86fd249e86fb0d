/** Longitude, latitude in degrees. */
export type Coordinates = readonly [number, number];

/**
 * A track cut at ±180° (RFC 7946, 3.1.9): no line crosses the antimeridian; each piece ends on it and the next begins
 * on its other side at the same latitude. Pieces have at least two points: a track of one point has none.
 */
export function cutTrack(track: readonly Coordinates[]): Coordinates[][] {
  const pieces: Coordinates[][] = [];
  let piece: Coordinates[] = [];
  for (const point of track) {
    const last = piece.at(-1);
    if (last && Math.abs(point[0] - last[0]) > 180) {
      const side = last[0] > 0 ? 180 : -180;
      const latitude = latitudeOfCrossing(last, point);
      if (last[0] !== side) piece.push([side, latitude]);
      if (piece.length > 1) pieces.push(piece);
      piece = point[0] === -side ? [] : [[-side, latitude]];
    }
    piece.push(point);
  }
  if (piece.length > 1) pieces.push(piece);
  return pieces;
}

/** Where the shorter way between two points on either side meets 180°. */
function latitudeOfCrossing(
  [fromLongitude, fromLatitude]: Coordinates,
  [toLongitude, toLatitude]: Coordinates,
): number {
  const toEdge = 180 - Math.abs(fromLongitude);
  const way = toEdge + (180 - Math.abs(toLongitude));
  if (way === 0) return fromLatitude;
  return round(fromLatitude + ((toLatitude - fromLatitude) * toEdge) / way);
}

/** A tenth of a metre is finer than any position at sea. */
function round(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}
