import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { cutCoast, cutRing, type BandLine, type BandRing, type Ring } from "./cut-rings.js";

/** A file of the world-atlas package (Natural Earth's land, public domain). */
export type LandTopology = Topology<{ land: GeometryCollection }>;

/** Land ready to draw: rings to fill (even-odd, holes included) and coast lines to stroke. */
export interface Land {
  readonly rings: readonly BandRing[];
  readonly coasts: readonly BandLine[];
}

/** Stitching left a hole of a millimetre at the south pole in some files; it is no coast. */
const POLE_ARTEFACT_DEG = 89;

export function prepareLand(topology: LandTopology): Land {
  const rings: BandRing[] = [];
  const coasts: BandLine[] = [];
  for (const ring of landRings(topology)) {
    if (ring.every((point) => Math.abs(point[1]) > POLE_ARTEFACT_DEG)) continue;
    rings.push(...cutRing(ring));
    coasts.push(...cutCoast(ring));
  }
  return { rings, coasts };
}

function* landRings(topology: LandTopology): Generator<Ring> {
  for (const { geometry } of feature(topology, topology.objects.land).features) {
    const polygons =
      geometry.type === "MultiPolygon"
        ? geometry.coordinates
        : geometry.type === "Polygon"
          ? [geometry.coordinates]
          : [];
    for (const polygon of polygons) for (const ring of polygon) yield ring as unknown as Ring;
  }
}
