import { nearestCopy } from "./longitude.js";

/** Longitude and latitude in degrees. */
export type Position = readonly [number, number];
export type Ring = readonly Position[];

/**
 * Width of the bands into which land is cut. Cutting at ±180° alone would leave Eurasia 197° wide; bands also let
 * the map skip what is out of view. 360 must be a multiple of it.
 */
export const BAND_DEG = 60;

/** A ring that a canvas can fill as it is, and the band (0 = from −180°) that it lies in. */
export interface BandRing {
  readonly band: number;
  readonly ring: Ring;
}

/** A piece of coast: the ring's own line, without the straight edges that cutting adds. */
export interface BandLine {
  readonly band: number;
  readonly line: readonly Position[];
}

/**
 * Cuts a closed ring of GeoJSON land, whose edges take the shorter way around the globe, into rings that lie in one
 * band each, −180…180°. Rings that cross 180° (Chukotka, Fiji) come out on both sides of it; a ring around a pole
 * (Antarctica) is closed along the pole. Without this, the edge from 179.9° to −179.9° is drawn across the whole map.
 */
export function cutRing(ring: Ring): BandRing[] {
  const closed = closeOverPole(unwrapRing(ring));
  const out: BandRing[] = [];
  const { west, east } = extent(closed);
  for (let index = Math.floor((west + 180) / BAND_DEG); index * BAND_DEG - 180 < east; index++) {
    const from = index * BAND_DEG - 180;
    const clipped = clipHalf(clipHalf(closed, from, 1), from + BAND_DEG, -1);
    // Fewer than three corners, or none but on the cut itself: it only touches this band.
    if (clipped.length < 3 || extent(clipped).east - extent(clipped).west < 1e-9) continue;
    out.push(toHomeWorld(index, clipped, (band, moved) => ({ band, ring: moved })));
  }
  return out;
}

/** The ring's coast line, cut at the same meridians, without any edge along them. */
export function cutCoast(ring: Ring): BandLine[] {
  const open = unwrapRing(ring);
  const out: BandLine[] = [];
  let band: number | undefined;
  let line: Position[] = [];
  const finish = (): void => {
    if (band !== undefined && line.length > 1) {
      out.push(toHomeWorld(band, line, (home, moved) => ({ band: home, line: moved })));
    }
  };
  for (let i = 1; i < open.length; i++) {
    for (const [a, b] of splitAtBands(open[i - 1] as Position, open[i] as Position)) {
      const here = Math.floor(((a[0] + b[0]) / 2 + 180) / BAND_DEG);
      if (here !== band) {
        finish();
        band = here;
        line = [a];
      }
      line.push(b);
    }
  }
  finish();
  return out;
}

/** Longitudes made continuous; the last point repeats the first, perhaps one turn away. */
function unwrapRing(ring: Ring): Position[] {
  const out: Position[] = [];
  for (const [longitude, latitude] of ring) {
    const before = out.at(-1);
    out.push([before ? nearestCopy(longitude, before[0]) : longitude, latitude]);
  }
  return out;
}

/** A ring that comes back one turn away goes around a pole: lead it there and back. */
function closeOverPole(ring: readonly Position[]): Position[] {
  const first = ring[0];
  const last = ring.at(-1);
  if (!first || !last || Math.abs(last[0] - first[0]) < 180) return [...ring];
  const pole = ring.reduce((sum, point) => sum + point[1], 0) < 0 ? -90 : 90;
  return [...ring, [last[0], pole], [first[0], pole], first];
}

function extent(ring: readonly Position[]): { west: number; east: number } {
  let west = Infinity;
  let east = -Infinity;
  for (const [x] of ring) {
    if (x < west) west = x;
    if (x > east) east = x;
  }
  return { west, east };
}

/** Sutherland–Hodgman against one meridian; `side` 1 keeps what lies east of it, −1 what lies west. */
function clipHalf(ring: readonly Position[], meridian: number, side: 1 | -1): Position[] {
  const inside = (point: Position): boolean => (point[0] - meridian) * side >= 0;
  const out: Position[] = [];
  for (let i = 0; i < ring.length; i++) {
    const a = ring[i] as Position;
    const b = ring[(i + 1) % ring.length] as Position;
    if (inside(a)) out.push(a);
    if (inside(a) !== inside(b)) out.push(crossing(a, b, meridian));
  }
  return out;
}

function crossing(a: Position, b: Position, meridian: number): Position {
  const f = (meridian - a[0]) / (b[0] - a[0]);
  return [meridian, a[1] + f * (b[1] - a[1])];
}

function* splitAtBands(a: Position, b: Position): Generator<readonly [Position, Position]> {
  const step = b[0] > a[0] ? 1 : -1;
  const low = Math.min(a[0], b[0]);
  const high = Math.max(a[0], b[0]);
  const cuts: number[] = [];
  for (let index = Math.floor((low + 180) / BAND_DEG) + 1; index * BAND_DEG - 180 < high; index++) {
    cuts.push(index * BAND_DEG - 180);
  }
  if (step < 0) cuts.reverse();
  let from = a;
  for (const cut of cuts) {
    const at = crossing(a, b, cut);
    yield [from, at];
    from = at;
  }
  yield [from, b];
}

function toHomeWorld<T>(index: number, points: readonly Position[], make: (band: number, points: Position[]) => T): T {
  const bands = 360 / BAND_DEG;
  const turns = Math.floor(index / bands);
  return make(
    index - turns * bands,
    points.map(([x, y]) => [x - 360 * turns, y]),
  );
}
