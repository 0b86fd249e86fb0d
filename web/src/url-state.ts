/** What the address bar holds: enough to send somebody a link to exactly this view. */

export type Tab = "fleet" | "alerts" | "sites";

export type SelectionKind = "container" | "ship" | "site" | "link";

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

export interface View {
  readonly tab: Tab;
  readonly selection?: Selection;
  readonly box?: Box;
  /** Moment of a replay, epoch milliseconds; absent while the view is live. */
  readonly atMs?: number;
  /** Which measurement the chart shows. */
  readonly measure?: string;
}

const TABS: readonly Tab[] = ["fleet", "alerts", "sites"];
const KINDS: readonly SelectionKind[] = ["container", "ship", "site", "link"];
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
  return {
    tab,
    ...(selection ? { selection } : {}),
    ...(box ? { box } : {}),
    ...(selection && Number.isFinite(atMs) ? { atMs } : {}),
    ...(measure !== null && MEASURE_PATTERN.test(measure) ? { measure } : {}),
  };
}

/** The query string of a view, empty or with a leading `?`; `parseView` reads it back. */
export function formatView(view: View): string {
  const parts: string[] = [];
  if (view.selection) parts.push(`${view.selection.kind}=${encodeURIComponent(view.selection.id)}`);
  if (view.tab !== "fleet") parts.push(`tab=${view.tab}`);
  if (view.atMs !== undefined) parts.push(`at=${new Date(view.atMs).toISOString().replace(/\.\d+Z$/, "Z")}`);
  if (view.measure !== undefined) parts.push(`chart=${view.measure}`);
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

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
