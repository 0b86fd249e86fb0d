import type { HistoryGap, HistoryPoint, ShipHistoryReply } from "@landfall/proto/api";
import { describe, expect, it } from "vitest";
import { chartData } from "../src/chart-data.js";
import { stayAt } from "../src/custody.js";
import { modelHistory, nearestReading, positionAt, withCloser, type HistoryModel } from "../src/history-model.js";
import { describe as describeReading, MEASURES, measuresIn, type Measure } from "../src/measures.js";
import { formatUnits, fromShown, parseUnits, toShown, USUAL_UNITS } from "../src/format/units.js";
import { incidentWords, knownLine, missingTimes, missingWords } from "../src/words.js";

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
  gaps: HistoryGap[] = [],
): HistoryModel {
  const history = modelHistory({
    kind: "ship",
    reply: { imo: "1", points, events: events as never, gaps, total: points.length },
  });
  if (!history) throw new Error("there should be a history");
  return history;
}

const reply = (points: HistoryPoint[], total: number): ShipHistoryReply => ({
  imo: "1",
  points,
  events: [],
  gaps: [],
  total,
});

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

  it("tells who had it when, out of gates, loading and discharge, and places events", () => {
    const at = (minutes: number): string => new Date(START + minutes * MINUTE).toISOString();
    const ms = (minutes: number): number => START + minutes * MINUTE;
    const { custody, events } = model([point(0, { longitude: 139.7, latitude: 35.6 })], [
      { type: "DISC", time: at(500), location: "SGSIN", vessel: "1", knownSince: at(500) },
      { type: "GTIN", time: at(5), location: "JPTYO", knownSince: at(5) },
      { type: "LOAD", time: at(10), location: "JPTYO", vessel: "1", voyage: "41", knownSince: at(10) },
      { type: "LOAD", time: at(700), location: "SGSIN", vessel: "2", knownSince: at(700) },
      // Its discharge is not known yet.
      { type: "GTOT", time: at(900), location: "AUSYD", knownSince: at(900) },
    ] as never);
    expect(custody).toEqual([
      { kind: "terminal", fromMs: ms(5), toMs: ms(10), from: "JPTYO" },
      { kind: "ship", vessel: "1", voyage: "41", fromMs: ms(10), from: "JPTYO", toMs: ms(500), to: "SGSIN" },
      { kind: "terminal", fromMs: ms(500), toMs: ms(700), from: "SGSIN" },
      { kind: "ship", vessel: "2", fromMs: ms(700), from: "SGSIN", toMs: ms(900), to: "AUSYD" },
      { kind: "road", fromMs: ms(900), from: "AUSYD" },
    ]);
    expect(stayAt(custody, ms(499))).toBe(custody[1]);
    expect(stayAt(custody, ms(500))).toBe(custody[2]);
    expect(stayAt(custody, ms(0))).toBeUndefined();
    expect(events.map(({ type }) => type)).toEqual(["GTIN", "LOAD", "DISC", "LOAD", "GTOT"]);
    expect(events[1]?.latitude).toBeCloseTo(35.6175);
  });

  it("says in which port it was when a backlog became known, by the sites' clocks", () => {
    // On board, in the Strait of Malacca, then alongside in Singapore; the first two came ashore there.
    const { readings } = model([
      point(0, { longitude: 98, latitude: 6 }, 60),
      point(30, { longitude: 101, latitude: 3 }, 30),
      point(60, { longitude: 103.82, latitude: 1.27 }),
    ]);
    expect(readings.map(({ knownIn }) => knownIn)).toEqual(["Singapore", "Singapore", undefined]);
    expect(readings.map(knownLine)[0]).toBe("known here since 3 Nov 05:00 UTC (Singapore), came with a backlog");
  });

  it("tells of doors, power cuts, defrosting and shocks, and nothing of what lies in a gap", () => {
    const { incidents } = model([
      point(0, { doorOpen: false, powered: true, defrosting: true, longitude: 1, latitude: 2 }),
      point(15, { doorOpen: true, powered: true, defrosting: true, longitude: 3, latitude: 4 }),
      point(30, { doorOpen: true, powered: true, defrosting: false, shockG: 2.6, longitude: 5, latitude: 6 }),
      point(45, { doorOpen: false, powered: true, shockG: 4, longitude: 7, latitude: 8 }),
      point(60, { powered: false, shockG: 0.2 }),
      point(75, { powered: false }),
      point(2000, { powered: false }),
      point(2015, { powered: true }),
    ]);
    const ms = (minutes: number): number => START + minutes * MINUTE;
    expect(incidents).toEqual([
      { kind: "defrost", fromMs: ms(0), toMs: ms(30), longitude: 1, latitude: 2 },
      { kind: "door", fromMs: ms(15), toMs: ms(45), longitude: 3, latitude: 4 },
      { kind: "shock", fromMs: ms(30), toMs: ms(45), shockG: 4, longitude: 7, latitude: 8 },
      { kind: "power", fromMs: ms(60), toMs: ms(75) },
      { kind: "power", fromMs: ms(2000), toMs: ms(2015) },
    ]);
    expect(incidents.map(incidentWords).slice(1, 4)).toEqual([
      "Door open for 30 min",
      "Shocks up to 4.0\u00a0g",
      "No power for 15 min",
    ]);
  });

  it("holds everything of the part that is looked at closely, and the rest as it was", () => {
    const whole = { kind: "ship", reply: reply([point(0), point(100), point(200), point(300)], 900) } as const;
    const part = { kind: "ship", reply: reply([point(90), point(100), point(110), point(200)], 4) } as const;
    const merged = withCloser(whole, part).reply;
    expect(merged.points.map(({ offset }) => offset / 1024)).toEqual([0, 90, 100, 110, 200, 300]);
    expect(merged.total).toBe(900);
    expect(withCloser(whole, { kind: "ship", reply: reply([], 0) })).toBe(whole);
  });

  it("is none without readings and events", () => {
    expect(
      modelHistory({ kind: "ship", reply: { imo: "1", points: [], events: [], gaps: [], total: 0 } }),
    ).toBeUndefined();
  });

  it("finds the nearest reading", () => {
    const { readings } = model([point(0), point(15), point(30)]);
    const nearest = (minutes: number): number | undefined =>
      nearestReading(readings, START + minutes * MINUTE)?.point.offset;
    expect([-10, 0, 7, 8, 100].map(nearest)).toEqual([0, 0, 0, 15_360, 30_720]);
    expect(nearestReading([], 0)).toBeUndefined();
  });
});

/** Missing between two moments, minutes after the start. */
function gap(from: number | undefined, to: number | undefined, more: Partial<HistoryGap> = {}): HistoryGap {
  const iso = (minutes: number): string => new Date(START + minutes * MINUTE).toISOString();
  return {
    stream: "s",
    origin: "ship-1.a~1",
    fromSeq: 10,
    toSeq: 15,
    records: 5,
    reason: "missed",
    ...(from === undefined ? {} : { from: iso(from) }),
    ...(to === undefined ? {} : { to: iso(to) }),
    ...more,
  };
}

describe("what is missing (R6)", () => {
  const nameOf = (site: string): string => site.toUpperCase();

  it("is one to people where one reason touches itself, and marks the reading behind it", () => {
    const { missing, readings } = model(
      [0, 15, 30, 45, 60].map((minutes) => point(minutes)),
      [],
      [gap(15, 20), gap(20, 28, { origin: "ship-2.a~1", records: 7 }), gap(40, 43, { reason: "damaged", records: 1 })],
    );
    expect(missing.map((one) => `${missingTimes(one)}: ${missingWords(one, nameOf)}`)).toEqual([
      "from 3 Nov 04:15 to 3 Nov 04:28 UTC: 12 records of SHIP-1, SHIP-2 had expired at every site in reach before they could come here. Some may belong here.",
      "from 3 Nov 04:40 to 3 Nov 04:43 UTC: 1 record of SHIP-1 cannot be read at any site in reach; they come when another one has them. Some may belong here.",
    ]);
    expect(readings.map((reading) => reading.missing?.reason)).toEqual([
      undefined,
      undefined,
      "missed",
      "damaged",
      undefined,
    ]);
  });

  it("may have no beginning and no end", () => {
    const { missing } = model([point(0)], [], [gap(undefined, 0), gap(0, undefined, { reason: "expired" })]);
    expect(missing.map((one) => missingTimes(one))).toEqual(["before 3 Nov 04:00 UTC", "since 3 Nov 04:00 UTC"]);
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

  it("breaks the line where records are missing, however short, and leaves of a silence what is not explained", () => {
    const points = [0, 15, 30, 45, 60, 360, 375].map((minutes) => point(minutes, { temperatureC: minutes }));
    const history = model(points, [], [gap(20, 25), gap(180, 300)]);
    const { lines, gaps } = chartData(history, ONE_LINE, START + 375 * MINUTE);
    expect(lines[0]?.inTime).toEqual([0, 15, null, 30, 45, 60, null, 360, 375]);
    const shown = gaps.map(({ fromMs, toMs, missing }) => [
      (fromMs - START) / MINUTE,
      (toMs - START) / MINUTE,
      missing?.reason,
    ]);
    // The hour behind it is too short for a silence of its own.
    expect(shown).toEqual([
      [20, 25, "missed"],
      [60, 180, undefined],
      [180, 300, "missed"],
    ]);
  });

  it("makes room for what is missing before the first reading", () => {
    const history = model(
      [0, 600].map((minutes) => point(minutes, { temperatureC: 1 })),
      [],
      [gap(undefined, 0)],
    );
    const { xs, lines, gaps } = chartData(history, ONE_LINE, START + 600 * MINUTE);
    expect(xs[0]).toBeLessThan(START / 1000);
    expect(lines[0]?.inTime[0]).toBeNull();
    expect(gaps[0]).toMatchObject({ fromMs: (xs[0] ?? 0) * 1000, toMs: START, missing: { reason: "missed" } });
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

  it("is in the person's units: readings, and what was asked for", () => {
    const units = { temperature: "°F", speed: "km/h" } as const;
    const { readings } = model([point(0, { temperatureC: -18, speedKn: 10 })]);
    const [temperature, speed] = measuresIn(readings, units) as [Measure, Measure];
    expect(describeReading({ temperatureC: -18 }, temperature)).toBe("−0.4\u00a0°F");
    expect(describeReading({ speedKn: 10 }, speed)).toBe("18.5\u00a0km/h");
    expect(chartData(model([point(0, { temperatureC: 100 })]), temperature, START).lines[0]?.inTime).toEqual([212]);
    expect(fromShown(5, "°C", units)).toBe(-15);
    expect(fromShown(toShown(7.3, "kn", units), "kn", units)).toBeCloseTo(7.3);
    expect(parseUnits(formatUnits(units))).toEqual(units);
    expect(parseUnits("nonsense")).toEqual(USUAL_UNITS);
  });

  it("describes a reading with its units", () => {
    expect(describeReading({ temperatureC: -17.96, supplyAirC: -18.4, setpointC: -18 }, TEMPERATURE)).toBe(
      "−18.0\u00a0°C, supply −18.4, set to −18.0",
    );
    const power = MEASURES.find(({ id }) => id === "power") as Measure;
    expect(describeReading({ powered: false, doorOpen: true }, power)).toBe("power no, door open yes");
  });
});
