/**
 * The server clusters for tiles of 512 pixels, the map draws tiles of 256: one level coarser gives clusters that do
 * not lie on each other.
 */
const SERVER_ZOOM_STEP = 1;

export function toServerZoom(zoom: number): number {
  return Math.max(0, Math.round(zoom) - SERVER_ZOOM_STEP);
}

/** The map's zoom at which a cluster falls apart that the server says falls apart at `expansionZoom`. */
export function fromServerZoom(expansionZoom: number): number {
  return expansionZoom + SERVER_ZOOM_STEP;
}
