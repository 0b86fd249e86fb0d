import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { BAND_DEG, cutCoast, cutRing, type Position, type Ring } from "../src/geo/cut-rings.js";
import { prepareLand, type Land, type LandTopology } from "../src/geo/land.js";

const require = createRequire(import.meta.url);

function load(name: string): Land {
  return prepareLand(JSON.parse(readFileSync(require.resolve(`world-atlas/${name}.json`), "utf8")) as LandTopology);
}

function spanOf(points: readonly Position[]): number {
  const xs = points.map(([x]) => x);
  return Math.max(...xs) - Math.min(...xs);
}

/** Even-odd rule over all rings together, as the canvas fills them. */
function isLand(land: Land, longitude: number, latitude: number): boolean {
  let inside = false;
  for (const { ring } of land.rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [ax, ay] = ring[i] as Position;
      const [bx, by] = ring[j] as Position;
      if (ay > latitude !== by > latitude && longitude < ((bx - ax) * (latitude - ay)) / (by - ay) + ax)
        inside = !inside;
    }
  }
  return inside;
}

function areaOf(ring: readonly Position[]): number {
  let sum = 0;
  for (let i = 0; i < ring.length; i++) {
    const [ax, ay] = ring[i] as Position;
    const [bx, by] = ring[(i + 1) % ring.length] as Position;
    sum += ax * by - bx * ay;
  }
  return sum / 2;
}

describe.each(["land-110m", "land-50m"])("%s", (name) => {
  const land = load(name);

  it("draws no ring wider than its band, and none outside −180…180°", () => {
    expect(land.rings.length).toBeGreaterThan(100);
    for (const { band, ring } of land.rings) {
      expect(spanOf(ring)).toBeLessThanOrEqual(BAND_DEG);
      for (const [x] of ring) {
        expect(x).toBeGreaterThanOrEqual(-180 + band * BAND_DEG);
        expect(x).toBeLessThanOrEqual(-180 + (band + 1) * BAND_DEG);
      }
    }
  });

  it("has no strip: the Pacific on Fiji's latitude is sea, Fiji and Chukotka are land on their own sides", () => {
    for (let longitude = -178; longitude <= -76; longitude += 0.5) {
      expect([longitude, isLand(land, longitude, -16.5)]).toEqual([longitude, false]);
    }
    expect(isLand(land, 178, -17.8)).toBe(true); // Viti Levu
    expect(isLand(land, 179, 67.5)).toBe(true); // Chukotka, west of 180°
    expect(isLand(land, -175, 66.5)).toBe(true); // Chukotka, east of it
    expect(isLand(land, 0, 67)).toBe(false); // Norwegian Sea, on Chukotka's latitude
    expect(isLand(land, 100, -75)).toBe(true); // Antarctica, around the pole
    expect(isLand(land, -100, -88)).toBe(true);
  });

  it("draws no coast along a cut, and none that jumps", () => {
    for (const { line } of land.coasts) {
      expect(spanOf(line)).toBeLessThanOrEqual(BAND_DEG);
      for (let i = 1; i < line.length; i++) {
        const a = line[i - 1] as Position;
        const b = line[i] as Position;
        expect(Math.abs(b[0] - a[0])).toBeLessThan(15);
      }
    }
  });
});

describe("cutting", () => {
  const square: Ring = [
    [170, -10],
    [-170, -10],
    [-170, 10],
    [170, 10],
    [170, -10],
  ];

  it("cuts a ring over 180° into two halves that together have its area", () => {
    const pieces = cutRing(square);
    expect(pieces.map((piece) => piece.band).sort((a, b) => a - b)).toEqual([0, 5]);
    expect(pieces.reduce((sum, piece) => sum + Math.abs(areaOf(piece.ring)), 0)).toBeCloseTo(400, 6);
  });

  it("keeps only the ring's own edges as coast", () => {
    const lines = cutCoast(square);
    const length = lines.reduce(
      (sum, { line }) =>
        sum +
        line.slice(1).reduce((s, p, i) => s + Math.hypot(p[0] - (line[i]?.[0] ?? 0), p[1] - (line[i]?.[1] ?? 0)), 0),
      0,
    );
    expect(length).toBeCloseTo(80, 6);
  });

  it("closes a ring around the pole along the pole", () => {
    const cap: Position[] = [];
    for (let x = -180; x <= 180; x += 10) cap.push([x, -70]);
    const pieces = cutRing(cap);
    expect(pieces).toHaveLength(6);
    expect(pieces.reduce((sum, piece) => sum + Math.abs(areaOf(piece.ring)), 0)).toBeCloseTo(360 * 20, 6);
  });

  it("leaves a ring in one band as it is", () => {
    const ring: Ring = [
      [10, 0],
      [20, 0],
      [20, 10],
      [10, 0],
    ];
    expect(cutRing(ring)).toEqual([{ band: 3, ring: [...ring] }]);
  });
});
