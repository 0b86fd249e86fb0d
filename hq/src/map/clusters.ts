import Supercluster, { type ClusterFeature as FoundCluster, type PointFeature } from "supercluster";
import type { ClusterFeature, ContainerFeature, ContainerState, ContainerStatus } from "@landfall/proto/api";
import { CLUSTER_RADIUS_PX, CLUSTERS_MAX, ZOOM_MAX } from "../limits.js";
import type { BoundingBox } from "./bbox.js";

/** What every point carries, and what clusters add up. `mixed` once members differ. */
interface Sum {
  statuses: Partial<Record<ContainerStatus, number>>;
  vessel: string | undefined;
  location: string | undefined;
}

interface Point {
  readonly state: ContainerState;
}

/** Containers with a position, clustered for every zoom level. */
export class ClusterIndex {
  private readonly index = new Supercluster<Point, Sum>({
    radius: CLUSTER_RADIUS_PX,
    maxZoom: ZOOM_MAX,
    map: ({ state }) => ({ statuses: { [state.status]: 1 }, vessel: state.vessel, location: state.location }),
    reduce(sum, { statuses, vessel, location }) {
      // The first member's counts are not this cluster's to change.
      const added = { ...sum.statuses };
      for (const [status, count] of Object.entries(statuses) as [ContainerStatus, number][]) {
        added[status] = (added[status] ?? 0) + count;
      }
      sum.statuses = added;
      if (sum.vessel !== vessel) sum.vessel = undefined;
      if (sum.location !== location) sum.location = undefined;
    },
  });

  constructor(states: Iterable<ContainerState>) {
    const points: PointFeature<Point>[] = [];
    // In one order whatever came first: the same containers make the same clusters.
    for (const state of [...states].sort((a, b) => (a.container < b.container ? -1 : 1))) {
      const coordinates = coordinatesOf(state);
      if (coordinates) {
        points.push({
          type: "Feature",
          geometry: { type: "Point", coordinates: [...coordinates] },
          properties: { state },
        });
      }
    }
    this.index.load(points);
  }

  /** Clusters and single containers in a box, no more than CLUSTERS_MAX: coarser than asked if need be. */
  inBox(box: BoundingBox, zoom: number): (ContainerFeature | ClusterFeature)[] {
    for (let at = Math.floor(zoom); ; at--) {
      const found = this.index.getClusters([box.west, box.south, box.east, box.north], at);
      if (found.length <= CLUSTERS_MAX || at <= 0) return found.slice(0, CLUSTERS_MAX).map((one) => this.feature(one));
    }
  }

  private feature(found: FoundCluster<Sum> | PointFeature<Point>): ContainerFeature | ClusterFeature {
    const { properties } = found;
    if (!("cluster" in properties)) return containerFeature(properties.state);
    const [longitude = 0, latitude = 0] = found.geometry.coordinates;
    return {
      type: "Feature",
      id: `cluster-${properties.cluster_id}`,
      geometry: { type: "Point", coordinates: [longitude, latitude] },
      properties: {
        kind: "cluster",
        count: properties.point_count,
        statuses: properties.statuses,
        expansionZoom: this.index.getClusterExpansionZoom(properties.cluster_id),
        ...(properties.vessel !== undefined && { vessel: properties.vessel }),
        ...(properties.location !== undefined && { location: properties.location }),
      },
    };
  }
}

export function containerFeature(state: ContainerState): ContainerFeature {
  const coordinates = coordinatesOf(state);
  return {
    type: "Feature",
    id: state.container,
    geometry: coordinates ? { type: "Point", coordinates } : null,
    properties: { kind: "container", ...state },
  };
}

function coordinatesOf({ longitude, latitude }: ContainerState): readonly [number, number] | undefined {
  return longitude === undefined || latitude === undefined ? undefined : [longitude, latitude];
}
