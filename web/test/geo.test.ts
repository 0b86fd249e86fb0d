import { describe, expect, it } from "vitest";
import { greatCircle } from "../src/geo/great-circle.js";
import {
  bboxParameter,
  nearestCopy,
  smallestRange,
  unwrapLongitudes,
  visibleTurns,
  wrapLongitude,
} from "../src/geo/longitude.js";
import { mercatorX, mercatorY } from "../src/geo/mercator.js";

describe("longitudes", () => {
  it("wraps into −180 ≤ longitude < 180", () => {
    expect([180, -180, 190, -190, 540, 0, 359].map(wrapLongitude)).toEqual([-180, -180, -170, 170, -180, 0, -1]);
  });

  it("unwraps a track over 180° without a jump", () => {
    expect(unwrapLongitudes([178, 179.5, -179, -177, 179])).toEqual([178, 179.5, 181, 183, 179]);
    expect(unwrapLongitudes([])).toEqual([]);
  });

  it("finds the nearest copy", () => {
    expect(nearestCopy(-118, 140)).toBe(242);
    expect(nearestCopy(140, -118)).toBe(-220);
  });

  it("says which copies of the world are in view", () => {
    expect(visibleTurns(139, 139, 100, 300)).toEqual([0]);
    expect(visibleTurns(-118, -118, 100, 300)).toEqual([1]);
    expect(visibleTurns(139, 139, -400, 400)).toEqual([-1, 0]);
    expect(visibleTurns(10, 10, 100, 200)).toEqual([]);
  });

  it("takes Tokyo, Sydney and Los Angeles together across the Pacific", () => {
    expect(smallestRange([139.8, -118.3, 151.2])).toEqual({ west: 139.8, east: -118.3 + 360 });
    expect(smallestRange([10])).toEqual({ west: 10, east: 10 });
    expect(smallestRange([])).toBeUndefined();
  });

  it("writes a bbox over 180° with west > east", () => {
    expect(bboxParameter(100, -40, 250, 60)).toBe("100.000,-40.000,-110.000,60.000");
    expect(bboxParameter(-300, -95, 100, 95)).toBe("-180.000,-90.000,180.000,90.000");
  });
});

describe("great circle", () => {
  it("goes from Tokyo to Los Angeles over the Pacific, north of both", () => {
    const line = greatCircle([139.79, 35.62], [-118.27, 33.74]);
    expect(line[0]).toEqual([139.79, 35.62]);
    expect(line.at(-1)?.[0]).toBeCloseTo(241.73, 6);
    expect(Math.max(...line.map((p) => p[1]))).toBeGreaterThan(45);
    for (let i = 1; i < line.length; i++)
      expect(Math.abs((line[i]?.[0] ?? 0) - (line[i - 1]?.[0] ?? 0))).toBeLessThan(10);
  });

  it("survives a line of no length", () => {
    expect(greatCircle([10, 20], [10, 20])).toHaveLength(2);
  });
});

describe("mercator", () => {
  it("puts the origin in the middle and keeps the poles finite", () => {
    expect([mercatorX(0), mercatorY(0)]).toEqual([0.5, 0.5]);
    expect(mercatorY(85.0511287798066)).toBeCloseTo(0, 9);
    expect(Number.isFinite(mercatorY(-90))).toBe(true);
  });
});
