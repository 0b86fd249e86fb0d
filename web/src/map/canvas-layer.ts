import L from "leaflet";
import { worldSizePx } from "../geo/mercator.js";
import type { Selection } from "../url-state.js";
import type { Frame } from "./frame.js";
import { LabelSpace } from "./label-space.js";
import type { Palette } from "./palette.js";

/** Something under the pointer. */
export interface Hit {
  /** What a click selects, or where it zooms to. */
  readonly selection?: Selection;
  readonly zoomTo?: { readonly latitude: number; readonly longitude: number; readonly zoom: number };
  /** Lines of the tooltip, the first one strong. */
  readonly lines: readonly string[];
  /** A moment of the open history, epoch milliseconds. */
  readonly ms?: number;
}

/** Draws one kind of mark onto a canvas that it shares with others. One file per painter. */
export interface Painter {
  /** Draws; true asks to be drawn again soon, since something moves. */
  paint(frame: Frame): boolean;
  /** What of the last drawing is at this pixel of it. */
  hit?(x: number, y: number): Hit | undefined;
}

export interface CanvasOptions {
  readonly pane: string;
  /** How far the drawing reaches beyond the view, as a share of it; such a canvas is drawn again only when needed. */
  readonly padding: number;
  /** Whether it is drawn again when the map has come to rest, though the view is still within the last drawing. */
  readonly settles: boolean;
  readonly palette: () => Palette;
  readonly reducedMotion: () => boolean;
}

/** Each drawing costs a canvas of pixels, whatever moves in it; dots that go 34 pixels a second want no more than this. */
const MOVING_EVERY_MS = 66;

/**
 * A canvas over the map that stays sharp on every screen, moves with the map while it is dragged and scales with it
 * while it is zoomed. Content is drawn by painters, at most once per animation frame.
 */
export class CanvasLayer extends L.Layer {
  readonly #settings: CanvasOptions;
  readonly #painters: readonly Painter[];
  readonly #canvas = document.createElement("canvas");
  #map: L.Map | undefined;
  #frameRequest: number | undefined;
  #movingTimer: ReturnType<typeof setTimeout> | undefined;
  /** Centre and zoom of the last drawing. */
  #drawn: { center: L.LatLng; zoom: number; topLeft: L.Point; padding: L.Point } | undefined;

  constructor(settings: CanvasOptions, painters: readonly Painter[]) {
    super();
    this.#settings = settings;
    this.#painters = painters;
    this.#canvas.className = "map-canvas leaflet-zoom-animated";
    this.#canvas.setAttribute("aria-hidden", "true");
  }

  override onAdd(map: L.Map): this {
    this.#map = map;
    map.getPane(this.#settings.pane)?.append(this.#canvas);
    this.#draw();
    return this;
  }

  override onRemove(): this {
    if (this.#frameRequest !== undefined) cancelAnimationFrame(this.#frameRequest);
    clearTimeout(this.#movingTimer);
    this.#canvas.remove();
    this.#map = undefined;
    return this;
  }

  override getEvents(): Record<string, L.LeafletEventHandlerFn> {
    return {
      move: () => this.#onMove(),
      moveend: () => {
        if (this.#settings.settles || !this.#isWithin()) this.redraw();
      },
      resize: () => this.redraw(),
      // The pixels of layers count from elsewhere now.
      viewreset: () => this.redraw(),
      zoom: () => this.#transform(this.#map?.getCenter(), this.#map?.getZoom()),
      zoomanim: (event) => {
        const { center, zoom } = event as L.ZoomAnimEvent;
        this.#transform(center, zoom);
      },
    };
  }

  /** Draws again in the next animation frame. */
  redraw(): void {
    if (this.#frameRequest !== undefined || !this.#map) return;
    this.#frameRequest = requestAnimationFrame(() => {
      this.#frameRequest = undefined;
      this.#draw();
    });
  }

  /** What is at this pixel of the view, which may have moved since the last drawing. */
  hit(x: number, y: number): Hit | undefined {
    if (!this.#map || !this.#drawn) return undefined;
    const at = this.#map.containerPointToLayerPoint([x, y]).subtract(this.#drawn.topLeft).add(this.#drawn.padding);
    for (const painter of this.#painters.toReversed()) {
      const hit = painter.hit?.(at.x, at.y);
      if (hit) return hit;
    }
    return undefined;
  }

  #onMove(): void {
    // While zooming, the transform does; a redraw would jump to the end of the animation.
    if (this.#map?.getZoom() === this.#drawn?.zoom && !this.#isWithin()) this.redraw();
  }

  /** Whether the last drawing still covers the view, in its own size. */
  #isWithin(): boolean {
    const map = this.#map;
    if (!map || !this.#drawn || map.getZoom() !== this.#drawn.zoom) return false;
    const shift = map.containerPointToLayerPoint([0, 0]).subtract(this.#drawn.topLeft);
    const { padding } = this.#drawn;
    return Math.abs(shift.x) < padding.x && Math.abs(shift.y) < padding.y;
  }

  /** Puts the last drawing where it belongs in a view of `center` and `zoom` that is being animated to. */
  #transform(center: L.LatLng | undefined, zoom: number | undefined): void {
    const map = this.#map;
    if (!map || !this.#drawn || !center || zoom === undefined) return;
    const scale = map.getZoomScale(zoom, this.#drawn.zoom);
    const half = map.getSize().divideBy(2);
    const corner = map
      .project(this.#drawn.center, this.#drawn.zoom)
      .subtract(half)
      .subtract(this.#drawn.padding)
      .multiplyBy(scale);
    const offset = corner
      .subtract(map.project(center, zoom).subtract(half))
      .subtract(L.DomUtil.getPosition(map.getPane("mapPane") as HTMLElement));
    L.DomUtil.setTransform(this.#canvas, offset, scale);
  }

  #draw(): void {
    const map = this.#map;
    const ctx = this.#canvas.getContext("2d");
    if (!map || !ctx) return;
    const size = map.getSize();
    const padding = size.multiplyBy(this.#settings.padding).round();
    const width = size.x + 2 * padding.x;
    const height = size.y + 2 * padding.y;
    const ratio = window.devicePixelRatio || 1;
    const pixelWidth = Math.round(width * ratio);
    const pixelHeight = Math.round(height * ratio);
    if (this.#canvas.width !== pixelWidth || this.#canvas.height !== pixelHeight) {
      this.#canvas.width = pixelWidth;
      this.#canvas.height = pixelHeight;
      this.#canvas.style.width = `${width}px`;
      this.#canvas.style.height = `${height}px`;
    }
    const topLeft = map.containerPointToLayerPoint([0, 0]);
    this.#drawn = { center: map.getCenter(), zoom: map.getZoom(), topLeft, padding };
    L.DomUtil.setTransform(this.#canvas, topLeft.subtract(padding), 1);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    clearTimeout(this.#movingTimer);
    if (this.#paintAll(this.#frame(map, ctx, width, height, padding))) {
      this.#movingTimer = setTimeout(() => this.redraw(), MOVING_EVERY_MS);
    }
  }

  #frame(map: L.Map, ctx: CanvasRenderingContext2D, width: number, height: number, padding: L.Point): Frame {
    const zoom = map.getZoom();
    const worldPx = worldSizePx(zoom);
    const origin = map.project(map.getCenter(), zoom).subtract(map.getSize().divideBy(2)).subtract(padding);
    return {
      ctx,
      width,
      height,
      zoom,
      worldPx,
      originX: origin.x,
      originY: origin.y,
      west: (origin.x / worldPx) * 360 - 180,
      east: ((origin.x + width) / worldPx) * 360 - 180,
      palette: this.#settings.palette(),
      labels: new LabelSpace(width, height, padding.x, padding.y),
      timeMs: performance.now(),
      reducedMotion: this.#settings.reducedMotion(),
    };
  }

  #paintAll(frame: Frame): boolean {
    let again = false;
    for (const painter of this.#painters) {
      frame.ctx.save();
      again = painter.paint(frame) || again;
      frame.ctx.restore();
    }
    return again;
  }
}
