import land110 from "world-atlas/land-110m.json?url";
import land50 from "world-atlas/land-50m.json?url";
import land10 from "world-atlas/land-10m.json?url";
import { BAND_DEG } from "../geo/cut-rings.js";
import { prepareLand, type LandTopology } from "../geo/land.js";
import { mercatorX, mercatorY } from "../geo/mercator.js";
import type { Painter } from "./canvas-layer.js";
import { copyOffsets, type Frame } from "./frame.js";

/** A scale of Natural Earth's land, from which zoom it is used, and its file on our own server. */
interface Scale {
  readonly fromZoom: number;
  readonly url: string;
}

/** Below 2.75 a pixel is 23 km or more: 50 m would look the same there, for eight times the bytes of the first view. */
const SCALES: readonly Scale[] = [
  { fromZoom: 7, url: land10 },
  { fromZoom: 2.75, url: land50 },
  { fromZoom: 0, url: land110 },
];

/** Land of one band of longitudes, in worlds (0…1), as paths that only need scaling. */
interface BandPaths {
  readonly fill: Path2D;
  readonly coast: Path2D;
}

/** Land in one grey with hairline coasts. Scales are loaded when first needed; the coarser one shows meanwhile. */
export class LandPainter implements Painter {
  readonly #loaded = new Map<string, readonly BandPaths[]>();
  readonly #loading = new Set<string>();

  constructor(readonly onLoad: () => void) {}

  paint(frame: Frame): boolean {
    const wanted = SCALES.findIndex((scale) => frame.zoom >= scale.fromZoom);
    const scale = SCALES[wanted];
    if (scale && !this.#loaded.has(scale.url)) void this.#load(scale.url);
    // The nearest scale that is there, coarser ones first: they are small and soon loaded.
    const order = [...SCALES.slice(wanted), ...SCALES.slice(0, wanted).reverse()];
    const bands = order.map(({ url }) => this.#loaded.get(url)).find((paths) => paths !== undefined);
    if (bands) drawBands(frame, bands);
    return false;
  }

  async #load(url: string): Promise<void> {
    if (this.#loading.has(url)) return;
    this.#loading.add(url);
    try {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`${url}: ${response.status}`);
      this.#loaded.set(url, toPaths((await response.json()) as LandTopology));
      this.onLoad();
    } catch (error) {
      console.warn("The land of this scale could not be loaded; the coarser one stays.", error);
      // Try again when the map is next drawn, but not in every frame.
      setTimeout(() => this.#loading.delete(url), RETRY_MS);
    }
  }
}

const RETRY_MS = 10_000;

function toPaths(topology: LandTopology): BandPaths[] {
  const bands = Array.from({ length: 360 / BAND_DEG }, () => ({ fill: new Path2D(), coast: new Path2D() }));
  const { rings, coasts } = prepareLand(topology);
  for (const { band, ring } of rings) {
    const path = bands[band]?.fill;
    for (const [i, [x, y]] of ring.entries()) {
      if (i === 0) path?.moveTo(mercatorX(x), mercatorY(y));
      else path?.lineTo(mercatorX(x), mercatorY(y));
    }
    path?.closePath();
  }
  for (const { band, line } of coasts) {
    const path = bands[band]?.coast;
    for (const [i, [x, y]] of line.entries()) {
      if (i === 0) path?.moveTo(mercatorX(x), mercatorY(y));
      else path?.lineTo(mercatorX(x), mercatorY(y));
    }
  }
  return bands;
}

function drawBands(frame: Frame, bands: readonly BandPaths[]): void {
  const { ctx, worldPx } = frame;
  const scaled = new DOMMatrix().scaleSelf(worldPx, worldPx);
  // One path for all: edges that two bands share cover each other without a seam.
  const fill = new Path2D();
  const coast = new Path2D();
  for (const [index, band] of bands.entries()) {
    const west = index * BAND_DEG - 180;
    for (const offset of copyOffsets(frame, west, west + BAND_DEG, 0)) {
      const place = new DOMMatrix().translateSelf(offset - frame.originX, -frame.originY).multiplySelf(scaled);
      fill.addPath(band.fill, place);
      coast.addPath(band.coast, place);
    }
  }
  ctx.fillStyle = frame.palette.land;
  // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- a canvas, not an array
  ctx.fill(fill, "evenodd");
  ctx.strokeStyle = frame.palette.coast;
  ctx.lineWidth = 0.75;
  ctx.lineJoin = "round";
  ctx.stroke(coast);
}
