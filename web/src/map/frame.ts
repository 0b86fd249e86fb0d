import { visibleTurns } from "../geo/longitude.js";
import { mercatorX, mercatorY } from "../geo/mercator.js";
import type { LabelSpace } from "./label-space.js";
import type { Palette } from "./palette.js";

/** One drawing of a canvas: where everything is on it. Pixels are CSS pixels, origin at the canvas' top left. */
export interface Frame {
  readonly ctx: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  readonly zoom: number;
  /** Pixels of one world, and of the top left corner in it. */
  readonly worldPx: number;
  readonly originX: number;
  readonly originY: number;
  /** Edges of the canvas in continuous degrees. */
  readonly west: number;
  readonly east: number;
  readonly palette: Palette;
  readonly labels: LabelSpace;
  /** For motion: milliseconds of the page's own clock. */
  readonly timeMs: number;
  readonly reducedMotion: boolean;
}

export function toX(frame: Frame, longitude: number): number {
  return mercatorX(longitude) * frame.worldPx - frame.originX;
}

export function toY(frame: Frame, latitude: number): number {
  return mercatorY(latitude) * frame.worldPx - frame.originY;
}

/** Pixel offsets of all copies of the world in which something between `west` and `east` shows. */
export function copyOffsets(frame: Frame, west: number, east: number, marginPx = 40): number[] {
  const margin = (marginPx / frame.worldPx) * 360;
  return visibleTurns(west, east, frame.west - margin, frame.east + margin).map((turn) => turn * frame.worldPx);
}
