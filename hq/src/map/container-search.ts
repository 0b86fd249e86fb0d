import type { ContainersReply, ContainerState } from "@landfall/proto/api";
import type { Env } from "@landfall/streams/env";
import { CONTAINERS_LIMIT_DEFAULT, INDEX_REBUILD_MS_MIN, INDEX_REBUILD_SHARE_MAX } from "../limits.js";
import type { Perspective } from "../view/perspective.js";
import { contains, WORLD, type BoundingBox } from "./bbox.js";
import { ClusterIndex, containerFeature } from "./clusters.js";

export interface ContainerSearch {
  readonly bbox?: BoundingBox;
  readonly zoom?: number;
  readonly q?: string;
  readonly vessel?: string;
  readonly location?: string;
  readonly limit?: number;
  readonly after?: string;
}

interface Built {
  readonly index: ClusterIndex;
  readonly version: number;
  readonly at: number;
  readonly tookMs: number;
}

/** Answers `GET /api/containers` out of a perspective; keeps a point index for each that was asked with `zoom`. */
export class ContainerFinder {
  private readonly indexes = new WeakMap<Perspective, Built>();

  constructor(private readonly env: Pick<Env, "monotonic">) {}

  find(perspective: Perspective, search: ContainerSearch): ContainersReply {
    const total = perspective.containers.size;
    if (search.zoom === undefined) return { ...page(perspective, search), total };
    const isFiltered = search.q !== undefined || search.vessel !== undefined || search.location !== undefined;
    // A filter leaves few: they are clustered for this answer alone.
    const index = isFiltered ? new ClusterIndex(matching(perspective, search)) : this.indexOf(perspective);
    const features = index.inBox(search.bbox ?? WORLD, search.zoom);
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
      if (built.version === perspective.changes.last || now - built.at < rest) return built.index;
    }
    const index = new ClusterIndex(perspective.containers.values());
    const at = this.env.monotonic();
    this.indexes.set(perspective, { index, version: perspective.changes.last, at, tookMs: at - now });
    return index;
  }
}

/** Single containers in order of their numbers. */
function page(perspective: Perspective, search: ContainerSearch): Omit<ContainersReply, "total"> {
  const found = matching(perspective, search)
    .filter((state) => isIn(state, search.bbox))
    .sort((a, b) => (a.container < b.container ? -1 : 1));
  const { after, limit = CONTAINERS_LIMIT_DEFAULT } = search;
  const rest = after === undefined ? found : found.filter(({ container }) => container > after);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return {
    type: "FeatureCollection",
    features: shown.map(containerFeature),
    matched: found.length,
    ...(rest.length > limit && last && { next: last.container }),
  };
}

function matching(perspective: Perspective, { q, vessel, location }: ContainerSearch): ContainerState[] {
  const part = q?.replaceAll(/[\s-]/g, "").toUpperCase();
  const pool = vessel === undefined ? perspective.containers.values() : aboard(perspective, vessel);
  return [...pool].filter(
    (state) =>
      (part === undefined || state.container.includes(part)) && (location === undefined || state.location === location),
  );
}

function aboard(perspective: Perspective, vessel: string): ContainerState[] {
  return [...perspective.containersAboard(vessel)]
    .map((container) => perspective.containers.get(container))
    .filter((state) => state !== undefined);
}

function isIn({ latitude, longitude }: ContainerState, box: BoundingBox | undefined): boolean {
  if (!box) return true;
  return latitude !== undefined && longitude !== undefined && contains(box, longitude, latitude);
}
