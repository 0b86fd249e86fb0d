import type { ClusterFeature, ContainerFeature, ContainersReply } from "@landfall/proto/api";
import { fromServerZoom } from "../server-zoom.js";
import { STATUS_ORDER } from "../status.js";
import type { Hit, Painter } from "./canvas-layer.js";
import { copyOffsets, toX, toY, type Frame } from "./frame.js";
import { placesAround, type Rect } from "./label-space.js";
import { drawStatus, SHAPE_PX } from "./status-shape.js";
import { clusterLines, containerLines } from "./tooltips.js";

const CLUSTER_HEIGHT_PX = 23;
const STRIP_PX = 4;
/** A state with few containers among many still gets this much of the strip. */
const STRIP_LEAST_PX = 3;
const DECK_ZOOM = 11;

type Drawn =
  | { readonly kind: "cluster"; readonly rect: Rect; readonly feature: ClusterFeature }
  | { readonly kind: "container"; readonly rect: Rect; readonly feature: ContainerFeature };

/** Containers by their state's shape; clusters as a square with a number and a strip of the states inside. */
export class ContainersPainter implements Painter {
  #reply: ContainersReply | undefined;
  #selected: string | undefined;
  #nowMs = 0;
  #maxZoom = 18;
  #shipName: (imo: string) => string | undefined = () => undefined;
  #drawn: Drawn[] = [];

  set(model: {
    readonly reply: ContainersReply | undefined;
    readonly selected: string | undefined;
    readonly nowMs: number;
    readonly maxZoom: number;
    readonly shipName: (imo: string) => string | undefined;
  }): void {
    this.#reply = model.reply;
    this.#selected = model.selected;
    this.#nowMs = model.nowMs;
    this.#maxZoom = model.maxZoom;
    this.#shipName = model.shipName;
  }

  paint(frame: Frame): boolean {
    this.#drawn = [];
    const features = this.#reply?.features ?? [];
    for (const feature of features) {
      if (feature.properties.kind === "container") this.#single(frame, feature as ContainerFeature);
    }
    // Large ones first: they get the place nearest to the truth.
    const clusters = features
      .filter((feature): feature is ClusterFeature => feature.properties.kind === "cluster")
      .sort((a, b) => b.properties.count - a.properties.count);
    for (const cluster of clusters) this.#cluster(frame, cluster);
    return false;
  }

  hit(x: number, y: number): Hit | undefined {
    const reach = 4;
    const found = this.#drawn.findLast(
      ({ rect }) =>
        x >= rect.x - reach &&
        x <= rect.x + rect.width + reach &&
        y >= rect.y - reach &&
        y <= rect.y + rect.height + reach,
    );
    if (!found) return undefined;
    if (found.kind === "container") {
      const { properties } = found.feature;
      return {
        selection: { kind: "container", id: properties.container },
        lines: containerLines(properties, this.#nowMs),
      };
    }
    const { properties, geometry } = found.feature;
    const lines = clusterLines(
      found.feature,
      properties.vessel === undefined ? undefined : this.#shipName(properties.vessel),
    );
    const [longitude, latitude] = geometry.coordinates;
    // What falls apart only among the boxes on deck is better read as a list, on its ship's card.
    const zoom = fromServerZoom(properties.expansionZoom);
    if (properties.vessel !== undefined && zoom > DECK_ZOOM) {
      return { selection: { kind: "ship", id: properties.vessel }, lines };
    }
    return { zoomTo: { latitude, longitude, zoom: Math.min(zoom, this.#maxZoom) }, lines };
  }

  #single(frame: Frame, feature: ContainerFeature): void {
    if (!feature.geometry) return;
    const { properties } = feature;
    const [lon, lat] = feature.geometry.coordinates;
    const { ctx, palette } = frame;
    for (const offset of copyOffsets(frame, lon, lon)) {
      const x = toX(frame, lon) + offset - SHAPE_PX / 2;
      const y = toY(frame, lat) - SHAPE_PX / 2;
      const rect = { x, y, width: SHAPE_PX, height: SHAPE_PX };
      this.#drawn.push({ kind: "container", rect, feature });
      frame.labels.take(rect);
      ctx.save();
      ctx.translate(x, y);
      if (properties.container === this.#selected) {
        ctx.strokeStyle = palette.accent;
        ctx.lineWidth = 2;
        ctx.strokeRect(-4, -4, SHAPE_PX + 8, SHAPE_PX + 8);
      }
      drawStatus(frame, properties.status);
      ctx.restore();
    }
  }

  #cluster(frame: Frame, feature: ClusterFeature): void {
    const { ctx, palette } = frame;
    const [lon, lat] = feature.geometry.coordinates;
    const text = shortCount(feature.properties.count);
    ctx.font = `600 12px ${palette.font}`;
    const width = Math.max(CLUSTER_HEIGHT_PX, Math.ceil(ctx.measureText(text).width) + 12);
    for (const offset of copyOffsets(frame, lon, lon)) {
      const x = toX(frame, lon) + offset;
      const y = toY(frame, lat);
      const places = placesAround(x, y, width + 4, CLUSTER_HEIGHT_PX + 4, [8, 24, 40]);
      const place = frame.labels.place(places) ?? places[0];
      if (!place) continue;
      const rect = { x: Math.round(place.x + 2), y: Math.round(place.y + 2), width, height: CLUSTER_HEIGHT_PX };
      this.#drawn.push({ kind: "cluster", rect, feature });
      if (place !== places[0] && places.indexOf(place) > 8) leader(frame, x, y, rect);
      ctx.fillStyle = palette.paper;
      ctx.strokeStyle = palette.ink;
      ctx.lineWidth = 1;
      ctx.fillRect(rect.x, rect.y, rect.width, rect.height);
      this.#strip(frame, feature, rect);
      ctx.strokeRect(rect.x + 0.5, rect.y + 0.5, rect.width - 1, rect.height - 1);
      ctx.fillStyle = palette.ink;
      ctx.textAlign = "center";
      ctx.textBaseline = "alphabetic";
      ctx.font = `600 12px ${palette.font}`;
      ctx.fillText(text, rect.x + rect.width / 2, rect.y + 14);
    }
  }

  #strip(frame: Frame, { properties }: ClusterFeature, rect: Rect): void {
    const present = STATUS_ORDER.filter((status) => (properties.statuses[status] ?? 0) > 0);
    const inner = rect.width - 2;
    const free = Math.max(0, inner - present.length * STRIP_LEAST_PX);
    const sum = present.reduce((total, status) => total + (properties.statuses[status] ?? 0), 0) || 1;
    let x = rect.x + 1;
    for (const status of present) {
      const width = STRIP_LEAST_PX + (free * (properties.statuses[status] ?? 0)) / sum;
      frame.ctx.fillStyle = status === "lost" ? frame.palette.lineDown : frame.palette.statuses[status];
      frame.ctx.fillRect(x, rect.y + rect.height - 1 - STRIP_PX, width, STRIP_PX);
      x += width;
    }
  }
}

/** A hairline from a cluster that had to move aside to the place that it stands for. */
function leader(frame: Frame, x: number, y: number, rect: Rect): void {
  const { ctx, palette } = frame;
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(rect.x + rect.width / 2, rect.y + rect.height / 2);
  ctx.strokeStyle = palette.inkSoft;
  ctx.lineWidth = 1;
  ctx.stroke();
}

function shortCount(count: number): string {
  if (count < 10_000) return String(count);
  return count < 1_000_000 ? `${Math.floor(count / 1000)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}
