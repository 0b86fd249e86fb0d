import { createRequire } from "node:module";
import { DEMO_PLACES, locodeError, PLACES } from "@landfall/proto/identifiers";
import { geoContains } from "d3-geo";
import type { ExtendedFeatureCollection } from "d3-geo";
import { feature } from "topojson-client";
import { describe, expect, it } from "vitest";
import type { Position } from "../src/geo/great-circle.js";
import { distanceNm, interpolate } from "../src/geo/great-circle.js";
import { LANES } from "../src/lanes/network.js";
import { CANALS, FAIRWAYS_NM } from "../src/lanes/world-lanes.js";
import { courseAt, divert, lengthNm, passageBetween, positionAt } from "../src/lanes/passage.js";

/** Land polygons (Natural Earth 1:50 million), and their edges in cells of one degree. */
const atlas = createRequire(import.meta.url)("world-atlas/land-50m.json") as Parameters<typeof feature>[0] & {
  objects: { land: Parameters<typeof feature>[1] };
};
const land = feature(atlas, atlas.objects.land) as unknown as ExtendedFeatureCollection;
type Edge = readonly [Position, Position];
const cells = new Map<string, Edge[]>();
let edgeCount = 0;
for (const { geometry } of land.features) {
  const polygons = (geometry as unknown as { coordinates: Position[][][] }).coordinates;
  for (const ring of polygons.flat()) {
    for (let i = 1; i < ring.length; i++) {
      const edge = [ring[i - 1] as Position, ring[i] as Position] as const;
      // A ring that jumps from −180° to 180° has no land in between.
      if (Math.abs(edge[0][0] - edge[1][0]) > 180) continue;
      edgeCount++;
      forCells(edge, (cell) => cells.set(cell, [...(cells.get(cell) ?? []), edge]));
    }
  }
}

function forCells([a, b]: Edge, use: (cell: string) => void): void {
  for (let x = Math.floor(Math.min(a[0], b[0])); x <= Math.floor(Math.max(a[0], b[0])); x++)
    for (let y = Math.floor(Math.min(a[1], b[1])); y <= Math.floor(Math.max(a[1], b[1])); y++) use(`${x},${y}`);
}

function side(a: Position, b: Position, c: Position): number {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

function crosses([a, b]: Edge, [c, d]: Edge): boolean {
  return side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0;
}

/** Points of a lane where it crosses a shoreline; the great circle is cut into chords of about 2 nm. */
function shoreCrossings(from: Position, to: Position): Position[] {
  const pieces = Math.max(1, Math.ceil(distanceNm(from, to) / 2));
  const found: Position[] = [];
  let previous = from;
  for (let i = 1; i <= pieces; i++) {
    const next = interpolate(from, to, i / pieces);
    if (Math.abs(next[0] - previous[0]) < 180) {
      const chord: Edge = [previous, next];
      const near = new Set<Edge>();
      forCells(chord, (cell) => cells.get(cell)?.forEach((edge) => near.add(edge)));
      for (const edge of near) if (crosses(chord, edge)) found.push(previous);
    }
    previous = next;
  }
  return found;
}

/** The quay itself stands on land, and a map of 1:50 million knows no harbour basins. */
const QUAY_TOLERANCE_NM = 5;
const quays = PLACES.map(({ locode, longitude, latitude }) => ({
  at: [longitude, latitude] as Position,
  toleranceNm: FAIRWAYS_NM[locode] ?? QUAY_TOLERANCE_NM,
}));
const atQuay = (point: Position): boolean => quays.some(({ at, toleranceNm }) => distanceNm(at, point) < toleranceNm);
const isCanal = (a: string, b: string): boolean =>
  CANALS.some(([from, to]) => (a === from && b === to) || (a === to && b === from));
/** Shorelines between a point and the antimeridian east of it: an odd number of them is land. */
function onLand([x, y]: Position): boolean {
  const east = new Set<Edge>();
  for (let cell = Math.floor(x); cell < 180; cell++)
    cells.get(`${cell},${Math.floor(y)}`)?.forEach((edge) => east.add(edge));
  let crossed = 0;
  for (const [a, b] of east) {
    if (a[1] > y === b[1] > y) continue;
    if (a[0] + ((y - a[1]) / (b[1] - a[1])) * (b[0] - a[0]) > x) crossed++;
  }
  return crossed % 2 === 1;
}
const ports = DEMO_PLACES.map((place) => place.locode);
const pairs = ports.flatMap((from) => ports.filter((to) => to !== from).map((to) => [from, to] as const));

describe("sea lanes", () => {
  it("the proof itself sees land: a lane drawn across Honshu and one across Java fail", () => {
    expect(edgeCount).toBeGreaterThan(50_000);
    expect(shoreCrossings([139.8, 35.3], [135.2, 34.4]).length).toBeGreaterThan(0);
    expect(shoreCrossings([107, -5], [107, -9]).length).toBeGreaterThan(0);
    for (const [name, point] of [...LANES.nodes].slice(0, 12))
      expect(onLand(point), name).toBe(geoContains(land, [...point]));
    for (const inland of [
      [133, -25],
      [10, 50],
      [-100, 40],
      [100, 60],
    ] as const)
      expect(onLand(inland)).toBe(true);
  });

  it("no waypoint lies on land", () => {
    const bad = [...LANES.nodes].filter(([, point]) => !atQuay(point) && onLand(point)).map(([name]) => name);
    expect(bad).toEqual([]);
  });

  it("no lane crosses a shoreline, except at the quays and by canals", () => {
    const bad: string[] = [];
    for (const [name, neighbours] of LANES.neighbours) {
      for (const other of neighbours) {
        // Each lane is in there twice.
        if (other < name || isCanal(name, other)) continue;
        const from = LANES.nodes.get(name) as Position;
        const to = LANES.nodes.get(other) as Position;
        const crossings = shoreCrossings(from, to).filter((point) => !atQuay(point));
        if (crossings.length > 0) bad.push(`${name} to ${other} at ${crossings[0]?.join(", ")}`);
      }
    }
    expect(bad).toEqual([]);
  });

  it("canals are canals: two, each no longer than one", () => {
    expect(CANALS).toHaveLength(2);
    for (const [from, to] of CANALS) {
      const [a, b] = [LANES.nodes.get(from), LANES.nodes.get(to)] as [Position, Position];
      expect(LANES.neighbours.get(from)).toContain(to);
      expect(shoreCrossings(a, b).length).toBeGreaterThan(0);
      expect(distanceNm(a, b)).toBeLessThan(100);
    }
  });

  it("the world's ports can be reached from each other, without a way around the world", () => {
    expect(PLACES.length).toBeGreaterThan(60);
    expect(new Set(PLACES.map(({ locode }) => locode)).size).toBe(PLACES.length);
    for (const { locode } of PLACES) {
      expect(locodeError(locode)).toBeUndefined();
      const length = lengthNm(passageBetween("SGSIN", locode));
      expect(length, locode).toBeLessThan(14_000);
    }
    // Real voyages, in nautical miles as tables of distances have them, give or take a tenth.
    for (const [from, to, nm] of [
      ["SGSIN", "NLRTM", 8_290],
      ["CNSHA", "USLGB", 5_700],
      ["NLRTM", "USNYC", 3_400],
      ["SGSIN", "AEJEA", 3_480],
      ["CNSHA", "NLRTM", 10_520],
      ["USNYC", "PABLB", 2_020],
      ["ZACPT", "BRSSZ", 3_270],
    ] as const) {
      const length = lengthNm(passageBetween(from, to));
      expect(length / nm, `${from} to ${to}: ${length}`).toBeGreaterThan(0.9);
      expect(length / nm, `${from} to ${to}: ${length}`).toBeLessThan(1.1);
    }
  });

  it.each(pairs)("%s to %s: one connected way of plausible length, sailed in small steps", (from, to) => {
    const passage = passageBetween(from, to);
    const direct = distanceNm(passage.points[0] as Position, passage.points.at(-1) as Position);
    expect(lengthNm(passage)).toBeGreaterThan(direct);
    expect(lengthNm(passage)).toBeLessThan(direct * 1.5);
    for (let nm = 0; nm < lengthNm(passage); nm += 40) {
      expect(distanceNm(positionAt(passage, nm), positionAt(passage, nm + 1))).toBeLessThan(1.01);
      expect(courseAt(passage, nm)).toBeGreaterThanOrEqual(0);
      expect(courseAt(passage, nm)).toBeLessThan(360);
    }
  });

  it("Tokyo to Los Angeles crosses 180° the short way", () => {
    const passage = passageBetween("JPTYO", "USLAX");
    const longitudes = Array.from({ length: 500 }, (_, i) => positionAt(passage, (lengthNm(passage) * i) / 499)[0]);
    expect(longitudes.some((x) => x > 179)).toBe(true);
    expect(longitudes.some((x) => x < -179)).toBe(true);
    expect(longitudes.every((x) => x > 139 || x < -118)).toBe(true);
  });

  it("a diverted ship starts where it is and stays on the lanes", () => {
    for (const [from, to] of pairs) {
      const passage = passageBetween(from, to);
      for (const share of [0.003, 0.3, 0.77]) {
        const done = lengthNm(passage) * share;
        for (const other of ports) {
          const way = divert(passage, done, other);
          expect(distanceNm(way.points[0] as Position, positionAt(passage, done))).toBeLessThan(0.01);
          expect(way.names.at(-1)).toBe(other);
          // What follows the first leg is lanes; the first leg is a piece of the lane the ship was on.
          const first = way.names[1] as string;
          expect(passage.names).toContain(first);
          expect(lengthNm(way)).toBeLessThan(
            lengthNm(passage) + lengthNm(passageBetween(from, other === from ? to : other)),
          );
        }
      }
    }
  });
});
