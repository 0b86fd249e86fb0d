import type { Frame } from "./frame.js";

/** Text that stays readable over lines and coasts. Uses the context's font; left, on the base line. */
export function haloText(frame: Frame, text: string, x: number, y: number, colour: string): void {
  const { ctx, palette } = frame;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.lineJoin = "round";
  ctx.lineWidth = 3.5;
  ctx.strokeStyle = palette.halo;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}
