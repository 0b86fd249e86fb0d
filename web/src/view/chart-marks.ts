import type uPlot from "uplot";
import type { Incident } from "../incidents.js";
import type { ChartTheme } from "./chart-theme.js";

/** Height of the strip at the foot of the chart that holds doors and power cuts, and the half width of a shock's mark. */
const STRIP_PX = 5;
const SHOCK_PX = 4;
/** A band narrower than this would not be seen at all. */
const BAND_PX_MIN = 2;

/** Defrosting as a pale band with its name, open doors and power cuts as strips at the foot, shocks as diamonds. */
export function drawIncidents(u: uPlot, theme: ChartTheme, incidents: readonly Incident[]): void {
  const { ctx, bbox } = u;
  const pixel = window.devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { kind, fromMs, toMs } of incidents) {
    const left = u.valToPos(fromMs / 1000, "x", true);
    const right = Math.max(u.valToPos(toMs / 1000, "x", true), left + BAND_PX_MIN * pixel);
    if (right < bbox.left || left > bbox.left + bbox.width) continue;
    const foot = bbox.top + bbox.height;
    switch (kind) {
      case "defrost":
        ctx.fillStyle = theme.hatch;
        ctx.globalAlpha = 0.55;
        ctx.fillRect(left, bbox.top, right - left, bbox.height);
        ctx.globalAlpha = 1;
        label(u, theme, "defrosting", left, right);
        break;
      case "door":
        ctx.fillStyle = theme.door;
        ctx.fillRect(left, foot - STRIP_PX * pixel, right - left, STRIP_PX * pixel);
        break;
      case "power":
        ctx.fillStyle = theme.power;
        ctx.fillRect(left, foot - 2 * STRIP_PX * pixel, right - left, STRIP_PX * pixel);
        break;
      case "shock":
        diamond(ctx, theme, (left + right) / 2, bbox.top + (SHOCK_PX + 2) * pixel, SHOCK_PX * pixel);
        break;
    }
  }
  ctx.restore();
}

function label({ ctx, bbox }: uPlot, theme: ChartTheme, words: string, left: number, right: number): void {
  const pixel = window.devicePixelRatio;
  ctx.font = theme.font.replace(/^\d+px/, `${12 * pixel}px`);
  if (ctx.measureText(words).width + 6 * pixel > right - left) return;
  ctx.fillStyle = theme.inkSoft;
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  ctx.fillText(words, (left + right) / 2, bbox.top + 3 * pixel);
}

function diamond(ctx: CanvasRenderingContext2D, theme: ChartTheme, x: number, y: number, r: number): void {
  ctx.fillStyle = theme.ink;
  ctx.beginPath();
  ctx.moveTo(x, y - r);
  ctx.lineTo(x + r, y);
  ctx.lineTo(x, y + r);
  ctx.lineTo(x - r, y);
  ctx.closePath();
  ctx.fill();
}

/** What is looked for, as a line across the chart. */
export function limitLine(u: uPlot, theme: ChartTheme, limit: number | undefined): void {
  if (limit === undefined) return;
  const { ctx, bbox } = u;
  const y = Math.round(u.valToPos(limit, "y", true));
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  ctx.beginPath();
  ctx.setLineDash([6 * window.devicePixelRatio, 4 * window.devicePixelRatio]);
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.strokeStyle = theme.warn;
  ctx.lineWidth = 1.5 * window.devicePixelRatio;
  ctx.stroke();
  ctx.restore();
}
