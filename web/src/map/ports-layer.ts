import type { ApiSite, ShipState } from "@landfall/proto/api";
import { DEMO_PLACES, PLACES } from "@landfall/proto/identifiers";
import { backlogOf, ringShare, sitePosition } from "../fleet-model.js";
import type { Hit, Painter } from "./canvas-layer.js";
import { copyOffsets, toX, toY, type Frame } from "./frame.js";
import { haloText } from "./text.js";
import { siteLines } from "./tooltips.js";

const RADIUS_PX = 8;
/** Sites in the same place as a port stand beside it, from this zoom on. */
const BESIDE_FROM_ZOOM = 5;
const BESIDE_PX = 24;
/** The world's other ports, where none of our sites is, from this zoom on. */
const WORLD_FROM_ZOOM = 4;

interface Drawn {
  readonly site: ApiSite;
  readonly x: number;
  readonly y: number;
}

/** Ports with their names; where their site may be seen, a ring that fills with its backlog. */
export class PortsPainter implements Painter {
  #sites: readonly { readonly site: ApiSite; readonly at: readonly [number, number] }[] = [];
  #selected: string | undefined;
  #drawn: Drawn[] = [];

  set(sites: readonly ApiSite[], ships: Readonly<Record<string, ShipState>>, selected: string | undefined): void {
    this.#selected = selected;
    const rank = { port: 0, hq: 1, yard: 2, ship: 3 } as const;
    this.#sites = sites
      .filter((site) => site.kind !== "ship")
      .toSorted((a, b) => rank[a.kind] - rank[b.kind])
      .flatMap((site) => {
        const at = sitePosition(site, ships);
        return at ? [{ site, at }] : [];
      });
  }

  paint(frame: Frame): boolean {
    this.#drawn = [];
    const places = frame.zoom < WORLD_FROM_ZOOM ? DEMO_PLACES : PLACES;
    for (const place of places) {
      for (const offset of copyOffsets(frame, place.longitude, place.longitude)) {
        const x = toX(frame, place.longitude) + offset;
        const y = toY(frame, place.latitude);
        frame.ctx.fillStyle = frame.palette.ink;
        frame.ctx.beginPath();
        frame.ctx.arc(x, y, 2.5, 0, 2 * Math.PI);
        frame.ctx.fill();
        frame.labels.take({ x: x - RADIUS_PX, y: y - RADIUS_PX, width: 2 * RADIUS_PX, height: 2 * RADIUS_PX });
      }
    }
    for (const { site, at } of this.#sites) {
      for (const offset of copyOffsets(frame, at[0], at[0])) {
        this.#site(frame, site, toX(frame, at[0]) + offset, toY(frame, at[1]));
      }
    }
    for (const place of places) {
      for (const offset of copyOffsets(frame, place.longitude, place.longitude)) {
        name(frame, place.name, toX(frame, place.longitude) + offset, toY(frame, place.latitude));
      }
    }
    return false;
  }

  hit(x: number, y: number): Hit | undefined {
    const found = this.#drawn.find((drawn) => Math.hypot(drawn.x - x, drawn.y - y) <= RADIUS_PX + 4);
    return found && { selection: { kind: "site", id: found.site.site }, lines: siteLines(found.site) };
  }

  #site(frame: Frame, site: ApiSite, x: number, y: number): void {
    const beside = this.#drawn.filter((drawn) => Math.hypot(drawn.x - x, drawn.y - y) < BESIDE_PX).length;
    if (beside > 0 && frame.zoom < BESIDE_FROM_ZOOM) return;
    if (beside === 0) {
      this.#ring(frame, site, x, y, RADIUS_PX);
      return;
    }
    // Same place as the port: below it, tied to it by a stub.
    const sx = x + (beside - 1) * BESIDE_PX;
    const sy = y + BESIDE_PX;
    frame.ctx.strokeStyle = frame.palette.line;
    frame.ctx.lineWidth = 1;
    frame.ctx.beginPath();
    frame.ctx.moveTo(x, y + RADIUS_PX);
    frame.ctx.lineTo(sx, sy - 6);
    frame.ctx.stroke();
    this.#ring(frame, site, sx, sy, 6);
  }

  #ring(frame: Frame, site: ApiSite, x: number, y: number, radius: number): void {
    const { ctx, palette } = frame;
    this.#drawn.push({ site, x, y });
    frame.labels.take({ x: x - radius - 2, y: y - radius - 2, width: 2 * radius + 4, height: 2 * radius + 4 });
    ctx.beginPath();
    ctx.arc(x, y, radius + 2, 0, 2 * Math.PI);
    ctx.fillStyle = palette.halo;
    ctx.fill();
    if (site.site === this.#selected) {
      ctx.strokeStyle = palette.accent;
      ctx.lineWidth = 2;
      ctx.beginPath();
      ctx.arc(x, y, radius + 5, 0, 2 * Math.PI);
      ctx.stroke();
    }
    ctx.lineWidth = 3;
    ctx.strokeStyle = palette.ring;
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
    ctx.stroke();
    const share = ringShare(backlogOf(site));
    if (share > 0) {
      ctx.strokeStyle = palette.accent;
      ctx.beginPath();
      ctx.arc(x, y, radius, -Math.PI / 2, -Math.PI / 2 + share * 2 * Math.PI);
      ctx.stroke();
    }
    ctx.fillStyle = palette.ink;
    ctx.beginPath();
    if (site.kind === "hq") ctx.rect(x - 2.5, y - 2.5, 5, 5);
    else ctx.arc(x, y, site.kind === "yard" ? 1.5 : 2.5, 0, 2 * Math.PI);
    ctx.fill();
  }
}

function name(frame: Frame, text: string, x: number, y: number): void {
  const { ctx, palette } = frame;
  ctx.font = `550 13px ${palette.font}`;
  const width = ctx.measureText(text).width + 4;
  const place = frame.labels.place([
    { x: x + 13, y: y - 9, width, height: 18 },
    { x: x - 13 - width, y: y - 9, width, height: 18 },
    { x: x - width / 2, y: y - 30, width, height: 18 },
    { x: x - width / 2, y: y + 12, width, height: 18 },
  ]);
  if (place) haloText(frame, text, place.x + 2, place.y + 13.5, palette.ink);
}
