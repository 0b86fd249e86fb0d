import L from "leaflet";
import { fleetNowMs } from "../clock.js";
import type { Cursor } from "../cursor.js";
import type { App } from "../effects/app.js";
import type { Viewport } from "../effects/loading.js";
import { viewLinks, siteName } from "../fleet-model.js";
import { positionAt } from "../history-model.js";
import { wrapLongitude } from "../geo/longitude.js";
import type { Selectors } from "../selectors.js";
import { valueOf } from "../state/remote.js";
import type { State } from "../state.js";
import type { Store } from "../store.js";
import { AlertsPainter } from "./alerts-layer.js";
import { Camera, FIRST_BOX, MAX_ZOOM } from "./camera.js";
import { CanvasLayer, type Hit } from "./canvas-layer.js";
import { ContainersPainter } from "./containers-layer.js";
import { GraticuleLabels, GraticulePainter } from "./graticule-layer.js";
import { LandPainter } from "./land-layer.js";
import { LinksPainter } from "./links-layer.js";
import { readPalette, type Palette } from "./palette.js";
import { PortsPainter } from "./ports-layer.js";
import { ScalePainter } from "./scale-layer.js";
import { ShipsPainter } from "./ships-layer.js";
import { createTilesLayer } from "./tiles-layer.js";
import { Tooltip } from "./tooltip.js";
import { TrackPainter } from "./track-layer.js";

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

/** How far lines and marks reach beyond the view, as a share of it: while the map is dragged so far, nothing is drawn. */
const PADDING = 0.1;
/** How often what only grows old is looked at again: names of ships that were not heard of for hours fade. */
const STALE_LOOK_MS = 10_000;

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
  readonly #alerts = new AlertsPainter();
  readonly #ground: CanvasLayer;
  /** The graticule, where it would lie below tiles. */
  readonly #grid: CanvasLayer | undefined;
  readonly #edges: CanvasLayer;
  readonly #lines: CanvasLayer;
  readonly #marks: CanvasLayer;
  #palette: Palette;
  /** Counts what the packed fonts became: text that was drawn before must be drawn again. */
  #fonts = 0;
  readonly #linkInputs = new Inputs();
  readonly #lineInputs = new Inputs();
  readonly #markInputs = new Inputs();
  readonly #camera: Camera;
  #syncRequest: number | undefined;

  constructor(
    readonly element: HTMLElement,
    readonly deps: MapDeps,
  ) {
    this.#palette = readPalette(element);
    const { view, session } = deps.app.store.getState();
    const tiles = session.phase === "signed-in" ? session.user.tiles : undefined;
    this.#map = createMap(element, this.#motion.matches);
    const { latitude, longitude, zoom } = view.box ?? FIRST_BOX;
    this.#map.setView([latitude, longitude], zoom, { animate: false });
    this.#camera = new Camera(this.#map, deps.selectors, () => this.#motion.matches, view);
    const shared = { palette: () => this.#palette, reducedMotion: () => this.#motion.matches, settles: true };
    const still = { ...shared, padding: 0.15, settles: false };
    const graticule = new GraticulePainter();
    this.#ground = new CanvasLayer({ ...still, pane: "tilePane" }, tiles ? [this.#land] : [this.#land, graticule]);
    this.#grid = tiles && new CanvasLayer({ ...still, pane: "overlayPane" }, [graticule]);
    // What stays at the edges is drawn anew with every step of a moving map, and so has a canvas of its own.
    this.#edges = new CanvasLayer({ ...shared, pane: "overlayPane", padding: 0 }, [
      new GraticuleLabels(tiles !== undefined),
      new ScalePainter(),
    ]);
    this.#lines = new CanvasLayer({ ...shared, pane: "overlayPane", padding: PADDING }, [this.#links, this.#track]);
    this.#marks = new CanvasLayer({ ...shared, pane: "markerPane", padding: PADDING }, [
      this.#ports,
      this.#ships,
      // Before the clusters, which find a place beside what is taken.
      this.#alerts,
      this.#containers,
    ]);
    const base = [this.#ground, tiles && createTilesLayer(tiles), this.#grid];
    for (const layer of [...base, this.#edges, this.#lines, this.#marks]) layer?.addTo(this.#map);
    this.#tooltip = new Tooltip(element);
    this.#listen();
    this.#sync();
    this.#moved();
  }

  zoomBy(steps: number): void {
    this.#map.setZoom(this.#map.getZoom() + steps);
  }

  showAll(): void {
    this.#camera.showAll(this.deps.app.store.getState());
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
    map.on("dragstart", () => {
      this.#camera.letGo();
      // Who moves the map looks elsewhere.
      if (store.getState().view.follow) store.dispatch({ type: "view/follow", follow: false });
    });
    map.on("click", (event: L.LeafletMouseEvent) => this.#clicked(event));
    map.on("mousemove", (event: L.LeafletMouseEvent) => this.#hovered(event));
    map.on("mouseout movestart zoomstart", () => this.#hover(undefined, 0, 0));
    const resize = new ResizeObserver(() => {
      map.invalidateSize({ animate: false, pan: false });
      this.#camera.limitZoom();
    });
    resize.observe(this.element);
    const recolour = (): void => {
      this.#palette = readPalette(this.element);
      this.#sync();
      for (const layer of [this.#ground, this.#grid, this.#edges]) layer?.redraw();
    };
    this.#scheme.addEventListener("change", recolour);
    // Canvas text needs the packed font to be there; style sheets alone do not wait for it.
    void document.fonts.ready.then(() => this.#fontsCame());
    this.#stops.push(
      () => resize.disconnect(),
      () => this.#scheme.removeEventListener("change", recolour),
      store.subscribe((state, before) => this.#onState(state, before)),
      this.deps.cursor.subscribe(() => this.#requestSync()),
    );
  }

  #fontsCame(): void {
    this.#fonts++;
    this.#edges.redraw();
    this.#sync();
  }

  #onState(state: State, before: State): void {
    const { selection, box } = state.view;
    if (selection !== before.view.selection) this.#camera.selected(selection);
    if (box && box !== before.view.box) this.#camera.goTo(box);
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
    this.#syncLinks(state, selectors.openHistory(state) !== undefined);
    this.#ports.set(sites?.sites ?? [], ships, selectedId("site"));
    this.#ships.set(ships, selectedId("ship"), nowMs, performance.now());
    this.#containers.set({
      reply: valueOf(state.marks),
      selected: selectedId("container"),
      nowMs,
      maxZoom: MAX_ZOOM,
      shipName,
    });
    const isListed = state.view.tab === "alerts";
    this.#alerts.set({ alerts: valueOf(state.alerts) ?? [], selected: selectedId("alert"), isListed, nowMs });
    const open = selectors.openHistory(state);
    this.#track.set(
      open && {
        history: open.model,
        measure: open.measure,
        range: open.range,
        cursorMs: cursor.getState().ms,
        replayMs: state.view.atMs,
        shipName: (imo) => shipName(imo) ?? `IMO ${imo}`,
        siteName: (id) =>
          siteName(
            sites?.sites.find(({ site }) => site === id),
            id,
            ships,
          ),
        nowMs,
      },
    );
    this.element.classList.toggle("map-replay", state.view.atMs !== undefined);
    // Most news changes neither: a drawing that would look the same is spared.
    const track = [open?.model, open?.measure, open?.range, state.view.atMs];
    const shared = [this.#palette, this.#fonts, selection, state.ships, Math.floor(app.nowMs() / STALE_LOOK_MS)];
    if (
      this.#lineInputs.haveChanged([
        ...shared,
        state.sites,
        state.simulation?.state.links,
        ...track,
        cursor.getState().ms,
      ])
    )
      this.#lines.redraw();
    if (this.#markInputs.haveChanged([...shared, state.sites, valueOf(state.marks), valueOf(state.alerts), isListed]))
      this.#marks.redraw();
    this.#camera.follow(state);
    const replayed = state.view.follow && open && positionAt(open.model.readings, state.view.atMs ?? open.model.toMs);
    if (replayed) this.#camera.keep(replayed);
  }

  /** Great circles are worked out again only when something about the links has changed, not with every pointer move. */
  #syncLinks(state: State, quiet: boolean): void {
    const { selection } = state.view;
    const selected = selection?.kind === "link" ? selection.id : undefined;
    if (!this.#linkInputs.haveChanged([state.sites, state.ships, state.simulation?.state.links, selected, quiet]))
      return;
    const sites = valueOf(state.sites);
    const links = sites ? viewLinks(sites, valueOf(state.ships) ?? {}, state.simulation?.state.links) : [];
    this.#links.set(links, selected, quiet);
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
    if (!this.#camera.isPlaced) return;
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
    if (hit?.zoomTo) {
      const { latitude, longitude, zoom } = hit.zoomTo;
      this.#camera.letGo();
      this.#map.setView([latitude, this.#camera.nearest(longitude)], Math.max(zoom, this.#map.getZoom() + 1));
    } else if (hit?.selection) {
      store.dispatch({ type: "view/selected", selection: hit.selection });
      // It is in view: it was just clicked. The map stays where it is.
      this.#camera.letGo();
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

/** What something was last made of. */
class Inputs {
  #last: readonly unknown[] | undefined;

  haveChanged(inputs: readonly unknown[]): boolean {
    const last = this.#last;
    this.#last = inputs;
    return last === undefined || inputs.some((input, i) => input !== last[i]);
  }
}

function createMap(element: HTMLElement, reducedMotion: boolean): L.Map {
  return L.map(element, {
    attributionControl: false,
    zoomControl: false,
    maxZoom: MAX_ZOOM,
    zoomSnap: 0.25,
    zoomDelta: 1,
    wheelPxPerZoomLevel: 90,
    // Around the world as often as one likes, but not over the poles.
    maxBounds: [
      [-85, -100_000],
      [85, 100_000],
    ],
    maxBoundsViscosity: 1,
    zoomAnimation: !reducedMotion,
    fadeAnimation: false,
    inertia: !reducedMotion,
  });
}
