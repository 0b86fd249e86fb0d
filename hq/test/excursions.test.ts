import * as fc from "fast-check";
import type { ContainerEvent, HistoryPoint } from "@landfall/proto/api";
import { describe, expect, it } from "vitest";
import { excursionsOf } from "../src/history/excursions.js";

const at = (minute: number): string => new Date(minute * 60_000).toISOString();
const point = (minute: number, rest: Partial<HistoryPoint> = {}): HistoryPoint => ({
  time: at(minute),
  knownSince: at(minute + 1_000),
  offset: minute,
  origin: "yard.a~1",
  stream: "polarfoods.containers",
  ...rest,
});
const event = (type: ContainerEvent["type"], minute: number, rest: Partial<ContainerEvent> = {}): ContainerEvent => ({
  type,
  time: at(minute),
  knownSince: at(minute),
  ...rest,
});
const WARM = { field: "temperatureC", side: "above", value: -15 } as const;

describe("excursions", () => {
  it("say from when to when, the furthest, and where that was", () => {
    const points = [
      point(0, { temperatureC: -18, latitude: 0, longitude: 100 }),
      point(10, { temperatureC: -14, latitude: 1, longitude: 101 }),
      // A position in between says nothing of the temperature, and ends nothing.
      point(15, { latitude: 1.5, longitude: 101.5 }),
      point(20, { temperatureC: -9, latitude: 2, longitude: 102 }),
      point(30, { temperatureC: -15, latitude: 3, longitude: 103 }),
      point(40, { temperatureC: -14.9, defrosting: true }),
    ];
    const events = [
      event("LOAD", 5, { vessel: "9321483", location: "SGSIN" }),
      event("DISC", 35, { vessel: "9321483", location: "AUSYD" }),
    ];
    expect(excursionsOf(points, [], events, WARM)).toEqual([
      {
        from: at(10),
        to: at(20),
        readings: 2,
        value: -9,
        time: at(20),
        knownSince: at(1_020),
        latitude: 2,
        longitude: 102,
        vessel: "9321483",
      },
      {
        from: at(40),
        to: at(40),
        readings: 1,
        value: -14.9,
        time: at(40),
        knownSince: at(1_040),
        location: "AUSYD",
        defrosting: true,
      },
    ]);
    expect(excursionsOf(points, [], events, { ...WARM, side: "below" }).map(({ value }) => value)).toEqual([-18]);
    expect(excursionsOf(points, [], [...events, event("GTOT", 36, { location: "AUSYD" })], WARM)[1]).not.toHaveProperty(
      "location",
    );
  });

  it("are two where a gap lies between: nobody knows what it was in there", () => {
    const points = [point(0, { temperatureC: 1 }), point(10, { temperatureC: 2 })];
    expect(excursionsOf(points, [], [], WARM)).toHaveLength(1);
    expect(excursionsOf(points, [{ from: at(3), to: at(6) } as never], [], WARM)).toHaveLength(2);
  });

  it("hold every reading that was out exactly once, and none that was not", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -30, max: 0 }), { maxLength: 200 }), (values) => {
        const points = values.map((temperatureC, i) => point(i, { temperatureC }));
        const found = excursionsOf(points, [], [], WARM);
        const out = points.filter(({ temperatureC = -99 }) => temperatureC > WARM.value);
        expect(found.reduce((sum, { readings }) => sum + readings, 0)).toBe(out.length);
        for (const one of found) {
          const inside = points.filter(({ time }) => time >= one.from && time <= one.to);
          expect(inside).toHaveLength(one.readings);
          expect(one.value).toBe(Math.max(...inside.map(({ temperatureC = -99 }) => temperatureC)));
        }
      }),
    );
  });
});
