import type { MapTiles } from "@landfall/proto/api";
import L from "leaflet";
import { MAX_ZOOM } from "./camera.js";

/** Leaflet's style sheet puts canvases, and so the land, at 100 of their pane. */
const ABOVE_CANVASES = 101;

/**
 * Tiles of the server that the settings of headquarters name, in front of the packed land, which stays where a tile does
 * not come. The style sheet quiets them: colour belongs to data.
 */
export function createTilesLayer({ url, maxZoom }: MapTiles): L.TileLayer {
  return L.tileLayer(url, {
    maxZoom: MAX_ZOOM,
    maxNativeZoom: maxZoom,
    zIndex: ABOVE_CANVASES,
    className: "map-tiles",
  });
}
