import type { ApiAlert } from "@landfall/proto/api";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import { offPort } from "../geo/off-port.js";
import { formatAgo, toMs } from "../format/time.js";
import { ALERT_STATUS, ALERT_WORDS } from "../status.js";
import { readable } from "../words.js";
import { MAX_ZOOM } from "./camera.js";
import type { Hit, Painter } from "./canvas-layer.js";
import { copyOffsets, toX, toY, type Frame } from "./frame.js";
import { drawStatus, SHAPE_PX } from "./status-shape.js";
import { haloText } from "./text.js";

/** Alerts nearer than this to each other share a mark. */
const TOGETHER_PX = 14;
/** Zoom levels closer that a click on several goes. */
const CLOSER_ZOOM = 3;
/** Marks that are looked at; a map with more is unreadable anyway. */
const ALERTS_MAX = 500;

interface Group {
  readonly x: number;
  readonly y: number;
  readonly alerts: ApiAlert[];
}

/**
 * Open alerts where they happened, so that one lost box is not hidden in a cluster of many: the critical ones always, the others while
 * the list of alerts is open beside the map, and the chosen one in any case.
 */
export class AlertsPainter implements Painter {
  #alerts: readonly ApiAlert[] = [];
  #selected: string | undefined;
  #nowMs = 0;
  #zoom = 0;
  #groups: Group[] = [];

  set(model: {
    readonly alerts: readonly ApiAlert[];
    readonly selected: string | undefined;
    /** Whether the list of alerts is open. */
    readonly isListed: boolean;
    readonly nowMs: number;
  }): void {
    this.#nowMs = model.nowMs;
    this.#selected = model.selected;
    const isShown = ({ id, state, severity }: ApiAlert): boolean =>
      id === model.selected || (state === "raised" && (severity === "critical" || model.isListed));
    this.#alerts = model.alerts
      .filter((alert) => alert.latitude !== undefined && alert.longitude !== undefined && isShown(alert))
      // The worst on top, and what is beyond the limit are the least.
      .toSorted((a, b) => rank(a) - rank(b))
      .slice(0, ALERTS_MAX);
  }

  paint(frame: Frame): boolean {
    this.#zoom = frame.zoom;
    this.#groups = [];
    for (const alert of this.#alerts) {
      const { longitude = 0, latitude = 0 } = alert;
      for (const offset of copyOffsets(frame, longitude, longitude)) {
        this.#add(alert, toX(frame, longitude) + offset, toY(frame, latitude));
      }
    }
    for (const group of this.#groups)
      draw(
        frame,
        group,
        group.alerts.some(({ id }) => id === this.#selected),
      );
    return false;
  }

  hit(x: number, y: number): Hit | undefined {
    const group = this.#groups.find((one) => Math.hypot(one.x - x, one.y - y) <= SHAPE_PX);
    const [first] = group?.alerts ?? [];
    if (!group || !first) return undefined;
    if (group.alerts.length === 1 || this.#zoom >= MAX_ZOOM) {
      return { lines: linesOf(first, this.#nowMs), selection: { kind: "alert", id: first.id } };
    }
    return {
      lines: [words(group), ...group.alerts.slice(0, 5).map(({ container = "" }) => formatContainerNumber(container))],
      zoomTo: {
        latitude: first.latitude ?? 0,
        longitude: first.longitude ?? 0,
        zoom: Math.min(MAX_ZOOM, this.#zoom + CLOSER_ZOOM),
      },
    };
  }

  #add(alert: ApiAlert, x: number, y: number): void {
    const near = this.#groups.find((group) => Math.hypot(group.x - x, group.y - y) < TOGETHER_PX);
    if (near) near.alerts.push(alert);
    else this.#groups.push({ x, y, alerts: [alert] });
  }
}

function rank({ severity }: ApiAlert): number {
  return severity === "critical" ? 0 : 1;
}

function draw(frame: Frame, group: Group, isSelected: boolean): void {
  const { ctx, palette } = frame;
  const [first] = group.alerts;
  if (!first) return;
  if (isSelected) {
    ctx.beginPath();
    ctx.arc(group.x, group.y, SHAPE_PX, 0, 2 * Math.PI);
    ctx.lineWidth = 2;
    ctx.strokeStyle = palette.ink;
    ctx.stroke();
  }
  ctx.save();
  ctx.translate(group.x - SHAPE_PX / 2, group.y - SHAPE_PX / 2);
  drawStatus(frame, ALERT_STATUS[first.type]);
  ctx.restore();
  const half = SHAPE_PX / 2 + 2;
  frame.labels.take({ x: group.x - half, y: group.y - half, width: 2 * half, height: 2 * half });
  ctx.font = `600 12px ${palette.font}`;
  const text = words(group);
  const width = ctx.measureText(text).width + 4;
  const place = frame.labels.place([
    { x: group.x + half + 2, y: group.y - 8.5, width, height: 17 },
    { x: group.x - half - 2 - width, y: group.y - 8.5, width, height: 17 },
    { x: group.x - width / 2, y: group.y + half, width, height: 17 },
    { x: group.x - width / 2, y: group.y - half - 17, width, height: 17 },
  ]);
  if (place) haloText(frame, text, place.x + 2, place.y + 12.5, palette.lineDown);
}

/** `Lost`, or how many of them: `5 lost`. */
function words({ alerts }: Group): string {
  const types = new Set(alerts.map(({ type }) => type));
  const [first] = alerts;
  if (!first) return "";
  if (types.size > 1) return `${alerts.length} alerts`;
  const word = ALERT_WORDS[first.type];
  return alerts.length === 1 ? word : `${alerts.length} ${word.toLowerCase()}`;
}

function linesOf(alert: ApiAlert, nowMs: number): string[] {
  const ms = toMs(alert.time);
  const off = offPort(alert);
  return [
    `${ALERT_WORDS[alert.type]}${alert.container === undefined ? "" : ` ${formatContainerNumber(alert.container)}`}`,
    ...(off === undefined ? [] : [off]),
    readable(alert.message),
    ...(ms === undefined ? [] : [formatAgo(ms, Math.max(nowMs, ms))]),
  ];
}
