import type { ClusterFeature, ContainerFeature, ContainerState, ContainerStatus } from "@landfall/proto/api";
import { CELLS_APART_FROM_ZOOM, CLUSTERS_MAX, INDEX_STRIDE, ZOOM_MAX } from "../limits.js";
import { contains, type BoundingBox } from "./bbox.js";
import {
  AXIS_BITS,
  AXIS_SQUARES,
  forward,
  latitudeOf,
  longitudeOf,
  sharedLevels,
  squaresBetween,
  squareX,
  squareY,
} from "./cell-code.js";
import { Columns, STATUS_COUNT, statusCounts, statusMask } from "./columns.js";
import { orderOf } from "./sort-codes.js";

/** Which of the containers count; everything that is left out counts all. */
export interface ClusterFilter {
  readonly statuses?: ReadonlySet<ContainerStatus>;
  readonly owner?: string;
}

/** The same in numbers of the columns. */
interface Query {
  readonly mask: number;
  readonly owner?: number;
}

/** A window in squares, around both axes. */
interface Window {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Containers with a position, in the order of where they are: what lies in one square of any grid lies together, and
 * what a view shows is found without looking at the rest (docs/adr/0027).
 */
export class ClusterIndex {
  private readonly codes: Float64Array;

  private constructor(private readonly columns: Columns) {
    this.codes = columns.codes;
  }

  static of(states: Iterable<ContainerState>): ClusterIndex {
    const building = ClusterIndex.building(states);
    for (;;) {
      const { done, value } = building.next();
      if (done) return value;
    }
  }

  /** Makes an index, a part at each `next`: a million takes half a second of processor time. */
  static *building(states: Iterable<ContainerState>): Generator<void, ClusterIndex> {
    let found = Columns.ofRoom(0);
    for (const state of states) {
      if (!isPlaced(state)) continue;
      found = found.grown();
      found.add(state);
      if (found.count % INDEX_STRIDE === 0) yield;
    }
    const order = yield* orderOf(found.codes, found.count, INDEX_STRIDE);
    const sorted = Columns.ofRoom(found.count, found.names);
    for (let i = 0; i < order.length; i++) {
      sorted.copy(found, order[i] ?? 0);
      if (i % INDEX_STRIDE === 0) yield;
    }
    return new ClusterIndex(sorted);
  }

  /** Clusters and single containers whose middle is in a box, no more than CLUSTERS_MAX: coarser than asked if need be. */
  inBox(box: BoundingBox, zoom: number, filter: ClusterFilter = {}): (ContainerFeature | ClusterFeature)[] {
    const { statuses, owner } = filter;
    const query = {
      mask: statusMask(statuses),
      ...(owner !== undefined && { owner: this.columns.names.find(owner) }),
    };
    for (let at = Math.floor(zoom); ; at--) {
      const found = this.atLevel(box, levelOf(at), query);
      if (found.length <= CLUSTERS_MAX || at <= 0) return found.slice(0, CLUSTERS_MAX);
    }
  }

  private atLevel(box: BoundingBox, level: number, query: Query): (ContainerFeature | ClusterFeature)[] {
    const found: (ContainerFeature | ClusterFeature)[] = [];
    const window = windowOf(box);
    const visit = (from: number, to: number): void => {
      const feature = this.feature(from, to, level, query);
      if (feature?.geometry && contains(box, ...feature.geometry.coordinates)) found.push(feature);
    };
    this.descend(window, level, visit, 0, 0, this.columns.count, 0, 0, 0);
    return found;
  }

  /** Visits every square of the grid that holds something and meets the window, as a range of positions. */
  private descend(
    window: Window,
    level: number,
    visit: (from: number, to: number) => void,
    depth: number,
    from: number,
    to: number,
    code: number,
    x: number,
    y: number,
  ): void {
    if (from >= to) return;
    const size = 2 ** (AXIS_BITS - depth);
    if (!meets(window.x, window.width, x, size) || !meets(window.y, window.height, y, size)) return;
    // What is alone is alone in every finer grid.
    if (depth === level || to - from === 1) {
      visit(from, to);
      return;
    }
    const half = size / 2;
    let start = from;
    for (let quarter = 0; quarter < 4; quarter++) {
      const next = code + half * half;
      const end = quarter === 3 ? to : this.firstFrom(next, start, to);
      this.descend(
        window,
        level,
        visit,
        depth + 1,
        start,
        end,
        code,
        x + (quarter & 1) * half,
        y + (quarter >> 1) * half,
      );
      [start, code] = [end, next];
    }
  }

  private firstFrom(code: number, from: number, to: number): number {
    let [low, high] = [from, to];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.codes[middle] ?? 0) < code) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private feature(
    from: number,
    to: number,
    level: number,
    query: Query,
  ): ContainerFeature | ClusterFeature | undefined {
    const { states, xs, ys, statuses, vessels, locations, owners, names } = this.columns;
    const counts = new Uint32Array(STATUS_COUNT);
    let [count, first, last, sumX, sumY] = [0, -1, -1, 0, 0];
    let [sameVessel, sameLocation] = [true, true];
    for (let i = from; i < to; i++) {
      const status = statuses[i] ?? 0;
      if (((query.mask >>> status) & 1) === 0 || (query.owner !== undefined && owners[i] !== query.owner)) continue;
      if (count === 0) first = i;
      last = i;
      count++;
      counts[status] = (counts[status] ?? 0) + 1;
      sameVessel &&= vessels[i] === vessels[first];
      sameLocation &&= locations[i] === locations[first];
      // Members of one square are never on both sides of where an axis begins.
      sumX += xs[i] ?? 0;
      sumY += ys[i] ?? 0;
    }
    if (count === 0) return undefined;
    if (count === 1) return containerFeature(states[first] as ContainerState);
    const vessel = sameVessel ? names.at(vessels[first] ?? 0) : undefined;
    const location = sameLocation ? names.at(locations[first] ?? 0) : undefined;
    return {
      type: "Feature",
      id: `cluster-${level}-${Math.floor((this.codes[from] ?? 0) / 4 ** (AXIS_BITS - level))}`,
      geometry: {
        type: "Point",
        coordinates: [degrees(longitudeOf(sumX / count)), degrees(latitudeOf(sumY / count))],
      },
      properties: {
        kind: "cluster",
        count,
        statuses: statusCounts(counts),
        expansionZoom: zoomBeyond(sharedLevels(this.codes[first] ?? 0, this.codes[last] ?? 0)),
        ...(vessel !== undefined && { vessel }),
        ...(location !== undefined && { location }),
      },
    };
  }
}

function isPlaced(
  state: ContainerState,
): state is ContainerState & { readonly longitude: number; readonly latitude: number } {
  return state.longitude !== undefined && state.latitude !== undefined;
}

export function containerFeature(state: ContainerState): ContainerFeature {
  const { longitude, latitude } = state;
  return {
    type: "Feature",
    id: state.container,
    geometry:
      longitude === undefined || latitude === undefined ? null : { type: "Point", coordinates: [longitude, latitude] },
    properties: { kind: "container", ...state },
  };
}

/** The grid of a zoom: squares of 64 pixels, of 16 where single containers are looked for (tiles of 512 pixels). */
function levelOf(zoom: number): number {
  return Math.min(AXIS_BITS, zoom + (zoom < CELLS_APART_FROM_ZOOM ? 3 : 5));
}

/** The first zoom at which things do not share a square any more; beyond the last one where they always do. */
function zoomBeyond(shared: number): number {
  for (let zoom = 0; zoom <= ZOOM_MAX; zoom++) if (levelOf(zoom) > shared) return zoom;
  return ZOOM_MAX + 1;
}

function windowOf(box: BoundingBox): Window {
  const isAround = box.east - box.west >= 360;
  const x = isAround ? 0 : squareX(box.west);
  return {
    x,
    y: squareY(box.north),
    width: isAround ? AXIS_SQUARES : forward(x, squareX(box.east)) + 1,
    height: Math.min(AXIS_SQUARES, squaresBetween(box.north, box.south) + 1),
  };
}

/** Whether two stretches of an axis that goes around have something in common. */
function meets(a: number, aLength: number, b: number, bLength: number): boolean {
  return forward(a, b) < aLength || forward(b, a) < bLength;
}

/** To a metre: nobody sees more, and answers are shorter. */
function degrees(value: number): number {
  return Math.round(value * 1e5) / 1e5;
}
