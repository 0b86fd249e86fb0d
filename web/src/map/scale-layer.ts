import type { Painter } from "./canvas-layer.js";
import type { Frame } from "./frame.js";
import { haloText } from "./text.js";

const EQUATOR_NM = 21_638.8;
const LONGEST_PX = 130;
/** Room that the buttons in the corner need. */
const RIGHT_PX = 66;
const BOTTOM_PX = 30;

/** A scale of nautical miles, true at the middle of the view. */
export class ScalePainter implements Painter {
  paint(frame: Frame): boolean {
    const { ctx, palette } = frame;
    if (frame.width < 500) return false;
    const middle = (frame.originY + frame.height / 2) / frame.worldPx;
    const cosine = 1 / Math.cosh((0.5 - middle) * 2 * Math.PI);
    const nmPerPx = (EQUATOR_NM * cosine) / frame.worldPx;
    const miles = roundDown(nmPerPx * LONGEST_PX);
    const width = miles / nmPerPx;
    const right = frame.width - RIGHT_PX;
    const y = frame.height - BOTTOM_PX;
    const bar = (): void => {
      ctx.beginPath();
      ctx.moveTo(right - width, y - 5);
      ctx.lineTo(right - width, y);
      ctx.lineTo(right, y);
      ctx.lineTo(right, y - 5);
      ctx.stroke();
    };
    ctx.strokeStyle = palette.halo;
    ctx.lineWidth = 4;
    bar();
    ctx.strokeStyle = palette.inkSoft;
    ctx.lineWidth = 1.25;
    bar();
    ctx.font = `12px ${palette.font}`;
    const text = `${miles} nm`;
    haloText(frame, text, right - ctx.measureText(text).width, y - 9, palette.inkSoft);
    return false;
  }
}

/** 1, 2 or 5 times a power of ten. */
function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const first = value / power;
  return power * (first >= 5 ? 5 : first >= 2 ? 2 : 1);
}
