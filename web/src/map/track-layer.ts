import { stayAt } from "../custody.js";
import { portName } from "../fleet-model.js";
import { formatBoth } from "../format/time.js";
import type { HistoryModel, Missing, Reading } from "../history-model.js";
import { positionAt } from "../history-model.js";
import { describe, shownIn, type Measure } from "../measures.js";
import type { Hit, Painter } from "./canvas-layer.js";
import { eventWords, incidentWords, knownLine, missingTimes, missingWords } from "../words.js";
import { cividis } from "./cividis.js";
import { copyOffsets, toX, toY, type Frame } from "./frame.js";

const WIDTH_PX = 3.2;
/** Where it was unknown to us when it happened. */
const LATE_WIDTH_PX = 1.4;
const REACH_PX = 9;
/** Where records are missing: a band of slanted strokes instead of the line, and how far apart they stand. */
const HATCH_PX = 5;
const HATCH_REACH_PX = 5;
/** Distance of the places along such a band that say why. */
const HATCH_HIT_PX = 12;

export interface TrackModel {
  readonly history: HistoryModel;
  readonly measure: Measure | undefined;
  /** Smallest and largest value of the measure's first line. */
  readonly range: readonly [number, number] | undefined;
  /** Moment under the chart's pointer or of the replay. */
  readonly cursorMs: number | undefined;
  readonly replayMs: number | undefined;
  readonly shipName: (imo: string) => string;
  readonly siteName: (site: string) => string;
  readonly nowMs: number;
}

interface Placed {
  readonly reading: Reading;
  readonly longitude: number;
  readonly latitude: number;
  /** Of the chart's measure, here or shortly before: a ship's positions and its weather come apart. */
  readonly value: number | undefined;
}

/** Longer ago than this, a value says nothing about a place. */
const CARRY_MS = 3 * 3_600_000;

interface OnScreen extends Placed {
  readonly x: number;
  readonly y: number;
}

interface Target {
  readonly x: number;
  readonly y: number;
  readonly hit: () => Hit;
}

/** The open history as a track: coloured by the measurement in the chart, thin where it came late, dotted where it is silent, hatched where records are missing. */
export class TrackPainter implements Painter {
  #model: TrackModel | undefined;
  #placed: readonly Placed[] = [];
  #drawn: Target[] = [];

  set(model: TrackModel | undefined): void {
    if (model?.history !== this.#model?.history || model?.measure !== this.#model?.measure) {
      this.#placed = model ? placeReadings(model) : [];
    }
    this.#model = model;
  }

  paint(frame: Frame): boolean {
    this.#drawn = [];
    const model = this.#model;
    if (!model) return false;
    const lons = this.#placed.map(({ longitude }) => longitude);
    if (lons.length > 0) {
      const west = lons.reduce((a, b) => Math.min(a, b));
      const east = lons.reduce((a, b) => Math.max(a, b));
      for (const offset of copyOffsets(frame, west, east)) this.#track(frame, model, offset);
    }
    this.#incidents(frame, model);
    this.#events(frame, model);
    const { cursorMs, replayMs } = model;
    if (replayMs !== undefined) this.#cursor(frame, model, replayMs, 8);
    if (cursorMs !== undefined) this.#cursor(frame, model, cursorMs, 6);
    return false;
  }

  hit(x: number, y: number): Hit | undefined {
    let best: Target | undefined;
    let distance = REACH_PX;
    for (const drawn of this.#drawn) {
      const d = Math.hypot(drawn.x - x, drawn.y - y);
      if (d > distance) continue;
      distance = d;
      best = drawn;
    }
    return best?.hit();
  }

  #track(frame: Frame, model: TrackModel, offset: number): void {
    const { ctx, palette } = frame;
    const points = this.#placed.map((placed) => ({
      ...placed,
      x: toX(frame, placed.longitude) + offset,
      y: toY(frame, placed.latitude),
    }));
    ctx.lineCap = "round";
    ctx.lineJoin = "round";
    // Casing first, so that the colours stand on any ground.
    ctx.strokeStyle = palette.halo;
    ctx.lineWidth = WIDTH_PX + 3;
    ctx.beginPath();
    for (const [i, { x, y, reading }] of points.entries()) {
      if (i === 0 || reading.afterGap || reading.missing) ctx.moveTo(x, y);
      else ctx.lineTo(x, y);
    }
    ctx.stroke();
    for (let i = 1; i < points.length; i++) {
      const a = points[i - 1];
      const b = points[i];
      if (!a || !b) continue;
      if (Math.hypot(a.x - b.x, a.y - b.y) < 0.3 && i < points.length - 1) continue;
      const { late, afterGap, missing } = b.reading;
      if (missing) {
        this.#hatched(frame, model, missing, a, b);
        continue;
      }
      ctx.setLineDash(afterGap ? [1, 5] : []);
      ctx.lineWidth = late || afterGap ? LATE_WIDTH_PX : WIDTH_PX;
      ctx.strokeStyle = afterGap ? palette.inkSoft : colourOf(frame, model, b.value);
      ctx.beginPath();
      ctx.moveTo(a.x, a.y);
      ctx.lineTo(b.x, b.y);
      ctx.stroke();
    }
    ctx.setLineDash([]);
    for (const { reading, x, y } of points) {
      if (x < -20 || x > frame.width + 20 || y < -20 || y > frame.height + 20) continue;
      this.#drawn.push({ x, y, hit: () => readingHit(model, reading) });
    }
  }

  #hatched(frame: Frame, model: TrackModel, missing: Missing, a: OnScreen, b: OnScreen): void {
    const { ctx, palette } = frame;
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    if (length === 0) return;
    const [alongX, alongY] = [(b.x - a.x) / length, (b.y - a.y) / length];
    const at = (px: number): { x: number; y: number } => ({ x: a.x + alongX * px, y: a.y + alongY * px });
    ctx.setLineDash([]);
    for (const [colour, width] of [
      [palette.halo, 4],
      [palette.ink, 1.2],
    ] as const) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = width;
      ctx.beginPath();
      for (let px = HATCH_PX / 2; px < length; px += HATCH_PX) {
        const { x, y } = at(px);
        // Across the way, leaning forward.
        const [dx, dy] = [(alongX - alongY) * HATCH_REACH_PX * 0.7, (alongY + alongX) * HATCH_REACH_PX * 0.7];
        ctx.moveTo(x - dx, y - dy);
        ctx.lineTo(x + dx, y + dy);
      }
      ctx.stroke();
    }
    // Pointing at it points at its middle, in the chart too.
    const ms = (a.reading.ms + b.reading.ms) / 2;
    const hit = (): Hit => ({
      ms,
      lines: [`Missing ${missingTimes(missing, model.nowMs)}`, missingWords(missing, model.siteName)],
    });
    for (let px = HATCH_HIT_PX / 2; px < length; px += HATCH_HIT_PX) this.#drawn.push({ ...at(px), hit });
  }

  #events(frame: Frame, model: TrackModel): void {
    const { ctx, palette } = frame;
    for (const event of model.history.events) {
      if (event.longitude === undefined || event.latitude === undefined) continue;
      for (const offset of copyOffsets(frame, event.longitude, event.longitude)) {
        const x = toX(frame, event.longitude) + offset;
        const y = toY(frame, event.latitude);
        ctx.beginPath();
        ctx.arc(x, y, 4.5, 0, 2 * Math.PI);
        ctx.fillStyle = palette.paper;
        ctx.fill();
        ctx.strokeStyle = palette.ink;
        ctx.lineWidth = 1.8;
        ctx.stroke();
        this.#drawn.push({
          x,
          y,
          hit: () => ({
            ms: event.ms,
            lines: [
              eventWords(event.type, event.vessel === undefined ? undefined : model.shipName(event.vessel)),
              [
                ...(event.location === undefined ? [] : [portName(event.location)]),
                formatBoth(event.ms, model.nowMs),
              ].join(" · "),
            ],
          }),
        });
      }
    }
  }

  /** Doors, power cuts and shocks, each in the shape and colour of its state. */
  #incidents(frame: Frame, model: TrackModel): void {
    const { ctx, palette } = frame;
    for (const incident of model.history.incidents) {
      const { kind, longitude, latitude } = incident;
      if (kind === "defrost" || longitude === undefined || latitude === undefined) continue;
      for (const offset of copyOffsets(frame, longitude, longitude)) {
        const x = toX(frame, longitude) + offset;
        const y = toY(frame, latitude);
        ctx.fillStyle = kind === "shock" ? palette.ink : palette.statuses[INCIDENT_STATUS[kind]];
        ctx.strokeStyle = palette.paper;
        ctx.lineWidth = 1.5;
        incidentPath(ctx, kind, x, y);
        ctx.fill();
        ctx.stroke();
        const hit = (): Hit => ({
          ms: incident.fromMs,
          lines: [
            incidentWords(incident),
            ...placeWords(model, incident.fromMs),
            formatBoth(incident.fromMs, model.nowMs),
          ],
        });
        this.#drawn.push({ x, y, hit });
      }
    }
  }

  #cursor(frame: Frame, model: TrackModel, ms: number, radius: number): void {
    const at = positionAt(model.history.readings, ms);
    if (!at) return;
    const { ctx, palette } = frame;
    for (const offset of copyOffsets(frame, at.longitude, at.longitude)) {
      const x = toX(frame, at.longitude) + offset;
      const y = toY(frame, at.latitude);
      ctx.beginPath();
      ctx.arc(x, y, radius, 0, 2 * Math.PI);
      ctx.strokeStyle = palette.halo;
      ctx.lineWidth = 5;
      ctx.stroke();
      ctx.strokeStyle = palette.ink;
      ctx.lineWidth = 2;
      ctx.stroke();
    }
  }
}

function placeReadings({ history, measure }: TrackModel): Placed[] {
  const key = measure?.series[0]?.key;
  const placed: Placed[] = [];
  let last: { readonly ms: number; readonly value: number } | undefined;
  for (const reading of history.readings) {
    const own = measure && key !== undefined ? shownIn(reading.point, key, measure) : undefined;
    if (own !== undefined) last = { ms: reading.ms, value: own };
    const { longitude, latitude } = reading;
    if (longitude === undefined || latitude === undefined) continue;
    const value = last && reading.ms - last.ms <= CARRY_MS ? last.value : undefined;
    placed.push({ reading, longitude, latitude, value });
  }
  return placed;
}

function colourOf(frame: Frame, model: TrackModel, value: number | undefined): string {
  if (value === undefined || !model.range) return frame.palette.accent;
  const [low, high] = model.range;
  return cividis(high > low ? (value - low) / (high - low) : 0.5, frame.palette.dark);
}

const INCIDENT_STATUS = { door: "door-open", power: "no-power" } as const;
const INCIDENT_PX = 4.5;

function incidentPath(ctx: CanvasRenderingContext2D, kind: "door" | "power" | "shock", x: number, y: number): void {
  const r = INCIDENT_PX;
  ctx.beginPath();
  if (kind === "door") ctx.rect(x - r, y - r, 2 * r, 2 * r);
  else {
    ctx.moveTo(x, y - r - 1);
    ctx.lineTo(x + r + 1, kind === "power" ? y + r : y);
    if (kind === "shock") ctx.lineTo(x, y + r + 1);
    ctx.lineTo(x - r - 1, kind === "power" ? y + r : y);
    ctx.closePath();
  }
}

/** `aboard Big Blue Lotus`, `in the terminal of Singapore`; nothing where no move tells. */
function placeWords({ history, shipName }: TrackModel, ms: number): string[] {
  const stay = stayAt(history.custody, ms);
  if (stay?.kind === "ship") return stay.vessel === undefined ? [] : [`aboard ${shipName(stay.vessel)}`];
  if (stay?.kind === "terminal") return stay.from === undefined ? [] : [`in the terminal of ${portName(stay.from)}`];
  return stay ? ["on the road"] : [];
}

function readingHit(model: TrackModel, reading: Reading): Hit {
  const shown = model.measure ? describe(reading.point, model.measure) : "";
  return {
    ms: reading.ms,
    lines: [
      shown === "" ? "Position" : shown,
      ...placeWords(model, reading.ms),
      `measured ${formatBoth(reading.ms, model.nowMs)}`,
      knownLine(reading),
    ],
  };
}
