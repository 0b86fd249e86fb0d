import type { ContainerStatus, ShipState } from "@landfall/proto/api";
import L from "leaflet";
import { fleetNowMs } from "../clock.js";
import type { Cursor } from "../cursor.js";
import type { App } from "../effects/app.js";
import type { Viewport } from "../effects/loading.js";
import { viewLinks } from "../fleet-model.js";
import { smallestRange, wrapLongitude } from "../geo/longitude.js";
import type { Selectors } from "../selectors.js";
import { valueOf } from "../state/remote.js";
import type { State } from "../state.js";
import type { Store } from "../store.js";
import type { Selection } from "../url-state.js";
import { CanvasLayer, type Hit } from "./canvas-layer.js";
import { ContainersPainter } from "./containers-layer.js";
import { GraticuleLabels, GraticulePainter } from "./graticule-layer.js";
import { LandPainter } from "./land-layer.js";
import { LinksPainter } from "./links-layer.js";
import { readColours, readPalette, type Palette } from "./palette.js";
import { everything, pointsOfSelection, type Point } from "./placing.js";
import { PortsPainter } from "./ports-layer.js";
import { ScalePainter } from "./scale-layer.js";
import { ShipsPainter } from "./ships-layer.js";
import { Tooltip } from "./tooltip.js";
import { TrackPainter } from "./track-layer.js";

export const MAX_ZOOM = 13;
/** Zoom of a first look at one thing. */
const NEAR_ZOOM = 5;
/** Further out than this the world repeats too often to be read. */
const MIN_ZOOM = 1;
const MIN_ZOOM_MAX = 4;

export interface MapView {
  zoomBy(steps: number): void;
  /** Shows everything that the person may see. */
  showAll(): void;
  destroy(): void;
}

export interface MapDeps {
  readonly app: App;
  readonly selectors: Selectors;
  readonly cursor: Store<Cursor, Cursor>;
  readonly onViewport: (viewport: Viewport) => void;
}

/** The map: turns the state into what the painters draw, and what happens on the map into actions. */
export function createMapView(element: HTMLElement, deps: MapDeps): MapView {
  return new Chart(element, deps);
}

class Chart implements MapView {
  readonly #map: L.Map;
  readonly #tooltip: Tooltip;
  readonly #motion = window.matchMedia("(prefers-reduced-motion: reduce)");
  readonly #scheme = window.matchMedia("(prefers-color-scheme: dark)");
  readonly #stops: (() => void)[] = [];
  readonly #land = new LandPainter(() => this.#ground.redraw());
  readonly #links = new LinksPainter();
  readonly #track = new TrackPainter();
  readonly #ports = new PortsPainter();
  readonly #ships = new ShipsPainter();
  readonly #containers = new ContainersPainter();
  readonly #ground: CanvasLayer;
  readonly #lines: CanvasLayer;
  readonly #marks: CanvasLayer;
  #palette: Palette;
  #colours: Readonly<Record<ContainerStatus, string>>;
  /** The first look is still to be chosen, when there is something to look at. */
  #unplaced: boolean;
  /** Selected here, and its track not yet brought into view. */
  #toShow: string | undefined;
  #syncRequest: number | undefined;

  constructor(
    readonly element: HTMLElement,
    readonly deps: MapDeps,
  ) {
    this.#palette = readPalette(element);
    this.#colours = readColours(element);
    const { box, selection } = deps.app.store.getState().view;
    this.#unplaced = box === undefined;
    // An address with a selection and no box means: show me that.
    if (!box && selection) this.#toShow = keyOf(selection);
    this.#map = L.map(element, {
      attributionControl: false,
      zoomControl: false,
      minZoom: MIN_ZOOM,
      maxZoom: MAX_ZOOM,
      zoomSnap: 0.25,
      zoomDelta: 1,
      wheelPxPerZoomLevel: 90,
      maxBounds: [
        [-85, -100_000],
        [85, 100_000],
      ],
      maxBoundsViscosity: 1,
      zoomAnimation: !this.#motion.matches,
      fadeAnimation: false,
      inertia: !this.#motion.matches,
    });
    this.#map.setView(box ? [box.latitude, box.longitude] : [12, 172], box?.zoom ?? 2.5, { animate: false });
    const shared = { palette: () => this.#palette, reducedMotion: () => this.#motion.matches };
    this.#ground = new CanvasLayer({ ...shared, pane: "tilePane", padding: 0.3 }, [this.#land, new GraticulePainter()]);
    this.#lines = new CanvasLayer({ ...shared, pane: "overlayPane", padding: 0 }, [
      new GraticuleLabels(),
      this.#links,
      this.#track,
    ]);
    this.#marks = new CanvasLayer({ ...shared, pane: "markerPane", padding: 0 }, [
      new ScalePainter(),
      this.#ports,
      this.#ships,
      this.#containers,
    ]);
    for (const layer of [this.#ground, this.#lines, this.#marks]) layer.addTo(this.#map);
    this.#tooltip = new Tooltip(element);
    this.#listen();
    this.#sync();
    this.#moved();
  }

  zoomBy(steps: number): void {
    this.#map.setZoom(this.#map.getZoom() + steps);
  }

  showAll(): void {
    this.#fit(everything(this.deps.app.store.getState()));
  }

  destroy(): void {
    for (const stop of this.#stops) stop();
    if (this.#syncRequest !== undefined) cancelAnimationFrame(this.#syncRequest);
    this.#map.remove();
  }

  #listen(): void {
    const { store } = this.deps.app;
    const map = this.#map;
    map.on("moveend", () => this.#moved());
    map.on("dragstart", () => (this.#unplaced = false));
    map.on("click", (event: L.LeafletMouseEvent) => this.#clicked(event));
    map.on("mousemove", (event: L.LeafletMouseEvent) => this.#hovered(event));
    map.on("mouseout movestart zoomstart", () => this.#hover(undefined, 0, 0));
    const resize = new ResizeObserver(() => {
      map.invalidateSize({ animate: false, pan: false });
      this.#limitZoom();
    });
    resize.observe(this.element);
    const recolour = (): void => {
      this.#palette = readPalette(this.element);
      this.#colours = readColours(this.element);
      this.#sync();
      this.#ground.redraw();
    };
    this.#scheme.addEventListener("change", recolour);
    // Canvas text needs the packed font to be there; style sheets alone do not wait for it.
    void document.fonts.ready.then(() => this.#sync());
    this.#stops.push(
      () => resize.disconnect(),
      () => this.#scheme.removeEventListener("change", recolour),
      store.subscribe((state, before) => this.#onState(state, before)),
      this.deps.cursor.subscribe(() => this.#requestSync()),
    );
  }

  /** No further out than the world is high: beyond the poles there is nothing to see. */
  #limitZoom(): void {
    const least = Math.ceil(Math.log2(this.#map.getSize().y / 256) * 4) / 4;
    this.#map.setMinZoom(Math.max(MIN_ZOOM, Math.min(MIN_ZOOM_MAX, least)));
  }

  #onState(state: State, before: State): void {
    const { selection, box } = state.view;
    if (selection !== before.view.selection) {
      this.#toShow = selection && keyOf(selection);
    }
    // Only back and forward set a box that is not the map's own.
    if (box && box !== before.view.box && !this.#isAt(box)) {
      this.#map.setView([box.latitude, box.longitude], box.zoom);
    }
    this.#requestSync();
  }

  #requestSync(): void {
    if (this.#syncRequest !== undefined) return;
    this.#syncRequest = requestAnimationFrame(() => {
      this.#syncRequest = undefined;
      this.#sync();
    });
  }

  /** Hands the state to the painters. */
  #sync(): void {
    const { app, selectors, cursor } = this.deps;
    const state = app.store.getState();
    const { selection } = state.view;
    const selectedId = (kind: string): string | undefined => (selection?.kind === kind ? selection.id : undefined);
    const ships = valueOf(state.ships) ?? {};
    const sites = valueOf(state.sites);
    const nowMs = fleetNowMs(state.simulation, app.nowMs());
    const shipName = (imo: string): string | undefined => ships[imo]?.name;
    this.#links.set(
      sites ? viewLinks(sites, ships, state.simulation?.state.links) : [],
      selectedId("link"),
      selectors.openHistory(state) !== undefined,
    );
    this.#ports.set(sites?.sites ?? [], ships, selectedId("site"));
    this.#ships.set(ships, selectedId("ship"), nowMs, performance.now());
    this.#containers.set({
      reply: valueOf(state.marks),
      selected: selectedId("container"),
      nowMs,
      maxZoom: MAX_ZOOM,
      shipName,
      colours: this.#colours,
    });
    const open = selectors.openHistory(state);
    this.#track.set(
      open && {
        history: open.model,
        measure: open.measure,
        range: open.range,
        cursorMs: cursor.getState().ms,
        replayMs: state.view.atMs,
        shipName: (imo) => shipName(imo) ?? `IMO ${imo}`,
        nowMs,
      },
    );
    this.element.classList.toggle("map-replay", state.view.atMs !== undefined);
    this.#lines.redraw();
    this.#marks.redraw();
    this.#place(state, ships);
  }

  /** Chooses the first look, and brings what was selected into view once it is known where it is. */
  #place(state: State, ships: Readonly<Record<string, ShipState>>): void {
    const points = this.#toShow === undefined ? [] : pointsOfSelection(state, ships, this.deps.selectors);
    if (points === undefined) return;
    const isNew = this.#toShow !== undefined;
    this.#toShow = undefined;
    if (points.length === 0) this.#placeFirst(state);
    else if (isNew && (this.#unplaced || !points.every((point) => this.#isInView(point)))) {
      this.#unplaced = false;
      this.#fit(points);
    }
  }

  /** The first look: all that there is. */
  #placeFirst(state: State): void {
    if (!this.#unplaced) return;
    // All of it, or the first look would be at whatever came in first.
    const parts = [state.ships, state.sites, state.marks];
    if (!parts.every(({ phase }) => phase === "ready" || phase === "failed")) return;
    const points = everything(state);
    if (points.length === 0) return;
    this.#unplaced = false;
    this.#fit(points, false);
  }

  #fit(points: readonly Point[], animate = !this.#motion.matches): void {
    const range = smallestRange(points.map(([longitude]) => longitude));
    if (!range) return;
    const latitudes = points.map(([, latitude]) => latitude);
    const size = this.#map.getSize();
    // A phone's sheet covers the lower half of the map.
    const covered = Number.parseFloat(getComputedStyle(this.element).getPropertyValue("--map-covered")) || 0;
    const margin = Math.min(70, size.x / 6);
    this.#map.fitBounds(
      [
        [latitudes.reduce((a, b) => Math.min(a, b)), range.west],
        [latitudes.reduce((a, b) => Math.max(a, b)), range.east],
      ],
      {
        paddingTopLeft: [margin, margin + 20],
        paddingBottomRight: [margin, Math.min(margin + 50 + covered * size.y, size.y * 0.7)],
        maxZoom: NEAR_ZOOM,
        animate,
      },
    );
  }

  #isInView([longitude, latitude]: Point): boolean {
    const bounds = this.#map.getBounds().pad(-0.05);
    const turns = Math.round((this.#map.getCenter().lng - longitude) / 360);
    return bounds.contains([latitude, longitude + 360 * turns]);
  }

  #isAt(box: NonNullable<State["view"]["box"]>): boolean {
    const center = this.#map.getCenter();
    const near = (a: number, b: number, eps: number): boolean => Math.abs(a - b) < eps;
    return (
      near(box.zoom, this.#map.getZoom(), 0.01) &&
      near(box.latitude, center.lat, 1e-3) &&
      near(wrapLongitude(box.longitude), wrapLongitude(center.lng), 1e-3)
    );
  }

  #moved(): void {
    const bounds = this.#map.getBounds();
    const zoom = this.#map.getZoom();
    this.deps.onViewport({
      west: bounds.getWest(),
      south: bounds.getSouth(),
      east: bounds.getEast(),
      north: bounds.getNorth(),
      zoom,
    });
    if (this.#unplaced) return;
    const center = this.#map.getCenter();
    this.deps.app.store.dispatch({
      type: "view/moved",
      box: {
        latitude: Number(center.lat.toFixed(4)),
        longitude: Number(wrapLongitude(center.lng).toFixed(4)),
        zoom: Number(zoom.toFixed(2)),
      },
    });
  }

  #hitAt(point: L.Point): Hit | undefined {
    return this.#marks.hit(point.x, point.y) ?? this.#lines.hit(point.x, point.y);
  }

  #clicked(event: L.LeafletMouseEvent): void {
    const { store } = this.deps.app;
    const hit = this.#hitAt(event.containerPoint);
    this.#unplaced = false;
    if (hit?.zoomTo) {
      const { latitude, longitude, zoom } = hit.zoomTo;
      const turns = Math.round((this.#map.getCenter().lng - longitude) / 360);
      this.#map.setView([latitude, longitude + 360 * turns], Math.max(zoom, this.#map.getZoom() + 1));
    } else if (hit?.selection) {
      store.dispatch({ type: "view/selected", selection: hit.selection });
      this.#toShow = undefined;
    } else if (hit?.ms !== undefined) {
      store.dispatch({ type: "view/at", atMs: hit.ms });
    }
  }

  #hovered(event: L.LeafletMouseEvent): void {
    this.#hover(this.#hitAt(event.containerPoint), event.containerPoint.x, event.containerPoint.y);
  }

  #hover(hit: Hit | undefined, x: number, y: number): void {
    this.element.classList.toggle("map-over-mark", hit !== undefined);
    this.deps.cursor.dispatch(hit?.ms === undefined ? {} : { ms: hit.ms });
    if (hit) this.#tooltip.show(hit, x, y);
    else this.#tooltip.hide();
  }
}

function keyOf({ kind, id }: Selection): string {
  return `${kind}:${id}`;
}
