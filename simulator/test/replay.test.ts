import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@landfall/brokers/ports";
import * as fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { readRow, type AisReport } from "../src/replay/ais-row.js";
import { bar } from "../src/replay/bar.js";
import { layoutOf } from "../src/replay/layout.js";
import { prepare } from "../src/replay/prepare.js";
import { ReplayFolder, type ReplayState } from "../src/replay/replay-folder.js";
import { send } from "../src/replay/send.js";
import { compareReports, readRuns, RunWriter } from "../src/replay/sorted-runs.js";
import { brokerOf } from "../src/replay/target.js";
import { RealBroker } from "./real-broker.js";
import { until } from "./support.js";

const NOAA =
  "MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width,Draft,Cargo";
const DANISH =
  "# Timestamp,Type of mobile,MMSI,Latitude,Longitude,Navigational status,ROT,SOG,COG,Heading,IMO,Callsign,Name";
const [ONE, TWO, NAMELESS] = ["477307901", "369080003", "338029922"];
const [IMO_ONE, IMO_TWO] = ["9739666", "9795933"];

const noaa = (mmsi: string, time: string, rest: Partial<Record<string, string>> = {}): string =>
  [
    mmsi,
    time,
    rest["lat"] ?? "31.9",
    rest["lon"] ?? "-76.3",
    rest["sog"] ?? "12.5",
    rest["cog"] ?? "131",
    rest["heading"] ?? "130",
  ]
    .concat("FIRST", rest["imo"] ?? "", "VRPJ6", "1004", "", "337", "", "", "")
    .join(",");
const row = (cells: string) => readRow(cells.split(","), layoutOf(NOAA.split(",")));

const folder = mkdtempSync(join(tmpdir(), "landfall-replay-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const write = (...lines: string[]): string => {
  const file = join(folder, `ais-${files++}.csv`);
  writeFileSync(file, lines.join("\n"));
  return file;
};

describe("a row of AIS", () => {
  it("is a position, without what is not known", () => {
    expect(row(noaa(ONE, "2024-12-01T00:00:01", { imo: `IMO${IMO_ONE}` }))).toEqual({
      kind: "report",
      imo: IMO_ONE,
      damages: [],
      report: {
        mmsi: ONE,
        timeMs: Date.UTC(2024, 11, 1, 0, 0, 1),
        latitude: 31.9,
        longitude: -76.3,
        speedKn: 12.5,
        courseDeg: 131,
        headingDeg: 130,
      },
    });
    const unknown = row(noaa(ONE, "2024-12-01T00:00:01", { sog: "102.3", cog: "360.0", heading: "511.0" }));
    expect(unknown).toMatchObject({ kind: "report", damages: [] });
    expect(unknown.kind === "report" && Object.keys(unknown.report)).toEqual([
      "mmsi",
      "timeMs",
      "latitude",
      "longitude",
    ]);
    for (const rest of [{ lat: "91.0" }, { lon: "181" }]) {
      expect(row(noaa(ONE, "2024-12-01T00:00:01", rest)).kind).toBe("no-position");
    }
    for (const mmsi of ["002190047", "992191503", "111219501"]) {
      expect(row(noaa(mmsi, "2024-12-01T00:00:01")).kind, mmsi).toBe("no-ship");
    }
  });

  it.each([
    [noaa("47730790x", "2024-12-01T00:00:01"), /"47730790x" is no MMSI/],
    [noaa(ONE, "2024-12-01Txx:00:01"), /"2024-12-01Txx:00:01" is no time: want e\.g\. 2024-12-01T00:00:01/],
    [noaa(ONE, "2024-02-31T00:00:01"), /is no time/],
    [noaa(ONE, "2024-12-01T00:00:01", { lat: "95" }), /"95" is no latitude/],
    [noaa(ONE, "2024-12-01T00:00:01", { lon: "1e2" }), /"1e2" is no longitude/],
    [noaa(ONE, "2024-12-01T00:00:01", { lon: "" }), /"" is no longitude/],
    ["1,2,3", /3 columns, but the header has 16/],
  ])("that is damaged says why: %s", (cells, reason) => {
    const read = row(cells);
    expect(read.kind === "damaged" && read.reason).toMatch(reason);
  });

  it("keeps its position where only something beside it cannot be", () => {
    const read = row(noaa(ONE, "2024-12-01T00:00:01", { sog: "-1.0", cog: "-154.4", imo: "IMO1234560" }));
    expect(read).toMatchObject({ kind: "report", report: { latitude: 31.9, headingDeg: 130 } });
    expect(read.kind === "report" && read.damages.join("; ")).toMatch(
      /check digit.*"-1.0" is no speed.*"-154.4" is no course/,
    );
  });

  it("may be of the Danish layout: day first, its own word for what it is", () => {
    const layout = layoutOf(DANISH.replace("# ", "").split(","));
    const danish = (text: string) => readRow(text.split(","), layout);
    expect(danish(`03/11/2024 04:10:05,Class A,${TWO},55.1,12.5,,,7.3,,511,Unknown,,X`)).toMatchObject({
      kind: "report",
      report: { timeMs: Date.UTC(2024, 10, 3, 4, 10, 5), latitude: 55.1, speedKn: 7.3 },
    });
    expect(danish(`03/11/2024 04:10:05,Base Station,${TWO},55.1,12.5,,,7.3,,511,Unknown,,X`).kind).toBe("no-ship");
    expect(danish(`2024-11-03T04:10:05,Class A,${TWO},55.1,12.5,,,7.3,,511,Unknown,,X`).kind).toBe("damaged");
  });

  it("is never more than text that somebody wrote: nothing throws", () => {
    const cells = fc.array(fc.oneof(fc.string(), fc.constantFrom(...noaa(ONE, "2024-12-01T00:00:01").split(","))), {
      minLength: 16,
      maxLength: 16,
    });
    fc.assert(
      fc.property(cells, (some) => {
        const read = readRow(some, layoutOf(NOAA.split(",")));
        if (read.kind !== "report") return;
        expect(Math.abs(read.report.latitude)).toBeLessThanOrEqual(90);
        expect(Math.abs(read.report.longitude)).toBeLessThanOrEqual(180);
        expect(Number.isFinite(read.report.timeMs)).toBe(true);
      }),
    );
  });
});

describe("an AIS file", () => {
  const read = async (file: string) => {
    const damages: [number, string][] = [];
    const runs = join(folder, `runs-${files}`);
    const prepared = await prepare(file, runs, {
      onShare: () => undefined,
      onDamage: (line, reason) => damages.push([line, reason]),
    });
    const reports: AisReport[] = [];
    for await (const report of readRuns(runs)) reports.push(report);
    return { ...prepared, damages, reports };
  };

  it("is read row by row: damaged ones with their lines, in order of time, with what a ship says of itself later", async () => {
    const file = write(
      "\uFEFF# a comment, of somebody who exported it",
      NOAA,
      noaa(ONE, "2024-12-01T00:00:09"),
      noaa("x", "2024-12-01T00:00:02"),
      noaa(TWO, "2024-12-01T00:00:01", { lat: "91" }),
      noaa(TWO, "2024-12-01T00:00:03", { imo: IMO_TWO }),
      "",
      noaa(ONE, "2024-12-01T00:00:04", { imo: `IMO${IMO_ONE}`, cog: "400" }),
      `${ONE},"2024-12-01T00:00:05" x,1,2`,
      `${ONE},"2024-12-01T00:00:05,1,2`,
      "x".repeat(100_000),
      noaa(TWO, "2024-12-01T00:00:05").replace("FIRST", '"FIRST, OF TWO"'),
      noaa(TWO, "2024-12-01T00:00:05"),
    );
    const { counts, damages, reports, imoOf, layout, firstMs, lastMs } = await read(file);
    expect(layout).toBe("NOAA MarineCadastre");
    expect(counts).toEqual({ rows: 10, reports: 5, damaged: 4, partly: 1, withoutPosition: 1, noShips: 0 });
    expect(damages.map(([line]) => line)).toEqual([4, 8, 9, 10, 11]);
    expect(imoOf).toEqual({ [ONE]: IMO_ONE, [TWO]: IMO_TWO });
    expect(reports.map(({ timeMs }) => new Date(timeMs).getUTCSeconds())).toEqual([3, 4, 5, 5, 9]);
    expect([firstMs, lastMs]).toEqual([Date.UTC(2024, 11, 1, 0, 0, 3), Date.UTC(2024, 11, 1, 0, 0, 9)]);
  });

  it("takes the Danish header, which looks like a comment", async () => {
    const file = write(DANISH, `03/11/2024 04:10:05,Class A,${ONE},55.1,12.5,,,7.3,,511,${IMO_ONE},,X`);
    expect(await read(file)).toMatchObject({ layout: "Danish Maritime Authority", imoOf: { [ONE]: IMO_ONE } });
  });

  it.each([
    [[NOAA.replace("BaseDateTime", "Timestamp")], /for that of NOAA MarineCadastre it lacks BaseDateTime/],
    [["a,b,c", "1,2,3"], /no header of an AIS file/],
    [[""], /has no header row/],
  ])("of another layout is refused, with what it lacks: %j", async (lines, message) => {
    await expect(read(write(...lines))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(message) as string,
    });
  });

  it("that is not there is refused", async () => {
    await expect(read(join(folder, "nowhere.csv"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("comes in order however it lies, as many runs as it makes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 }), async (times) => {
        const runs = join(folder, `sorted-${files++}`);
        for (const part of [times.slice(0, 60), times.slice(60, 90), times.slice(90)]) {
          const writer = new RunWriter(join(runs, `${part.length}`));
          for (const timeMs of part) await writer.push({ mmsi: ONE, timeMs, latitude: 0, longitude: 0 });
          await writer.close();
          const read: AisReport[] = [];
          for await (const report of readRuns(join(runs, `${part.length}`))) read.push(report);
          expect(read.map(({ timeMs }) => timeMs)).toEqual(part.toSorted((a, b) => a - b));
        }
      }),
      { numRuns: 20 },
    );
    expect([
      compareReports({ mmsi: "1", timeMs: 1 } as AisReport, { mmsi: "2", timeMs: 1 } as AisReport) < 0,
      bar(0.43),
    ]).toEqual([true, "▓▓▓▓▓▓▓▓░░░░░░░░░░░░ 43 %"]);
  });
});

describe("sailing an AIS file", () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** So many reports of one ship, a second apart, each twice, and one of a ship without a number. */
  const sailing = async (reports: number) => {
    const port = await freePort();
    const url = `mqtt://127.0.0.1:${port}`;
    const broker = new RealBroker(port);
    closing.push(() => broker.kill());
    const at = (second: number): string => new Date(Date.UTC(2024, 11, 1) + second * 1000).toISOString().slice(0, 19);
    const rows = Array.from({ length: reports }, (_, i) => noaa(ONE, at(i), { imo: IMO_ONE, lat: String(i / 100) }));
    const file = write(NOAA, noaa(NAMELESS, at(0)), ...rows.flatMap((line) => [line, line]));
    const kept = new ReplayFolder(join(folder, "state"), file, url, "own");
    const prepared = await prepare(file, kept.runs, { onShare: () => undefined, onDamage: () => undefined });
    const state: ReplayState = { prepared, shiftMs: 1000, done: 0, sent: 0, repeated: 0, unnumbered: 0 };
    const stop = new AbortController();
    const hooks = { onProgress: () => undefined, keep: (now: ReplayState) => kept.keep(now) };
    const sail = (from: ReplayState) => send(readRuns(kept.runs), from, { url, ships: {} }, hooks, stop.signal);
    return { broker, file, url, kept, state, stop, sail };
  };

  it("publishes each position once, in order, and counts what it leaves out", async () => {
    const { broker, state, sail, kept, file, url } = await sailing(3);
    await broker.start();
    const { state: done, stopped, unnumbered } = await sail(state);
    expect(broker.got.map((one) => JSON.parse(one.slice(one.indexOf("{"))) as object)).toEqual(
      [0, 1, 2].map((i) => ({
        time: new Date(Date.UTC(2024, 11, 1, 0, 0, i + 1)).toISOString(),
        latitude: i / 100,
        longitude: -76.3,
        speedKn: 12.5,
        courseDeg: 131,
        headingDeg: 130,
      })),
    );
    expect(broker.got[0]?.startsWith(`ships/${IMO_ONE}/position `)).toBe(true);
    expect(done).toMatchObject({ done: 7, sent: 3, repeated: 3, unnumbered: 1 });
    expect({ stopped, unnumbered }).toEqual({ stopped: false, unnumbered: [NAMELESS] });
    // The same file to the same broker goes on where this one ended; another one begins.
    expect(kept.load()?.done).toBe(7);
    writeFileSync(file, `${readFileSync(file, "utf8")}\n`);
    expect(new ReplayFolder(join(folder, "state"), file, url, "own").load()).toBeUndefined();
  });

  it("waits for a broker that was killed, and goes on behind what was acknowledged", async () => {
    const { broker, kept, state, stop, sail, url } = await sailing(400);
    broker.silentAfter = 250;
    await broker.start();
    const first = sail(state);
    await until(() => broker.got.length > 250 && (kept.load()?.sent ?? 0) >= 0);
    await broker.kill();
    broker.silentAfter = 300;
    await broker.start();
    await until(() => broker.got.length > 320);
    stop.abort();
    const { state: then, stopped } = await first;
    expect(stopped).toBe(true);
    expect(then.sent).toBeLessThanOrEqual(300);
    broker.silentAfter = Infinity;
    const going = new AbortController();
    const rest = await send(
      readRuns(kept.runs),
      kept.load() as ReplayState,
      { url, ships: {} },
      { onProgress: () => undefined, keep: (now) => kept.keep(now) },
      going.signal,
    );
    expect(rest.state).toMatchObject({ done: 801, sent: 400, repeated: 400 });
    // At least once, and every repetition has the same bytes.
    expect(new Set(broker.got).size).toBe(400);
  });

  it("keeps the file's pace, as many times as fast as it is told", async () => {
    const { broker, state, stop, url, kept } = await sailing(3);
    await broker.start();
    let sent = 0;
    const slow = send(
      readRuns(kept.runs),
      state,
      { url, ships: {}, speed: 1e-3 },
      { onProgress: (now) => (sent = now.sent), keep: () => undefined },
      stop.signal,
    );
    // The second would come a thousand seconds later.
    await until(() => sent === 1);
    stop.abort();
    expect((await slow).state.sent).toBe(1);
    expect(broker.got).toHaveLength(1);
  });
});

describe("where to", () => {
  it("is an address, or a site of the demo; anything else is told what to say", () => {
    expect(brokerOf({ mqtt: "mqtt://127.0.0.1:1883", data: "x" })).toBe("mqtt://127.0.0.1:1883");
    const wrong = [{ mqtt: "http://x" }, {}, { site: "nowhere" }];
    for (const one of wrong) expect(() => brokerOf({ data: folder, ...one })).toThrow(/mqtt:\/\/|no site nowhere/);
  });
});
