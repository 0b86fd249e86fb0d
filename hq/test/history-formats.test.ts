import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HistoryPoint } from "@landfall/proto/api";
import { cell, toCsv } from "../src/history/csv.js";
import { toGeoJson, type HistoryFeature } from "../src/history/geojson.js";
import { escape, toGpx } from "../src/history/gpx.js";
import { thin } from "../src/history/thin.js";
import { cutTrack, type Coordinates } from "../src/history/tracks.js";
import { HISTORY_POINTS_MIN } from "../src/limits.js";
import { NUMBER_FIELDS } from "../src/view/measurements.js";

const point = (i: number, rest: Partial<HistoryPoint> = {}): HistoryPoint => ({
  time: new Date(i * 60_000).toISOString(),
  knownSince: new Date(i * 60_000).toISOString(),
  offset: i,
  origin: "yard.a~1",
  stream: "duckworks.containers",
  ...rest,
});

const featuresOf = (...given: Parameters<typeof toGeoJson>): readonly HistoryFeature[] =>
  (JSON.parse([...toGeoJson(...given)].join("")) as { features: HistoryFeature[] }).features;

const someHistory = fc
  .array(
    fc.record(
      {
        temperatureC: fc.double({ min: -40, max: 60, noNaN: true }),
        shockG: fc.double({ min: 0, max: 50, noNaN: true }),
        latitude: fc.double({ min: -90, max: 90, noNaN: true }),
        longitude: fc.double({ min: -180, max: 180, noNaN: true }),
        doorOpen: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    { minLength: 1, maxLength: 400 },
  )
  .map((rows) => rows.map((row, i) => point(i, row)));

describe("thinning", () => {
  it("keeps within the bound, the order, the ends, and the highest and lowest of everything", () => {
    fc.assert(
      fc.property(someHistory, fc.integer({ min: HISTORY_POINTS_MIN, max: 200 }), (history, max) => {
        const thinned = thin(history, max);
        expect(thinned.length).toBeLessThanOrEqual(max);
        expect(thinned.length).toBeGreaterThanOrEqual(Math.min(history.length, max / 2));
        expect(thinned.map(({ offset }) => offset)).toEqual(
          thinned.map(({ offset }) => offset).toSorted((a, b) => a - b),
        );
        expect(thinned[0]).toBe(history[0]);
        expect(thinned.at(-1)).toBe(history.at(-1));
        for (const field of NUMBER_FIELDS) {
          const of = (points: readonly HistoryPoint[]) =>
            points.map((one) => one[field] ?? Number.NaN).filter((n) => !Number.isNaN(n));
          if (of(history).length === 0) continue;
          expect(Math.max(...of(thinned)), field).toBe(Math.max(...of(history)));
          expect(Math.min(...of(thinned)), field).toBe(Math.min(...of(history)));
        }
      }),
    );
  });

  it("keeps a spike of each day and the moment at which the power went", () => {
    const history = Array.from({ length: 10_000 }, (_, i) =>
      point(i, { temperatureC: i % 1000 === 500 ? 20 + i / 1000 : 4, powered: i < 7777 }),
    );
    const thinned = thin(history, 200);
    expect(thinned.length).toBeLessThanOrEqual(200);
    expect(thinned.filter(({ temperatureC = 0 }) => temperatureC > 4)).toHaveLength(10);
    expect(thinned.some(({ offset }) => offset === 7777)).toBe(true);
  });

  it("does not lose the temperature to a door that rattles", () => {
    const history = Array.from({ length: 5_000 }, (_, i) =>
      point(i, { doorOpen: i % 2 === 0, temperatureC: i === 4321 ? 30 : 4 }),
    );
    expect(thin(history, 100).some(({ temperatureC }) => temperatureC === 30)).toBe(true);
  });
});

describe("tracks", () => {
  it("are cut where they cross 180°, at the latitude of the crossing", () => {
    expect(
      cutTrack([
        [178, 10],
        [-178, 20],
      ]),
    ).toEqual([
      [
        [178, 10],
        [180, 15],
      ],
      [
        [-180, 15],
        [-178, 20],
      ],
    ]);
    expect(
      cutTrack([
        [-179, 0],
        [179, 0],
        [-179, 4],
      ]),
    ).toEqual([
      [
        [-179, 0],
        [-180, 0],
      ],
      [
        [180, 0],
        [179, 0],
        [180, 2],
      ],
      [
        [-180, 2],
        [-179, 4],
      ],
    ]);
    expect(
      cutTrack([
        [170, 1],
        [180, 2],
        [-170, 3],
      ]),
    ).toEqual([
      [
        [170, 1],
        [180, 2],
      ],
      [
        [-180, 2],
        [-170, 3],
      ],
    ]);
    expect(
      cutTrack([
        [10, 1],
        [20, 2],
      ]),
    ).toEqual([
      [
        [10, 1],
        [20, 2],
      ],
    ]);
    expect(cutTrack([[10, 1]])).toEqual([]);
    expect(cutTrack([])).toEqual([]);
  });

  it("never go more than half around the world in one step, and lose no point", () => {
    const somewhere = fc.tuple(fc.integer({ min: -180, max: 180 }), fc.integer({ min: -80, max: 80 }));
    fc.assert(
      fc.property(fc.array(somewhere, { minLength: 2, maxLength: 30 }), (track) => {
        const pieces = cutTrack(track);
        for (const piece of pieces) {
          expect(piece.length).toBeGreaterThan(1);
          for (let i = 1; i < piece.length; i++) {
            expect(Math.abs((piece[i]?.[0] ?? 0) - (piece[i - 1]?.[0] ?? 0))).toBeLessThanOrEqual(180);
          }
        }
        const drawn = new Set(pieces.flat().map(String));
        // A point that stands alone at the very edge is no line.
        for (const [longitude, latitude] of track) {
          if (Math.abs(longitude) < 180) expect(drawn.has(String([longitude, latitude]))).toBe(true);
        }
      }),
    );
  });
});

describe("CSV", () => {
  it("has a row for each reading and numbers as they are", () => {
    const rows = [
      ...toCsv({ column: "container", value: "CSQU3054383" }, [point(1, { temperatureC: -18.5, doorOpen: false })]),
    ]
      .join("")
      .split("\r\n");
    expect(rows[0]).toMatch(/^container,time,knownSince,received,stream,origin,offset,latitude,/);
    const columns = rows[0]?.split(",") ?? [];
    const cells = rows[1]?.split(",") ?? [];
    expect(cells).toHaveLength(columns.length);
    expect(cells[columns.indexOf("temperatureC")]).toBe("-18.5");
    expect(cells[columns.indexOf("doorOpen")]).toBe("false");
    expect(cells[columns.indexOf("humidityPct")]).toBe("");
    expect(rows).toHaveLength(3);
  });

  it("holds nothing that a spreadsheet takes for a formula or a second cell", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.constantFrom("=1+1", "@SUM(A1)", "+x", "-x", "\t=x", 'a"b', "a,b", "a\r\n=b")),
        (text) => {
          const written = cell(text);
          const quoted = /^"(?:[^"]|"")*"$/.test(written);
          expect(quoted || !/[",\r\n]/.test(written)).toBe(true);
          const read = quoted ? written.slice(1, -1).replaceAll('""', '"') : written;
          expect(/^[=+\-@\t\r\n]/.test(read)).toBe(false);
          expect(read === text || read === `'${text}`).toBe(true);
        },
      ),
    );
  });
});

describe("GPX", () => {
  it("begins a segment at each crossing and stays within the schema's bounds", () => {
    const gpx = [
      ...toGpx("CSQU3054383 <&>", [
        point(1, { latitude: 1, longitude: 179.5, temperatureC: 3 }),
        point(2, { temperatureC: 4 }),
        point(3, { latitude: 1, longitude: 180 }),
        point(4, { latitude: 0.00000001, longitude: -179.5 }),
      ]),
    ].join("");
    expect(gpx.match(/<trkseg>/g)).toHaveLength(2);
    expect(gpx.match(/<trkpt /g)).toHaveLength(3);
    expect(gpx).toContain("<name>CSQU3054383 &lt;&amp;&gt;</name>");
    expect(gpx).toContain(
      'lat="1" lon="179.5"><time>1970-01-01T00:01:00.000Z</time><extensions><lf:temperatureC>3</lf:temperatureC></extensions>',
    );
    for (const [, lat, lon] of gpx.matchAll(/lat="([^"]*)" lon="([^"]*)"/g)) {
      expect(`${lat} ${lon}`).toMatch(/^-?[0-9]+(\.[0-9]+)? -?[0-9]+(\.[0-9]+)?$/);
      expect(Number(lon)).toBeLessThan(180);
    }
  });

  it("is still a document where nothing has a position", () => {
    expect([...toGpx("x", [point(1)])].join("")).toMatch(/<trk><name>x<\/name>\n<\/trk>\n<\/gpx>\n$/);
    expect(escape("a\u0000\u0008b\uFFFF\uD800c")).toBe("abc");
  });
});

describe("GeoJSON", () => {
  it("has the cut track first and then every reading, where it has a place or not", () => {
    const features = featuresOf("X", { kind: "container" }, [
      point(1, { latitude: 0, longitude: 179 }),
      point(2),
      point(3, { latitude: 0, longitude: -179 }),
    ]);
    const lines: Coordinates[][] = [
      [
        [179, 0],
        [180, 0],
      ],
      [
        [-180, 0],
        [-179, 0],
      ],
    ];
    expect(features[0]).toMatchObject({ id: "X", geometry: { type: "MultiLineString", coordinates: lines } });
    expect(features.slice(1).map(({ geometry }) => geometry?.type ?? null)).toEqual(["Point", null, "Point"]);
    expect(featuresOf("X", {}, [])).toMatchObject([{ geometry: null }]);
  });
});
