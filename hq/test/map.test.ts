import { describe, expect, it } from "vitest";
import type { ContainerState, ContainerStatus } from "@landfall/proto/api";
import type { StreamName } from "@landfall/streams/model/names";
import { contains, parseBoundingBox } from "../src/map/bbox.js";
import { ClusterIndex } from "../src/map/clusters.js";
import { ContainerFinder } from "../src/map/container-search.js";
import { FleetView } from "../src/view/fleet-view.js";
import { Perspective } from "../src/view/perspective.js";
import { record } from "./support/records.js";
import { at, containerNumber, reading, SHIP } from "./support/world.js";

const state = (serial: number, longitude: number, rest: Partial<ContainerState> = {}): ContainerState => ({
  container: containerNumber("CSQU", serial),
  owner: "duckworks",
  status: "fine",
  time: at(1),
  knownSince: at(1),
  latitude: 0,
  longitude,
  measurements: {},
  ...rest,
});

describe("bounding boxes", () => {
  it("may cross 180° in every way that maps write it", () => {
    const fiji = { west: 170, south: -20, east: 190, north: 0 };
    for (const text of ["170,-20,-170,0", "170,-20,190,0", "-190,-20,-170,0", "530,-20,550,0"]) {
      expect(parseBoundingBox(text), text).toEqual(fiji);
    }
    expect(contains(fiji, 175, -10)).toBe(true);
    expect(contains(fiji, -175, -10)).toBe(true);
    expect(contains(fiji, 0, -10)).toBe(false);
    expect(contains(fiji, 175, 10)).toBe(false);
    expect(parseBoundingBox("-180,-90,180,90")).toEqual({ west: -180, south: -90, east: 180, north: 90 });
    expect(parseBoundingBox("-500,-100,500,100")).toEqual({ west: -180, south: -90, east: 180, north: 90 });
    expect(parseBoundingBox("100,-10,180,10")).toMatchObject({ west: 100, east: 180 });
  });

  it.each(["", "1,2,3", "1,2,3,x", "1,2,3,4,5", "1,,3,4", "0,10,1,5", "NaN,0,1,1", "Infinity,0,1,1"])(
    "%j is none",
    (text) => {
      expect(() => parseBoundingBox(text)).toThrowError(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    },
  );
});

describe("clusters", () => {
  const counts = (index: ClusterIndex, box: string, zoom: number) =>
    index
      .inBox(parseBoundingBox(box), zoom)
      .map(({ properties }) => (properties.kind === "cluster" ? properties.count : 1))
      .toSorted((a, b) => a - b);

  it("count their members, by status, and say what all have in common", () => {
    const statuses: ContainerStatus[] = ["fine", "fine", "lost"];
    const index = ClusterIndex.of(statuses.map((status, i) => state(i, 100 + i / 1000, { status, vessel: SHIP })));
    const [cluster] = index.inBox(parseBoundingBox("90,-10,110,10"), 2);
    expect(cluster?.properties).toMatchObject({
      kind: "cluster",
      count: 3,
      statuses: { fine: 2, lost: 1 },
      vessel: SHIP,
    });
    const mixed = ClusterIndex.of([state(1, 100, { vessel: SHIP }), state(2, 100.001, { location: "JPTYO" })]);
    const [other] = mixed.inBox(parseBoundingBox("90,-10,110,10"), 2);
    expect(other?.properties).not.toHaveProperty("vessel");
    expect(other?.properties).not.toHaveProperty("location");
    // The first member's own numbers are not touched by adding up.
    expect(index.inBox(parseBoundingBox("90,-10,110,10"), 1)[0]?.properties).toMatchObject({
      statuses: { fine: 2, lost: 1 },
    });
  });

  it("are found across 180°, from either side, each once", () => {
    const index = ClusterIndex.of([state(1, 179), state(2, -179), state(3, 0)]);
    for (const box of ["170,-20,-170,20", "170,-20,190,20", "-190,-20,-170,20"])
      expect(counts(index, box, 8)).toEqual([1, 1]);
    expect(counts(index, "-180,-90,180,90", 8)).toEqual([1, 1, 1]);
  });

  it("fall apart at the zoom they name", () => {
    const index = ClusterIndex.of([state(1, 100), state(2, 101), state(3, 104)]);
    const [first] = index.inBox(parseBoundingBox("-180,-90,180,90"), 0);
    const zoom = first?.properties.kind === "cluster" ? first.properties.expansionZoom : 0;
    expect(counts(index, "-180,-90,180,90", zoom - 1)).toEqual([3]);
    expect(counts(index, "-180,-90,180,90", zoom)).not.toEqual([3]);
  });
});

describe("finding containers", () => {
  const view = new FleetView();
  const numbers = [5, 3, 1, 4, 2].map((serial) => containerNumber("CSQU", serial));
  numbers.forEach((container, i) => {
    view.apply(record("duckworks.containers", container, at(1), reading({ latitude: 0, longitude: 10 * i })));
  });
  view.apply(record("duckworks.containers", numbers[0] as string, at(2), { type: "LOAD", time: at(2), vessel: SHIP }));
  view.apply(
    record("duckworks.containers", numbers[1] as string, at(2), { type: "GTIN", time: at(2), location: "JPTYO" }),
  );
  const perspective = new Perspective(
    view,
    new Set(["duckworks.containers" as StreamName]),
    { shipName: () => undefined, lastLink: () => undefined },
    "r",
  );
  let now = 0;
  const finder = new ContainerFinder({ monotonic: () => now });
  const found = (search: Parameters<ContainerFinder["find"]>[1]) =>
    finder.find(perspective.refresh(), search).features.map(({ id }) => id);

  it("lists them in order of their numbers, page by page", () => {
    const sorted = numbers.toSorted();
    expect(found({})).toEqual(sorted);
    const first = finder.find(perspective, { limit: 2 });
    expect(first).toMatchObject({ matched: 5, total: 5, next: sorted[1] });
    expect(found({ limit: 2, after: sorted[1] as string })).toEqual(sorted.slice(2, 4));
    const last = finder.find(perspective, { limit: 2, after: sorted[3] as string });
    expect(last.features.map(({ id }) => id)).toEqual(sorted.slice(4));
    expect(last).not.toHaveProperty("next");
  });

  it("by part of the number, ship, terminal and box", () => {
    expect(found({ q: "csqu 000002" })).toEqual([containerNumber("CSQU", 2)]);
    expect(found({ q: "XXXX" })).toEqual([]);
    expect(found({ vessel: SHIP })).toEqual([numbers[0]]);
    expect(found({ location: "JPTYO" })).toEqual([numbers[1]]);
    expect(found({ bbox: parseBoundingBox("15,-1,25,1") })).toEqual([numbers[2]]);
    expect(finder.find(perspective, { zoom: 22, location: "JPTYO" }).features.map(({ id }) => id)).toEqual([
      numbers[1],
    ]);
  });

  it("by state and owner, alone and clustered", () => {
    const lost = new Set(["lost"] as const);
    expect(found({ statuses: lost })).toEqual([]);
    expect(finder.find(perspective, { statuses: lost, zoom: 3 })).toMatchObject({ matched: 0, total: 5 });
    expect(found({ owner: "duckworks", statuses: new Set(["fine"] as const) })).toHaveLength(5);
    expect(found({ owner: "polarfoods" })).toEqual([]);
  });

  it("builds its index anew at most once a second", () => {
    expect(finder.find(perspective.refresh(), { zoom: 22 }).matched).toBe(5);
    view.apply(
      record("duckworks.containers", containerNumber("CSQU", 9), at(1), reading({ latitude: 5, longitude: 5 })),
    );
    now += 999;
    expect(finder.find(perspective.refresh(), { zoom: 22 })).toMatchObject({ matched: 5, total: 6 });
    now += 1;
    expect(finder.find(perspective.refresh(), { zoom: 22 })).toMatchObject({ matched: 6, total: 6 });
  });

  it("makes a large index beside requests, which see the former one meanwhile", async () => {
    // Every look at this clock takes as long as a small index may.
    let slow = 0;
    const pauses: (() => void)[] = [];
    const large = new ContainerFinder(
      { monotonic: () => (slow += 20) },
      () => new Promise((resolve) => pauses.push(resolve)),
    );
    const before = large.find(perspective.refresh(), { zoom: 22 }).matched;
    view.apply(
      record("duckworks.containers", containerNumber("CSQU", 11), at(1), reading({ latitude: 6, longitude: 6 })),
    );
    slow += 10_000;
    expect(large.find(perspective.refresh(), { zoom: 22 }).matched).toBe(before);
    while (large.find(perspective, { zoom: 22 }).matched === before) {
      expect(pauses.length).toBeGreaterThan(0);
      for (const go of pauses.splice(0)) go();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(large.find(perspective, { zoom: 22 }).matched).toBe(before + 1);
  });
});
