import { mercatorY } from "../geo/mercator.js";
import type { Painter } from "./canvas-layer.js";
import { toX, toY, type Frame } from "./frame.js";
import { haloText } from "./text.js";

/** Distance of the lines in degrees, by zoom: six to twelve on a screen. */
const STEPS: readonly (readonly [zoom: number, degrees: number])[] = [
  [9, 0.25],
  [8, 0.5],
  [7, 1],
  [6, 2],
  [5, 5],
  [3, 10],
  [0, 30],
];

/** Meridians and parallels, with the equator and 180° a little stronger. */
export class GraticulePainter implements Painter {
  paint(frame: Frame): boolean {
    const { ctx, palette } = frame;
    const step = STEPS.find(([zoom]) => frame.zoom >= zoom)?.[1] ?? 30;
    ctx.lineWidth = 1;
    ctx.strokeStyle = palette.grid;
    ctx.beginPath();
    for (let lon = Math.ceil(frame.west / step) * step; lon <= frame.east; lon += step) {
      const x = Math.round(toX(frame, lon)) + 0.5;
      ctx.moveTo(x, 0);
      ctx.lineTo(x, frame.height);
    }
    for (let lat = -80; lat <= 80; lat += step) {
      if (mercatorY(lat) * frame.worldPx - frame.originY < 0) break;
      const y = Math.round(toY(frame, lat)) + 0.5;
      if (y > frame.height) continue;
      ctx.moveTo(0, y);
      ctx.lineTo(frame.width, y);
    }
    ctx.stroke();
    return false;
  }
}

/** Degrees along the edges of the view, like the frame of a chart. Its canvas must not be padded. */
export class GraticuleLabels implements Painter {
  /** @param onTiles they stand on a ground of any colour */
  constructor(readonly onTiles: boolean) {}

  paint(frame: Frame): boolean {
    const { ctx, palette } = frame;
    const step = STEPS.find(([zoom]) => frame.zoom >= zoom)?.[1] ?? 30;
    ctx.fillStyle = palette.gridText;
    ctx.font = `12px ${palette.font}`;
    ctx.textBaseline = "alphabetic";
    const write = (text: string, x: number, y: number): void => {
      if (this.onTiles) haloText(frame, text, x, y, palette.gridText);
      else ctx.fillText(text, x, y);
    };
    ctx.textAlign = "left";
    for (let lon = Math.ceil(frame.west / step) * step; lon <= frame.east; lon += step) {
      const x = toX(frame, lon);
      if (x <= 40 || x >= frame.width - 60) continue;
      const name = meridianName(lon);
      write(name, x - ctx.measureText(name).width / 2, frame.height - 6);
    }
    for (let lat = -80; lat <= 80; lat += step) {
      const y = toY(frame, lat);
      if (y > 60 && y < frame.height - 28) write(parallelName(lat), 6, y - 3);
    }
    return false;
  }
}

function meridianName(longitude: number): string {
  const home = ((((longitude + 180) % 360) + 360) % 360) - 180;
  if (home === 0 || home === -180) return `${Math.abs(home)}°`;
  return `${degrees(Math.abs(home))}${home < 0 ? "W" : "E"}`;
}

function parallelName(latitude: number): string {
  return latitude === 0 ? "0°" : `${degrees(Math.abs(latitude))}${latitude < 0 ? "S" : "N"}`;
}

function degrees(value: number): string {
  const whole = Math.floor(value + 1e-9);
  const minutes = Math.round((value - whole) * 60);
  return minutes === 0 ? `${whole}°` : `${whole}°${String(minutes).padStart(2, "0")}′`;
}
