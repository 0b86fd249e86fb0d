import type { LinkClass } from "@landfall/proto/api";
import { greatCircle, type LonLat } from "../geo/great-circle.js";
import type { LinkView } from "../fleet-model.js";
import type { Hit, Painter } from "./canvas-layer.js";
import { copyOffsets, toX, toY, type Frame } from "./frame.js";
import { berthOffset } from "./ships-layer.js";
import { linkLines } from "./tooltips.js";

/** Shorter lines would hide under the marks at their ends. */
const SHORTEST_PX = 28;
/** How near the pointer must come. */
const REACH_PX = 7;
/** Distance and speed of the dots that stand for moving data. */
const DOT_WIDEST_PX = 80;
const DOT_NEAREST_PX = 12;
const DOT_SPEED_PX_PER_S = 34;

interface Drawn {
  readonly view: LinkView;
  readonly points: readonly (readonly [number, number])[];
}

/** What a class of links looks like while it is up. A port link is a double line, as a gangway is. */
const CLASS_LOOKS: Readonly<
  Record<LinkClass, { readonly width: number; readonly dash: readonly number[]; readonly alpha: number }>
> = {
  wan: { width: 1.5, dash: [], alpha: 1 },
  lan: { width: 1, dash: [], alpha: 1 },
  port: { width: 4.5, dash: [], alpha: 1 },
  satellite: { width: 1.2, dash: [1.5, 3.5], alpha: 0.7 },
};
/** Of lines at one place, the one that carries most comes first. */
const RANKS: readonly LinkClass[] = ["port", "wan", "lan", "satellite"];
/** The ground between the two lines of a port link. */
const DOUBLE_GAP_PX = 2;
const QUAY_STEPS = 16;

/**
 * Links between sites along great circles: up solid, degraded dashed, cut broken with a cross; dotted by satellite, double
 * from a port to a ship alongside.
 */
export class LinksPainter implements Painter {
  #links: readonly { readonly view: LinkView; readonly line: readonly LonLat[] }[] = [];
  #selected: string | undefined;
  #quiet = false;
  #drawn: Drawn[] = [];

  /** `quiet`: a history is open, the links stand back behind its track. */
  set(links: readonly LinkView[], selected: string | undefined, quiet: boolean): void {
    this.#selected = selected;
    this.#quiet = quiet;
    this.#links = links
      .filter((view) => view.look !== "out-of-reach" && view.ends)
      .map((view) => {
        const [from, to] = view.ends as NonNullable<LinkView["ends"]>;
        return { view, line: greatCircle(from, to) };
      });
  }

  paint(frame: Frame): boolean {
    this.#drawn = [];
    let moving = false;
    for (const { view, line } of this.#links) {
      const xs = line.map(([lon]) => lon);
      const offsets = copyOffsets(frame, Math.min(...xs), Math.max(...xs));
      for (const offset of offsets) {
        const points = line.map(([lon, lat]) => [toX(frame, lon) + offset, toY(frame, lat)] as const);
        const drawn = view.berth === undefined ? points : alongside(points, view.berth);
        if (view.berth === undefined && lengthOf(points) < SHORTEST_PX) continue;
        this.#drawn.push({ view, points: drawn });
        this.#line(frame, view, drawn);
        const { there, back } = view.flow;
        if (there + back <= 0 || view.look === "cut" || this.#quiet) continue;
        const colour = view.link.id === this.#selected ? frame.palette.ink : frame.palette.accent;
        if (there > 0) flow(frame, drawn, there, colour);
        if (back > 0) flow(frame, drawn.toReversed(), back, colour);
        moving = !frame.reducedMotion;
      }
    }
    return moving;
  }

  hit(x: number, y: number): Hit | undefined {
    const near = this.#drawn
      .filter(({ points }) => distanceTo(points, x, y) <= REACH_PX)
      .sort((a, b) => RANKS.indexOf(a.view.link.class) - RANKS.indexOf(b.view.link.class));
    // Lines lie upon each other where a ship is in port: pointing again at the same place means the next of them.
    const selected = near.findIndex(({ view }) => view.link.id === this.#selected);
    const found = near[(selected + 1) % near.length];
    return found && { selection: { kind: "link", id: found.view.link.id }, lines: linkLines(found.view) };
  }

  #line(frame: Frame, view: LinkView, points: Drawn["points"]): void {
    const { ctx, palette } = frame;
    const cut = view.look === "cut";
    const selected = view.link.id === this.#selected;
    const look = CLASS_LOOKS[view.link.class];
    ctx.lineCap = "butt";
    ctx.lineWidth = selected ? Math.max(3, look.width) : look.width;
    ctx.strokeStyle = cut ? palette.lineDown : selected ? palette.accent : palette.line;
    ctx.globalAlpha = selected ? 1 : this.#quiet ? 0.3 : cut ? 1 : look.alpha;
    ctx.setLineDash(view.look === "degraded" ? [7, 5] : [...look.dash]);
    trace(ctx, points, cut ? "gap" : "whole");
    ctx.stroke();
    ctx.setLineDash([]);
    if (view.link.class === "port") {
      ctx.lineWidth = DOUBLE_GAP_PX;
      ctx.strokeStyle = palette.sea;
      trace(ctx, points, cut ? "gap" : "whole");
      ctx.stroke();
    }
    if (cut) cross(frame, points);
    ctx.globalAlpha = 1;
  }
}

/** From the ship's mark, which stands beside its port's ring, to the ring. */
function alongside(points: Drawn["points"], berth: number): Drawn["points"] {
  const [x, y] = points.at(-1) ?? [0, 0];
  const [dx, dy] = berthOffset(berth);
  // In small steps, as the great circles come: a cut one has a hole in the middle.
  return Array.from({ length: QUAY_STEPS + 1 }, (_, i) => {
    const share = 1 - i / QUAY_STEPS;
    return [x + dx * share, y + dy * share] as const;
  });
}

/** The line, or for a cut one its two stumps. */
function trace(ctx: CanvasRenderingContext2D, points: Drawn["points"], how: "whole" | "gap"): void {
  ctx.beginPath();
  const middle = lengthOf(points) / 2;
  let passed = 0;
  let before: readonly [number, number] | undefined;
  for (const point of points) {
    if (before) {
      passed += Math.hypot(point[0] - before[0], point[1] - before[1]);
      if (how === "whole" || Math.abs(passed - middle) > 11) ctx.lineTo(point[0], point[1]);
      else ctx.moveTo(point[0], point[1]);
    } else {
      ctx.moveTo(point[0], point[1]);
    }
    before = point;
  }
}

function cross(frame: Frame, points: Drawn["points"]): void {
  const { ctx, palette } = frame;
  const [x, y] = pointAt(points, lengthOf(points) / 2);
  ctx.beginPath();
  ctx.arc(x, y, 9, 0, 2 * Math.PI);
  ctx.fillStyle = palette.sea;
  ctx.fill();
  ctx.beginPath();
  ctx.moveTo(x - 5, y - 5);
  ctx.lineTo(x + 5, y + 5);
  ctx.moveTo(x + 5, y - 5);
  ctx.lineTo(x - 5, y + 5);
  ctx.strokeStyle = palette.lineDown;
  ctx.lineWidth = 2.5;
  ctx.lineCap = "round";
  ctx.stroke();
  frame.labels.take({ x: x - 9, y: y - 9, width: 18, height: 18 });
}

/** Dots along the line, the way the data goes, the closer the more of it moves. */
function flow(frame: Frame, points: Drawn["points"], recordsPerSecond: number, colour: string): void {
  const { ctx } = frame;
  const every = Math.max(DOT_NEAREST_PX, DOT_WIDEST_PX / (1 + Math.log10(1 + recordsPerSecond)));
  const length = lengthOf(points);
  const start = frame.reducedMotion ? 0 : ((frame.timeMs / 1000) * DOT_SPEED_PX_PER_S) % every;
  ctx.fillStyle = colour;
  for (let at = start; at < length; at += every) {
    const [x, y] = pointAt(points, at);
    ctx.beginPath();
    ctx.arc(x, y, 1.8, 0, 2 * Math.PI);
    ctx.fill();
  }
}

function lengthOf(points: Drawn["points"]): number {
  let sum = 0;
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1] ?? [0, 0];
    const [bx, by] = points[i] ?? [0, 0];
    sum += Math.hypot(bx - ax, by - ay);
  }
  return sum;
}

function pointAt(points: Drawn["points"], distance: number): readonly [number, number] {
  let left = distance;
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1] ?? [0, 0];
    const [bx, by] = points[i] ?? [0, 0];
    const step = Math.hypot(bx - ax, by - ay);
    if (left <= step && step > 0) return [ax + ((bx - ax) * left) / step, ay + ((by - ay) * left) / step];
    left -= step;
  }
  return points.at(-1) ?? [0, 0];
}

function distanceTo(points: Drawn["points"], x: number, y: number): number {
  let nearest = Infinity;
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1] ?? [0, 0];
    const [bx, by] = points[i] ?? [0, 0];
    const dx = bx - ax;
    const dy = by - ay;
    const f = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
    nearest = Math.min(nearest, Math.hypot(x - ax - f * dx, y - ay - f * dy));
  }
  return nearest;
}
