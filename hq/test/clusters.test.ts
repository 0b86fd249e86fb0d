import { describe, expect, it } from "vitest";
import type { ContainerState, ContainerStatus } from "@landfall/proto/api";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import { CLUSTERS_MAX } from "../src/limits.js";
import { contains, parseBoundingBox } from "../src/map/bbox.js";
import { AXIS_SQUARES, codeOf, latitudeOf, longitudeOf, sharedLevels, squareX, squareY } from "../src/map/cell-code.js";
import { ClusterIndex } from "../src/map/clusters.js";
import { firstOf } from "../src/map/first-of.js";
import { orderOf } from "../src/map/sort-codes.js";
import { at, containerNumber } from "./support/world.js";

const SEED = testSeed(20261129);
const STATUSES: readonly ContainerStatus[] = ["fine", "lost", "door-open", "unknown"];

const placed = (serial: number, longitude: number, latitude: number, rest: Partial<ContainerState> = {}) => ({
  container: containerNumber("CSQU", serial),
  owner: "duckworks",
  status: "fine" as ContainerStatus,
  time: at(1),
  knownSince: at(1),
  latitude,
  longitude,
  measurements: {},
  ...rest,
});
type Placed = ReturnType<typeof placed>;

/** Some about places, as a fleet's are, some anywhere. */
function someFleet(random: () => number, count: number): Placed[] {
  const places = Array.from({ length: 12 }, () => [360 * random() - 180, 160 * random() - 80] as const);
  return Array.from({ length: count }, (_, i) => {
    const [longitude, latitude] = places[i % places.length] as readonly [number, number];
    const wide = random() < 0.2;
    const x = wide ? 360 * random() - 180 : longitude + 0.01 * random();
    return placed(i, x > 180 ? x - 360 : x, wide ? 160 * random() - 80 : latitude + 0.01 * random(), {
      status: STATUSES[Math.floor(STATUSES.length * random())] ?? "fine",
      owner: random() < 0.5 ? "duckworks" : "polarfoods",
    });
  });
}

const countOf = ({ properties }: ReturnType<ClusterIndex["inBox"]>[number]): number =>
  properties.kind === "cluster" ? properties.count : 1;

describe("squares of the world", () => {
  it("are where they say, to less than a metre, on both sides of 180° and of the equator", () => {
    for (const longitude of [-180, -179.999, -0.001, 0, 139.79, 179.999]) {
      // The same meridian has two names.
      const turn = longitudeOf(squareX(longitude)) - longitude;
      expect(turn - 360 * Math.round(turn / 360)).toBeCloseTo(0, 4);
    }
    for (const latitude of [-85, -33.97, -0.001, 0, 1.26, 84.9]) {
      expect(latitudeOf(squareY(latitude))).toBeCloseTo(latitude, 4);
    }
    for (const latitude of [-90, 90]) expect(squareY(latitude)).toBeLessThan(AXIS_SQUARES);
  });

  it("share as many levels as the leading bits of both axes are the same", () => {
    console.log(`seed ${SEED}`);
    const random = seededRandom(SEED);
    for (let i = 0; i < 2_000; i++) {
      const near = random() < 0.5 ? 2 ** Math.floor(26 * random()) : AXIS_SQUARES;
      const [x, y] = [Math.floor(AXIS_SQUARES * random()), Math.floor(AXIS_SQUARES * random())];
      const [u, v] = [
        Math.min(AXIS_SQUARES - 1, x + Math.floor(near * random())),
        Math.min(AXIS_SQUARES - 1, y + Math.floor(near * random())),
      ];
      let levels = 26;
      while (
        levels > 0 &&
        (x >>> (26 - levels) !== u >>> (26 - levels) || y >>> (26 - levels) !== v >>> (26 - levels))
      ) {
        levels--;
      }
      expect(sharedLevels(codeOf(x, y), codeOf(u, v))).toBe(levels);
    }
  });

  it("are sorted by their codes", () => {
    const random = seededRandom(SEED);
    const codes = Float64Array.from({ length: 5_000 }, () => Math.floor(2 ** 52 * random()));
    const sorting = orderOf(codes, codes.length, 100);
    let step = sorting.next();
    while (!step.done) step = sorting.next();
    expect([...step.value].map((i) => codes[i])).toEqual([...codes].toSorted((a, b) => a - b));
  });
});

describe("clusters of many", () => {
  it("hold each container of a box once, in every box and zoom; counts, states and places are right", () => {
    console.log(`seed ${SEED}`);
    const random = seededRandom(SEED);
    // Few enough that no zoom has to be taken coarser.
    const fleet = someFleet(random, CLUSTERS_MAX - 1);
    const index = ClusterIndex.of(fleet);
    const world = parseBoundingBox("-180,-90,180,90");
    for (let zoom = 0; zoom <= 22; zoom++) {
      const found = index.inBox(world, zoom);
      expect(
        found.reduce((sum, feature) => sum + countOf(feature), 0),
        `zoom ${zoom}`,
      ).toBe(fleet.length);
      for (const { properties } of found) {
        if (properties.kind !== "cluster") continue;
        const sum = Object.values(properties.statuses).reduce((a, b) => a + b, 0);
        expect(sum).toBe(properties.count);
        expect(properties.expansionZoom).toBeGreaterThan(zoom);
      }
    }
    // Boxes next to each other share nothing and miss nothing, across 180° as well.
    for (let i = 0; i < 50; i++) {
      const zoom = Math.floor(18 * random());
      const [west, middle] = [100 + 60 * random(), 170 + 20 * random()];
      const [left, right, both] = [
        [west, middle],
        [middle, 230],
        [west, 230],
      ].map(([from, to]) => index.inBox(parseBoundingBox(`${from},-60,${to},60`), zoom));
      const names = [...(left ?? []), ...(right ?? [])].map(({ id }) => id);
      expect(names.toSorted()).toEqual((both ?? []).map(({ id }) => id).toSorted());
    }
  });

  it("stand in the middle of what they hold, and in the box that is asked for", () => {
    const index = ClusterIndex.of([placed(1, 179.99, 10), placed(2, -179.99, 10), placed(3, 179.99, 10.02)]);
    const box = parseBoundingBox("170,0,-170,20");
    const [cluster] = index.inBox(box, 3);
    expect(cluster && countOf(cluster)).toBe(3);
    const [longitude = 0, latitude = 0] = cluster?.geometry?.coordinates ?? [];
    expect(Math.abs(longitude)).toBeGreaterThan(179.98);
    expect(latitude).toBeCloseTo(10.0067, 3);
    expect(contains(box, longitude, latitude)).toBe(true);
  });

  it("are taken coarser where there would be more than anybody can look at", () => {
    const random = seededRandom(SEED);
    const fleet = Array.from({ length: 20_000 }, (_, i) => placed(i, 360 * random() - 180, 160 * random() - 80));
    const found = ClusterIndex.of(fleet).inBox(parseBoundingBox("-180,-90,180,90"), 12);
    expect(found.length).toBeLessThanOrEqual(CLUSTERS_MAX);
    expect(found.reduce((sum, feature) => sum + countOf(feature), 0)).toBe(fleet.length);
  });

  it("count only what a filter leaves; one that is left alone is itself", () => {
    const fleet = [
      placed(1, 100, 0, { status: "lost" }),
      placed(2, 100, 0),
      placed(3, 100, 0, { owner: "polarfoods" }),
    ];
    const index = ClusterIndex.of(fleet);
    const box = parseBoundingBox("90,-10,110,10");
    expect(index.inBox(box, 2).map(countOf)).toEqual([3]);
    expect(index.inBox(box, 2, { statuses: new Set(["lost"]) }).map(({ id }) => id)).toEqual([fleet[0]?.container]);
    expect(index.inBox(box, 2, { owner: "polarfoods" }).map(({ id }) => id)).toEqual([fleet[2]?.container]);
    expect(index.inBox(box, 2, { statuses: new Set(["door-open"]) })).toEqual([]);
    expect(index.inBox(box, 2, { owner: "nobody" })).toEqual([]);
  });

  it("keep their names while others come and go elsewhere", () => {
    const near = [placed(1, 100, 0), placed(2, 100.001, 0)];
    const box = parseBoundingBox("90,-10,110,10");
    const before = ClusterIndex.of(near).inBox(box, 4);
    const after = ClusterIndex.of([placed(9, -50, 40), ...near.toReversed()]).inBox(box, 4);
    expect(after).toEqual(before);
  });
});

describe("the first few of many", () => {
  it("are what sorting all of them gives, page by page", () => {
    console.log(`seed ${SEED}`);
    const random = seededRandom(SEED);
    const fleet = someFleet(random, 1_000).sort(() => random() - 0.5);
    const sorted = fleet.map(({ container }) => container).toSorted();
    for (const limit of [1, 7, 100, 5_000]) {
      const pages: string[] = [];
      for (let after: string | undefined; ; after = pages.at(-1)) {
        const { matched, first, hasMore } = firstOf(fleet, after, limit);
        expect(matched).toBe(fleet.length);
        pages.push(...first.map(({ container }) => container));
        if (!hasMore) break;
      }
      expect(pages).toEqual(sorted);
    }
  });
});
