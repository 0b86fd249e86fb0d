import type { ShipState } from "@landfall/proto/api";
import { berthOf, berths, isStale } from "../fleet-model.js";
import { nearestCopy } from "../geo/longitude.js";
import type { Hit, Painter } from "./canvas-layer.js";
import { copyOffsets, toX, toY, type Frame } from "./frame.js";
import { haloText } from "./text.js";
import { shipLines } from "./tooltips.js";

/** Names stand beside the hulls from this zoom on; the selected ship's always does. */
const NAMES_FROM_ZOOM = 4;
const LENGTH_PX = 26;
const WIDTH_PX = 11;
/** A change of place is shown as motion, this long. */
const GLIDE_MS = 250;
/** Ships alongside stand beside their port's ring, one below the other: this far from it. */
const DOCKED_OFFSET_PX = 24;
const DOCKED_BELOW_PX = 20;
const DOCKED_EVERY_PX = 15;

/** Where a ship alongside is drawn, from the port's middle. */
export function berthOffset(index: number): readonly [x: number, y: number] {
  return [DOCKED_OFFSET_PX, DOCKED_BELOW_PX + index * DOCKED_EVERY_PX];
}

interface Mark {
  readonly ship: ShipState;
  readonly longitude: number;
  readonly latitude: number;
  /** Where it came from, for the glide. */
  readonly fromLongitude: number;
  readonly fromLatitude: number;
  readonly sinceMs: number;
}

/** Ships as hulls along their course: solid, outlined after a word by satellite, dashed when it is old. */
export class ShipsPainter implements Painter {
  #marks = new Map<string, Mark>();
  #selected: string | undefined;
  #nowMs = 0;
  #drawn: { readonly ship: ShipState; readonly x: number; readonly y: number }[] = [];

  set(ships: Readonly<Record<string, ShipState>>, selected: string | undefined, nowMs: number, timeMs: number): void {
    this.#selected = selected;
    this.#nowMs = nowMs;
    const marks = new Map<string, Mark>();
    for (const ship of Object.values(ships)) {
      if (ship.longitude === undefined || ship.latitude === undefined) continue;
      const before = this.#marks.get(ship.imo);
      const longitude = before ? nearestCopy(ship.longitude, before.longitude) : ship.longitude;
      const moved = before !== undefined && (before.longitude !== longitude || before.latitude !== ship.latitude);
      marks.set(
        ship.imo,
        before && !moved
          ? { ...before, ship }
          : {
              ship,
              longitude,
              latitude: ship.latitude,
              fromLongitude: before?.longitude ?? longitude,
              fromLatitude: before?.latitude ?? ship.latitude,
              sinceMs: timeMs,
            },
      );
    }
    this.#marks = marks;
  }

  paint(frame: Frame): boolean {
    this.#drawn = [];
    let gliding = false;
    const docked = berths(Object.fromEntries([...this.#marks].map(([imo, { ship }]) => [imo, ship])));
    for (const mark of this.#marks.values()) {
      const passed = (frame.timeMs - mark.sinceMs) / GLIDE_MS;
      const f = frame.reducedMotion ? 1 : Math.max(0, Math.min(1, passed));
      if (f < 1 && mark.fromLongitude !== mark.longitude) gliding = true;
      const longitude = mark.fromLongitude + (mark.longitude - mark.fromLongitude) * f;
      const latitude = mark.fromLatitude + (mark.latitude - mark.fromLatitude) * f;
      const berth = docked.get(mark.ship.imo);
      const [dx, dy] = berth === undefined ? [0, 0] : berthOffset(berth.index);
      for (const offset of copyOffsets(frame, longitude, longitude)) {
        const x = toX(frame, longitude) + offset;
        const y = toY(frame, latitude);
        this.#hull(frame, mark.ship, x + dx, y + dy);
      }
    }
    for (const { ship, x, y } of this.#drawn) this.#name(frame, ship, x, y);
    return gliding;
  }

  hit(x: number, y: number): Hit | undefined {
    const found = this.#drawn.find((drawn) => Math.hypot(drawn.x - x, drawn.y - y) <= LENGTH_PX / 2 + 3);
    return found && { selection: { kind: "ship", id: found.ship.imo }, lines: shipLines(found.ship, this.#nowMs) };
  }

  #hull(frame: Frame, ship: ShipState, x: number, y: number): void {
    const { ctx, palette } = frame;
    this.#drawn.push({ ship, x, y });
    const half = LENGTH_PX / 2;
    frame.labels.take({ x: x - half, y: y - half / 2, width: LENGTH_PX, height: half });
    const docked = berthOf(ship) !== undefined;
    const course = docked ? 90 : (ship.courseDeg ?? ship.headingDeg ?? 0);
    const stale = isStale(ship, this.#nowMs) && !docked;
    const outlined = stale || (ship.lastLink === "satellite" && !docked);
    ctx.save();
    ctx.translate(x, y);
    if (ship.imo === this.#selected) {
      ctx.beginPath();
      ctx.arc(0, 0, half + 5, 0, 2 * Math.PI);
      ctx.strokeStyle = palette.accent;
      ctx.lineWidth = 2;
      ctx.stroke();
    }
    ctx.rotate((course * Math.PI) / 180);
    const hull = hullPath(docked ? 0.8 : 1);
    ctx.lineJoin = "round";
    ctx.strokeStyle = palette.halo;
    ctx.lineWidth = 5;
    ctx.stroke(hull);
    ctx.fillStyle = outlined ? palette.paper : palette.ink;
    ctx.fill(hull);
    ctx.strokeStyle = palette.ink;
    ctx.lineWidth = 1.6;
    ctx.setLineDash(stale ? [3.5, 2.5] : []);
    ctx.stroke(hull);
    ctx.restore();
  }

  #name(frame: Frame, ship: ShipState, x: number, y: number): void {
    const selected = ship.imo === this.#selected;
    if (frame.zoom < NAMES_FROM_ZOOM && !selected) return;
    const { ctx, palette } = frame;
    ctx.font = `${selected ? 600 : 450} 12.5px ${palette.font}`;
    const width = ctx.measureText(ship.name).width + 4;
    const side = LENGTH_PX / 2 + 3;
    const places = [
      { x: x + side, y: y - 8.5, width, height: 17 },
      { x: x - side - width, y: y - 8.5, width, height: 17 },
      { x: x - width / 2, y: y + side, width, height: 17 },
      { x: x - width / 2, y: y - side - 17, width, height: 17 },
    ];
    const place = frame.labels.place(places) ?? (selected ? places[0] : undefined);
    if (place) haloText(frame, ship.name, place.x + 2, place.y + 12.5, palette.ink);
  }
}

/** A hull from above, bow up, around the origin. */
function hullPath(scale: number): Path2D {
  const l = (LENGTH_PX / 2) * scale;
  const w = (WIDTH_PX / 2) * scale;
  const path = new Path2D();
  path.moveTo(0, -l);
  path.bezierCurveTo(w * 0.7, -l * 0.6, w, -l * 0.3, w, 0);
  path.lineTo(w * 0.85, l * 0.9);
  path.quadraticCurveTo(0, l * 1.1, -w * 0.85, l * 0.9);
  path.lineTo(-w, 0);
  path.bezierCurveTo(-w, -l * 0.3, -w * 0.7, -l * 0.6, 0, -l);
  path.closePath();
  return path;
}
