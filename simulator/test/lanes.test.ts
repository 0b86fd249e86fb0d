import { createRequire } from "node:module";
import { PLACES } from "@landfall/proto/identifiers";
import { geoContains } from "d3-geo";
import type { ExtendedFeatureCollection } from "d3-geo";
import { feature } from "topojson-client";
import { describe, expect, it } from "vitest";
import type { Position } from "../src/geo/great-circle.js";
import { distanceNm, interpolate } from "../src/geo/great-circle.js";
import { LANES } from "../src/lanes/network.js";
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
const quays = PLACES.map((place): Position => [place.longitude, place.latitude]);
const atQuay = (point: Position): boolean => quays.some((quay) => distanceNm(quay, point) < QUAY_TOLERANCE_NM);
const onLand = (point: Position): boolean => geoContains(land, [point[0], point[1]]);
const ports = PLACES.map((place) => place.locode);
const pairs = ports.flatMap((from) => ports.filter((to) => to !== from).map((to) => [from, to] as const));

describe("sea lanes", () => {
  it("the proof itself sees land: a lane drawn across Honshu and one across Java fail", () => {
    expect(edgeCount).toBeGreaterThan(50_000);
    expect(shoreCrossings([139.8, 35.3], [135.2, 34.4]).length).toBeGreaterThan(0);
    expect(shoreCrossings([107, -5], [107, -9]).length).toBeGreaterThan(0);
    expect(onLand([133, -25])).toBe(true);
  });

  it("no waypoint lies on land", () => {
    const bad = [...LANES.nodes].filter(([, point]) => !atQuay(point) && onLand(point)).map(([name]) => name);
    expect(bad).toEqual([]);
  });

  it("no lane crosses a shoreline, except at the quays", () => {
    const bad: string[] = [];
    for (const [name, neighbours] of LANES.neighbours) {
      for (const other of neighbours) {
        const from = LANES.nodes.get(name) as Position;
        const to = LANES.nodes.get(other) as Position;
        const crossings = shoreCrossings(from, to).filter((point) => !atQuay(point));
        if (crossings.length > 0) bad.push(`${name} to ${other} at ${crossings[0]?.join(", ")}`);
      }
    }
    expect(bad).toEqual([]);
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
