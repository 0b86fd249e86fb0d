import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ContainerHistoryReply, ShipHistoryReply } from "@landfall/proto/api";
import { originId, streamName, topicName } from "@landfall/streams/model/names";
import type { Offset, Seq, TimestampMs } from "@landfall/streams/model/record";
import type { GapReason } from "@landfall/streams/model/gap";
import { placeGap, type GapEvidence } from "../src/history/gap-places.js";
import { toGeoJson, type HistoryFeature } from "../src/history/geojson.js";
import { toGpx } from "../src/history/gpx.js";
import { TestHq } from "./support/test-hq.js";
import { at, containerNumber, DUCKS, reading, SHIP } from "./support/world.js";

const NOWHERE = { before: undefined, after: undefined };
const seen = (own: [seq: number, time: number][], rest: Partial<GapEvidence> = {}): GapEvidence => ({
  own: own.map(([seq, time]) => ({ seq, time })),
  elsewhere: [],
  aboard: [],
  ...rest,
});

describe("a gap's place in time (R6)", () => {
  const gap = { from: 10, to: 20 };

  it("is between the topic's records that the origin stored before and after it", () => {
    expect(
      placeGap(
        gap,
        seen([
          [2, 100],
          [9, 200],
          [20, 500],
          [31, 600],
        ]),
        NOWHERE,
      ),
    ).toEqual([{ from: 200, to: 500 }]);
  });

  it("has no end where nothing came after, and no beginning where nothing came before", () => {
    expect(placeGap(gap, seen([[9, 200]]), NOWHERE)).toEqual([{ from: 200, to: Infinity }]);
    expect(placeGap(gap, seen([[20, 500]]), NOWHERE)).toEqual([{ from: -Infinity, to: 500 }]);
  });

  it("is narrowed by the origin's records of other topics right beside it, unless a sensor sent so late that nothing is left", () => {
    const evidence = seen([
      [1, 100],
      [90, 900],
    ]);
    expect(placeGap(gap, evidence, { before: 300, after: 400 })).toEqual([{ from: 300, to: 400 }]);
    expect(placeGap(gap, evidence, { before: 950, after: 990 })).toEqual([{ from: 100, to: 900 }]);
  });

  it("leaves out the time that a container was measured elsewhere", () => {
    const between = seen(
      [
        [1, 100],
        [90, 900],
      ],
      { elsewhere: [50, 200, 300, 950] },
    );
    expect(placeGap(gap, between, NOWHERE)).toEqual([
      { from: 100, to: 200 },
      { from: 300, to: 900 },
    ]);
    expect(placeGap(gap, between, { before: 400, after: 500 })).toEqual([{ from: 400, to: 500 }]);
    // Missing of another voyage than the one it was on.
    expect(placeGap(gap, between, { before: 210, after: 290 })).toEqual([]);
    expect(placeGap(gap, seen([[90, 900]], { elsewhere: [800] }), { before: 300, after: 400 })).toEqual([]);
  });

  it("is a whole voyage when nothing but loading and discharge is known of it", () => {
    expect(placeGap(gap, seen([]), NOWHERE)).toEqual([]);
    const aboard = seen([], { aboard: [{ from: 100, to: 400 }], elsewhere: [100, 400] });
    expect(placeGap(gap, aboard, NOWHERE)).toEqual([{ from: 100, to: 400 }]);
    expect(placeGap(gap, aboard, { before: 500, after: 700 })).toEqual([]);
  });
});

describe("formats", () => {
  const point = (day: number, longitude: number) => ({
    time: at(day),
    knownSince: at(day),
    offset: day,
    origin: "o",
    stream: "s",
    longitude,
    latitude: 0,
  });
  const points = [point(1, 10), point(2, 11), point(5, 14), point(6, 15)];
  const gap = {
    stream: "s",
    origin: "o",
    fromSeq: 2,
    toSeq: 4,
    records: 2,
    reason: "missed" as const,
    from: at(2),
    to: at(5),
  };

  it("GeoJSON cuts the track at a gap, and lists the gap with its reason", () => {
    const { features } = JSON.parse([...toGeoJson("X", {}, points, [gap])].join("")) as { features: HistoryFeature[] };
    expect(features[0]?.geometry?.coordinates).toEqual([
      [
        [10, 0],
        [11, 0],
      ],
      [
        [14, 0],
        [15, 0],
      ],
    ]);
    expect(features.at(-1)).toEqual({ type: "Feature", geometry: null, properties: { kind: "gap", ...gap } });
  });

  it("GPX begins a new segment behind a gap", () => {
    expect([...toGpx("X", points)].join("").match(/<trkseg>/g)).toHaveLength(1);
    expect([...toGpx("X", points, [gap])].join("").match(/<trkseg>/g)).toHaveLength(2);
  });
});

describe("histories with gaps (R6)", () => {
  const ORIGIN = originId(`ship-${SHIP}.a~000000000001`);
  const OTHER_BOX = containerNumber("DUCU", 77);
  let hq: TestHq;
  beforeAll(async () => {
    hq = await TestHq.start();
  });
  afterAll(() => hq.close());

  /** What the ship's node stored: at each seq one record, of the topic given, measured on a day of January. */
  const ashore = async (stream: string, seq: number, topic: string, day: number, value: object): Promise<void> => {
    const timestamp = Date.parse(at(day)) as TimestampMs;
    const name = streamName(stream);
    await hq.hq.node.store.apply({
      stream: name,
      origin: ORIGIN,
      firstSeq: seq as Seq,
      records: [
        {
          topic: topicName(topic),
          seq: seq as Seq,
          offset: (Date.parse(at(1)) * 1000 + seq * 1024) as Offset,
          timestamp,
          received: timestamp,
          headers: {},
          value: new TextEncoder().encode(JSON.stringify(value)),
        },
      ],
    });
    await hq.hq.sync.catchUp(name);
  };
  const missing = (stream: string, from: number, to: number, reason: GapReason) =>
    hq.hq.node.store.noteGap(streamName(stream), ORIGIN, { from: from as Seq, to: to as Seq, reason });
  const history = async (as: string, query = "") =>
    (await hq.ask(`/api/containers/${DUCKS}/history${query}`, { as })).json<ContainerHistoryReply>();

  it("say what is missing, why, and between which times; a part of time says what concerns it", async () => {
    await ashore("duckworks.containers", 0, DUCKS, 3, reading());
    await ashore("duckworks.containers", 1, OTHER_BOX, 4, reading());
    await missing("duckworks.containers", 2, 50, "missed");
    await missing("duckworks.containers", 50, 60, "damaged");
    await ashore("duckworks.containers", 60, OTHER_BOX, 8, reading());
    await ashore("duckworks.containers", 61, DUCKS, 9, reading());
    const gap = { stream: "duckworks.containers", origin: ORIGIN, from: at(4), to: at(8) };
    const expected = [
      { ...gap, fromSeq: 2, toSeq: 50, records: 48, reason: "missed" },
      { ...gap, fromSeq: 50, toSeq: 60, records: 10, reason: "damaged" },
    ];
    expect((await history("ducky")).gaps).toEqual(expected);
    expect((await history("ducky", `?to=${at(4)}`)).gaps).toEqual([]);
    expect((await history("ducky", `?from=${at(8)}`)).gaps).toEqual([]);
    expect((await history("ducky", `?from=${at(5)}&to=${at(6)}`)).gaps).toEqual(
      expected.map((one) => ({ ...one, from: at(5), to: at(6) })),
    );
    const geojson = await hq.ask(`/api/containers/${DUCKS}/history?format=geojson`, { as: "ducky" });
    const kinds = geojson
      .json<{ features: { properties: { kind?: string; reason?: string } }[] }>()
      .features.filter(({ properties }) => properties.kind === "gap");
    expect(kinds.map(({ properties }) => properties.reason)).toEqual(["missed", "damaged"]);
  });

  it("say nothing of streams that are not the reader's", async () => {
    await hq.put("bigblue.unassigned", DUCKS, at(10), reading());
    await ashore("bigblue.unassigned", 0, DUCKS, 11, reading());
    await missing("bigblue.unassigned", 1, 5, "missed");
    await ashore("bigblue.unassigned", 5, DUCKS, 13, reading());
    const streams = async (as: string) => (await history(as)).gaps.map(({ stream }) => stream);
    expect(await streams("ducky")).toEqual(["duckworks.containers", "duckworks.containers"]);
    expect(await streams("ops")).toEqual(["duckworks.containers", "duckworks.containers", "bigblue.unassigned"]);
  });

  it("close when what was missing turns up", async () => {
    for (let seq = 1; seq < 5; seq++) await ashore("bigblue.unassigned", seq, DUCKS, 12, reading());
    expect((await history("ops")).gaps.map(({ stream }) => stream)).not.toContain("bigblue.unassigned");
  });

  it("of ships have gaps for who may read their stream, and for nobody else", async () => {
    const position = { latitude: 1, longitude: 100 };
    await hq.put("duckworks.containers", DUCKS, at(1), { type: "LOAD", time: at(1), location: "JPTYO", vessel: SHIP });
    await ashore("bigblue.ships", 0, `${SHIP}.position`, 2, position);
    await missing("bigblue.ships", 1, 9, "missed");
    await ashore("bigblue.ships", 9, `${SHIP}.environment`, 6, { temperatureC: 20 });
    await ashore("bigblue.ships", 10, `${SHIP}.position`, 7, position);
    const ship = async (as: string) => (await hq.ask(`/api/ships/${SHIP}/history`, { as })).json<ShipHistoryReply>();
    expect((await ship("ops")).gaps).toMatchObject([{ from: at(2), to: at(6), records: 8, reason: "missed" }]);
    const ducky = await ship("ducky");
    expect(ducky.points).toHaveLength(2);
    expect(ducky.gaps).toEqual([]);
  });
});
