import type { ContainerStatus } from "@landfall/proto/api";
import { STATUS_ORDER } from "./status.js";

/** What the address bar holds: enough to send somebody a link to exactly this view. */

export type Tab = "fleet" | "alerts" | "sites";

export type SelectionKind = "container" | "ship" | "site" | "link" | "alert";

export interface Selection {
  readonly kind: SelectionKind;
  readonly id: string;
}

/** Centre (WGS 84 degrees) and zoom of the map. */
export interface Box {
  readonly latitude: number;
  readonly longitude: number;
  readonly zoom: number;
}

/** The part of a history that the chart shows, epoch milliseconds. */
export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What is looked for in a history, in the measurement's own unit. */
export interface ValueLimit {
  readonly side: "above" | "below";
  readonly value: number;
}

export interface View {
  readonly tab: Tab;
  readonly selection?: Selection;
  readonly box?: Box;
  /** Moment of a replay, epoch milliseconds; absent while the view is live. */
  readonly atMs?: number;
  /** Which measurement the chart shows. */
  readonly measure?: string;
  /** Containers in these states alone are shown; all of them without it. Never empty, in the order of legends. */
  readonly statuses?: readonly ContainerStatus[];
  /** Absent: the whole history. */
  readonly window?: TimeWindow;
  /** The map keeps the replayed moment in view. */
  readonly follow?: boolean;
  readonly limit?: ValueLimit;
}

const TABS: readonly Tab[] = ["fleet", "alerts", "sites"];
const KINDS: readonly SelectionKind[] = ["container", "ship", "site", "link", "alert"];
/** Identifiers of everything that can be selected; a link's is `a~b`. Longer ones are not ours. */
const ID_PATTERN = /^[A-Za-z0-9._~-]{1,100}$/;
const MEASURE_PATTERN = /^[a-z0-9]{1,20}$/;

/** Reads a query string; anything unreadable is left out rather than guessed. */
export function parseView(search: string): View {
  const query = new URLSearchParams(search);
  const tab = TABS.find((name) => name === query.get("tab")) ?? "fleet";
  const selection = readSelection(query);
  const box = readBox(query.get("map"));
  const atMs = Date.parse(query.get("at") ?? "");
  const measure = query.get("chart");
  const window = readWindow(query.get("window"));
  const limit = readLimit(query.get("ever"));
  return {
    tab,
    ...(selection ? { selection } : {}),
    ...(box ? { box } : {}),
    ...(selection && Number.isFinite(atMs) ? { atMs } : {}),
    ...(measure !== null && MEASURE_PATTERN.test(measure) ? { measure } : {}),
    ...readStatuses(query.get("state")),
    ...(selection && window ? { window } : {}),
    ...(selection && query.get("follow") === "1" ? { follow: true } : {}),
    ...(selection && limit ? { limit } : {}),
  };
}

/** The query string of a view, empty or with a leading `?`; `parseView` reads it back. */
export function formatView(view: View): string {
  const parts: string[] = [];
  if (view.selection) parts.push(`${view.selection.kind}=${encodeURIComponent(view.selection.id)}`);
  if (view.tab !== "fleet") parts.push(`tab=${view.tab}`);
  if (view.statuses !== undefined) parts.push(`state=${view.statuses.join(",")}`);
  if (view.atMs !== undefined) parts.push(`at=${toText(view.atMs)}`);
  if (view.measure !== undefined) parts.push(`chart=${view.measure}`);
  if (view.window) parts.push(`window=${toText(view.window.fromMs)}/${toText(view.window.toMs)}`);
  if (view.follow) parts.push("follow=1");
  if (view.limit) parts.push(`ever=${view.limit.side}/${trim(view.limit.value, 3)}`);
  if (view.box) {
    const { latitude, longitude, zoom } = view.box;
    // Written by hand: URLSearchParams would turn the slashes into %2F.
    parts.push(`map=${trim(zoom, 2)}/${trim(latitude, 4)}/${trim(longitude, 4)}`);
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

/** Whether going from one to the other deserves an entry of its own in the browser's history. */
export function isNewPlace(before: View, after: View): boolean {
  return (
    before.tab !== after.tab ||
    before.selection?.kind !== after.selection?.kind ||
    before.selection?.id !== after.selection?.id
  );
}

/** Those of the list that are states; all of them, or none, is no filter. */
export function readStatuses(text: string | null): Pick<View, "statuses"> {
  const named = (text ?? "").split(",");
  const statuses = STATUS_ORDER.filter((status) => named.includes(status));
  return statuses.length === 0 || statuses.length === STATUS_ORDER.length ? {} : { statuses };
}

function readSelection(query: URLSearchParams): Selection | undefined {
  for (const kind of KINDS) {
    const id = query.get(kind);
    if (id !== null && ID_PATTERN.test(id)) return { kind, id };
  }
  return undefined;
}

function readBox(text: string | null): Box | undefined {
  const [zoom, latitude, longitude, ...rest] = (text ?? "").split("/").map((part) => Number.parseFloat(part));
  if (zoom === undefined || latitude === undefined || longitude === undefined || rest.length > 0) return undefined;
  if (![zoom, latitude, longitude].every((value) => Number.isFinite(value))) return undefined;
  if (zoom < 0 || zoom > 22 || Math.abs(latitude) > 90 || Math.abs(longitude) > 540) return undefined;
  return { zoom, latitude, longitude };
}

function readWindow(text: string | null): TimeWindow | undefined {
  const [fromMs, toMs, ...rest] = (text ?? "").split("/").map((part) => Date.parse(part));
  if (fromMs === undefined || toMs === undefined || rest.length > 0 || !(fromMs < toMs)) return undefined;
  return { fromMs, toMs };
}

function readLimit(text: string | null): ValueLimit | undefined {
  const [side, number = "", ...rest] = (text ?? "").split("/");
  const value = Number.parseFloat(number);
  if ((side !== "above" && side !== "below") || !Number.isFinite(value) || rest.length > 0) return undefined;
  return { side, value };
}

/** RFC 3339 in whole seconds. */
function toText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
