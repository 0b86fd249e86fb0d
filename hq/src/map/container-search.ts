import type { ContainersReply, ContainerState, ContainerStatus } from "@landfall/proto/api";
import type { Env } from "@landfall/streams/env";
import {
  CONTAINERS_LIMIT_DEFAULT,
  INDEX_AT_ONCE_MS,
  INDEX_REBUILD_MS_MIN,
  INDEX_REBUILD_SHARE_MAX,
  INDEX_SLICE_MS,
} from "../limits.js";
import type { Perspective } from "../view/perspective.js";
import { contains, WORLD, type BoundingBox } from "./bbox.js";
import { ClusterIndex, containerFeature } from "./clusters.js";
import { firstOf } from "./first-of.js";

export interface ContainerSearch {
  readonly bbox?: BoundingBox;
  readonly zoom?: number;
  readonly q?: string;
  readonly vessel?: string;
  readonly location?: string;
  readonly statuses?: ReadonlySet<ContainerStatus>;
  readonly owner?: string;
  readonly limit?: number;
  readonly after?: string;
}

interface Built {
  readonly index: ClusterIndex;
  readonly version: number;
  readonly at: number;
  readonly tookMs: number;
  /** The next one is being made. */
  isRenewed: boolean;
}

/** Answers `GET /api/containers` out of a perspective; keeps a point index for each that was asked with `zoom`. */
export class ContainerFinder {
  private readonly indexes = new WeakMap<Perspective, Built>();

  constructor(
    private readonly env: Pick<Env, "monotonic">,
    /** Lets others have a turn. */
    private readonly pause: () => Promise<void> = () => new Promise((resolve) => setImmediate(resolve)),
  ) {}

  find(perspective: Perspective, search: ContainerSearch): ContainersReply {
    const total = perspective.containers.size;
    if (search.zoom === undefined) return { ...page(perspective, search), total };
    const isOfFew = search.q !== undefined || search.vessel !== undefined || search.location !== undefined;
    // These filters leave few: they are clustered for this answer alone.
    const index = isOfFew ? ClusterIndex.of(matching(perspective, search)) : this.indexOf(perspective);
    const features = index.inBox(search.bbox ?? WORLD, search.zoom, search);
    const matched = features.reduce(
      (sum, { properties }) => sum + (properties.kind === "cluster" ? properties.count : 1),
      0,
    );
    return { type: "FeatureCollection", features, matched, total };
  }

  private indexOf(perspective: Perspective): ClusterIndex {
    const built = this.indexes.get(perspective);
    const now = this.env.monotonic();
    if (built) {
      const rest = Math.max(INDEX_REBUILD_MS_MIN, built.tookMs / INDEX_REBUILD_SHARE_MAX);
      if (built.isRenewed || built.version === perspective.changes.last || now - built.at < rest) return built.index;
      if (built.tookMs > INDEX_AT_ONCE_MS) {
        built.isRenewed = true;
        // Nothing in it can fail that would not fail for whoever asks first.
        void this.renew(perspective);
        return built.index;
      }
    }
    const version = perspective.changes.last;
    const index = ClusterIndex.of(perspective.containers.values());
    this.keep(perspective, index, version, this.env.monotonic() - now);
    return index;
  }

  /** Makes the next index in slices between requests, which see the former one meanwhile. */
  private async renew(perspective: Perspective): Promise<void> {
    const version = perspective.changes.last;
    const building = ClusterIndex.building(perspective.containers.values());
    let tookMs = 0;
    for (;;) {
      const begun = this.env.monotonic();
      for (;;) {
        const { done, value } = building.next();
        const passed = this.env.monotonic() - begun;
        if (done) {
          this.keep(perspective, value, version, tookMs + passed);
          return;
        }
        if (passed < INDEX_SLICE_MS) continue;
        tookMs += passed;
        break;
      }
      await this.pause();
    }
  }

  private keep(perspective: Perspective, index: ClusterIndex, version: number, tookMs: number): void {
    this.indexes.set(perspective, { index, version, at: this.env.monotonic(), tookMs, isRenewed: false });
  }
}

/** Single containers in order of their numbers. */
function page(perspective: Perspective, search: ContainerSearch): Omit<ContainersReply, "total"> {
  const { after, limit = CONTAINERS_LIMIT_DEFAULT } = search;
  const { matched, first, hasMore } = firstOf(matching(perspective, search), after, limit);
  const last = first.at(-1);
  return {
    type: "FeatureCollection",
    features: first.map(containerFeature),
    matched,
    ...(hasMore && last && { next: last.container }),
  };
}

function* matching(perspective: Perspective, search: ContainerSearch): Generator<ContainerState> {
  const { q, vessel, location, statuses, owner, bbox } = search;
  const part = q?.replaceAll(/[\s-]/g, "").toUpperCase();
  for (const state of vessel === undefined ? perspective.containers.values() : aboard(perspective, vessel)) {
    if (part !== undefined && !state.container.includes(part)) continue;
    if (location !== undefined && state.location !== location) continue;
    if (statuses !== undefined && !statuses.has(state.status)) continue;
    if (owner !== undefined && state.owner !== owner) continue;
    if (search.zoom !== undefined || isIn(state, bbox)) yield state;
  }
}

function* aboard(perspective: Perspective, vessel: string): Generator<ContainerState> {
  for (const container of perspective.containersAboard(vessel)) {
    const state = perspective.containers.get(container);
    if (state) yield state;
  }
}

function isIn({ latitude, longitude }: ContainerState, box: BoundingBox | undefined): boolean {
  if (!box) return true;
  return latitude !== undefined && longitude !== undefined && contains(box, longitude, latitude);
}
