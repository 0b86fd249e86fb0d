import type { HistoryPoint } from "@landfall/proto/api";
import { describe, expect, it } from "vitest";
import { chartData } from "../src/chart-data.js";
import { modelHistory, nearestReading, positionAt, type HistoryModel } from "../src/history-model.js";
import { describe as describeReading, MEASURES, measuresIn, type Measure } from "../src/measures.js";
import { knownLine } from "../src/words.js";

const START = Date.UTC(2026, 10, 3, 4, 0);
const MINUTE = 60_000;

/** A reading `minutes` after the start that reached its ship at once and this site `lateMinutes` later. */
function point(minutes: number, more: Partial<HistoryPoint> = {}, lateMinutes = 0): HistoryPoint {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const ms = START + minutes * MINUTE;
  return {
    time: iso(ms),
    received: iso(ms + 1000),
    knownSince: iso(ms + 2000 + lateMinutes * MINUTE),
    offset: minutes * 1024,
    origin: "o",
    stream: "s",
    ...more,
  };
}

function model(
  points: HistoryPoint[],
  events: Parameters<typeof modelHistory>[0]["reply"]["events"] = [],
): HistoryModel {
  const history = modelHistory({
    kind: "ship",
    reply: { imo: "1", points, events: events as never, total: points.length },
  });
  if (!history) throw new Error("there should be a history");
  return history;
}

const TEMPERATURE = MEASURES.find(({ id }) => id === "temperature") as Measure;

describe("history", () => {
  it("is continuous over 180°", () => {
    const track = model([
      point(0, { longitude: 179, latitude: 40 }),
      point(15, { longitude: -179.5, latitude: 41 }),
      point(30, { longitude: -178, latitude: 42 }),
    ]);
    expect(track.readings.map(({ longitude }) => longitude)).toEqual([179, 180.5, 182]);
    expect(positionAt(track.readings, START + 7.5 * MINUTE)).toEqual({ longitude: 179.75, latitude: 40.5 });
    expect(positionAt(track.readings, START - 1)).toBeUndefined();
  });

  it("tells what came with a backlog from what was known as it happened", () => {
    const { readings } = model([point(0), point(15, {}, 600), point(30)]);
    expect(readings.map(({ late }) => late)).toEqual([false, true, false]);
    expect(readings.map(knownLine)).toEqual([
      "known here since 3 Nov 04:00 UTC",
      "known here since 3 Nov 14:15 UTC, came with a backlog",
      "known here since 3 Nov 04:30 UTC",
    ]);
  });

  it("marks a silence that is longer than usual, and takes the usual from the readings themselves", () => {
    const quarterHourly = [0, 15, 30, 45, 60, 75, 90, 400, 415].map((minutes) => point(minutes));
    expect(
      model(quarterHourly)
        .readings.map(({ afterGap }) => afterGap)
        .indexOf(true),
    ).toBe(7);
    const daily = [0, 1440, 2880, 4320].map((minutes) => point(minutes));
    expect(model(daily).readings.some(({ afterGap }) => afterGap)).toBe(false);
  });

  it("pairs loading and discharge into carriages, and places events", () => {
    const at = (minutes: number): string => new Date(START + minutes * MINUTE).toISOString();
    const { carriages, events } = model([point(0, { longitude: 139.7, latitude: 35.6 })], [
      { type: "DISC", time: at(500), location: "SGSIN", vessel: "1", knownSince: at(500) },
      { type: "LOAD", time: at(10), location: "JPTYO", vessel: "1", voyage: "41", knownSince: at(10) },
      { type: "LOAD", time: at(700), location: "SGSIN", vessel: "2", knownSince: at(700) },
    ] as never);
    expect(carriages).toEqual([
      {
        vessel: "1",
        voyage: "41",
        fromMs: START + 10 * MINUTE,
        from: "JPTYO",
        toMs: START + 500 * MINUTE,
        to: "SGSIN",
      },
      { vessel: "2", fromMs: START + 700 * MINUTE, from: "SGSIN" },
    ]);
    expect(events.map(({ type }) => type)).toEqual(["LOAD", "DISC", "LOAD"]);
    expect(events[0]?.latitude).toBeCloseTo(35.6175);
  });

  it("is none without readings and events", () => {
    expect(modelHistory({ kind: "ship", reply: { imo: "1", points: [], events: [], total: 0 } })).toBeUndefined();
  });

  it("finds the nearest reading", () => {
    const { readings } = model([point(0), point(15), point(30)]);
    const nearest = (minutes: number): number | undefined =>
      nearestReading(readings, START + minutes * MINUTE)?.point.offset;
    expect([-10, 0, 7, 8, 100].map(nearest)).toEqual([0, 0, 0, 15_360, 30_720]);
    expect(nearestReading([], 0)).toBeUndefined();
  });
});

const ONE_LINE: Measure = { ...TEMPERATURE, series: TEMPERATURE.series.slice(0, 1) };

describe("chart", () => {
  it("reaches until now where newer readings are still to come", () => {
    const history = model([point(0, { temperatureC: 1 }), point(15, { temperatureC: 2 })]);
    const now = START + 3 * 24 * 60 * MINUTE;
    const { xs, lines, gaps } = chartData(history, ONE_LINE, now);
    expect(xs.at(-1)).toBe(now / 1000);
    expect(lines[0]?.inTime).toEqual([1, 2, null]);
    expect(gaps).toEqual([{ fromMs: START + 15 * MINUTE, toMs: now, pending: true }]);
  });

  it("splits thick from thin where lateness changes, without a hole, and breaks at a gap", () => {
    const history = model([
      point(0, { temperatureC: 1 }),
      point(15, { temperatureC: 2 }),
      point(30, { temperatureC: 3 }, 600),
      point(45, { temperatureC: 4 }, 600),
      point(600, { temperatureC: 5 }),
    ]);
    const { xs, lines, gaps } = chartData(history, ONE_LINE, START + 610 * MINUTE);
    expect(xs).toHaveLength(6);
    expect(xs).toEqual(xs.toSorted((a, b) => a - b));
    expect(lines).toEqual([{ inTime: [1, 2, null, null, null, 5], late: [null, 2, 3, 4, null, null] }]);
    expect(gaps).toEqual([{ fromMs: START + 45 * MINUTE, toMs: START + 600 * MINUTE, pending: false }]);
  });

  it("draws a line through readings that say nothing about it: positions between a ship's weather", () => {
    const history = model([
      point(0, { temperatureC: 1 }),
      point(10, { longitude: 1, latitude: 1 }),
      point(20, { longitude: 2, latitude: 2 }),
      point(60, { temperatureC: 2, setpointC: 4 }),
    ]);
    const { xs, lines } = chartData(
      history,
      {
        ...TEMPERATURE,
        series: TEMPERATURE.series.filter(({ key }) => key === "temperatureC" || key === "setpointC"),
      },
      START + 60 * MINUTE,
    );
    expect(xs).toHaveLength(2);
    expect(lines.map(({ inTime }) => inTime)).toEqual([
      [1, 2],
      [undefined, 4],
    ]);
  });
});

describe("measures", () => {
  it("offers only what the history has", () => {
    const { readings } = model([point(0, { temperatureC: 1, powered: true }), point(15, { setpointC: -18 })]);
    expect(measuresIn(readings).map(({ id, series }) => [id, series.map(({ key }) => key)])).toEqual([
      ["temperature", ["temperatureC", "setpointC"]],
      ["power", ["powered"]],
    ]);
  });

  it("describes a reading with its units", () => {
    expect(describeReading({ temperatureC: -17.96, supplyAirC: -18.4, setpointC: -18 }, TEMPERATURE)).toBe(
      "−18.0\u00a0°C, supply −18.4, set to −18.0",
    );
    const power = MEASURES.find(({ id }) => id === "power") as Measure;
    expect(describeReading({ powered: false, doorOpen: true }, power)).toBe("power no, door open yes");
  });
});
