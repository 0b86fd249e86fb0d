import type L from "leaflet";
import { smallestRange, wrapLongitude } from "../geo/longitude.js";
import type { Selectors } from "../selectors.js";
import { valueOf } from "../state/remote.js";
import type { State } from "../state.js";
import type { Box, Selection } from "../url-state.js";
import { everything, pointsOfSelection, type Point } from "./placing.js";

/** Clusters fall apart down to here: containers in a terminal stand some metres from each other. */
export const MAX_ZOOM = 17;
/** Zoom of a first look at one thing. */
const NEAR_ZOOM = 5;
/** Further out than this the world repeats too often to be read; a tall screen cannot go that far. */
const MIN_ZOOM = 1;
const MIN_ZOOM_MAX = 4;
/** Of the view on each side that a followed place does not enter. */
const KEPT_PAD = -0.25;
/** The whole Pacific, until it is known what there is to look at. */
export const FIRST_BOX: Box = { latitude: 12, longitude: 172, zoom: 2.5 };

/** Decides where the map looks: first at everything, then at what is selected, else wherever it was moved. */
export class Camera {
  /** The first look is still to be chosen, when there is something to look at. */
  #unplaced: boolean;
  /** Selected, and its track not yet brought into view. */
  #toShow: boolean;

  constructor(
    readonly map: L.Map,
    readonly selectors: Selectors,
    readonly reducedMotion: () => boolean,
    { box, selection }: State["view"],
  ) {
    this.#unplaced = box === undefined;
    // An address with a selection and no box means: show me that.
    this.#toShow = box === undefined && selection !== undefined;
  }

  /** Whether the view means something already, so that the address bar should hold it. */
  get isPlaced(): boolean {
    return !this.#unplaced;
  }

  /** The person has taken over; nothing is to be brought into view any more. */
  letGo(): void {
    this.#unplaced = false;
    this.#toShow = false;
  }

  /** Something else was selected; it is brought into view once it is known where it is. */
  selected(selection: Selection | undefined): void {
    this.#toShow = selection !== undefined;
  }

  /** Goes to a box that is not the map's own: back and forward in the browser. */
  goTo(box: Box): void {
    const center = this.map.getCenter();
    const same =
      Math.abs(box.zoom - this.map.getZoom()) < 0.01 &&
      Math.abs(box.latitude - center.lat) < 1e-3 &&
      Math.abs(wrapLongitude(box.longitude) - wrapLongitude(center.lng)) < 1e-3;
    if (same) return;
    this.map.setView([box.latitude, this.nearest(box.longitude)], box.zoom, { animate: !this.reducedMotion() });
  }

  /** The copy of a longitude that is nearest to where the map looks. */
  nearest(longitude: number): number {
    return longitude + 360 * Math.round((this.map.getCenter().lng - longitude) / 360);
  }

  /** Chooses the first look, and brings what was selected into view. */
  follow(state: State): void {
    const points = this.#toShow ? pointsOfSelection(state, valueOf(state.ships) ?? {}, this.selectors) : [];
    if (points === undefined) return;
    const isNew = this.#toShow;
    this.#toShow = false;
    if (points.length === 0) {
      this.#lookFirst(state);
    } else if (isNew && (this.#unplaced || !points.every((point) => this.#isInView(point)))) {
      const animate = !this.#unplaced && !this.reducedMotion();
      this.#unplaced = false;
      this.#fit(points, animate);
    }
  }

  /** Keeps a moving place in the inner half of the view, at the same zoom. */
  keep({ longitude, latitude }: { readonly longitude: number; readonly latitude: number }): void {
    if (
      this.map
        .getBounds()
        .pad(KEPT_PAD)
        .contains([latitude, this.nearest(longitude)])
    )
      return;
    this.letGo();
    this.map.panTo([latitude, this.nearest(longitude)], { animate: false });
  }

  showAll(state: State): void {
    this.#fit(everything(state), !this.reducedMotion());
  }

  /** No further out than the world is high: beyond the poles there is nothing to see. */
  limitZoom(): void {
    const least = Math.ceil(Math.log2(this.map.getSize().y / 256) * 4) / 4;
    this.map.setMinZoom(Math.max(MIN_ZOOM, Math.min(MIN_ZOOM_MAX, least)));
  }

  #lookFirst(state: State): void {
    if (!this.#unplaced) return;
    // All of it, or the first look would be at whatever came in first.
    const parts = [state.ships, state.sites, state.marks];
    if (!parts.every(({ phase }) => phase === "ready" || phase === "failed")) return;
    const points = everything(state);
    if (points.length === 0) return;
    this.#unplaced = false;
    this.#fit(points, false);
  }

  #fit(points: readonly Point[], animate: boolean): void {
    const range = smallestRange(points.map(([longitude]) => longitude));
    if (!range) return;
    const latitudes = points.map(([, latitude]) => latitude);
    const size = this.map.getSize();
    // A phone's sheet covers the lower part of the map.
    const style = getComputedStyle(this.map.getContainer());
    const covered = Number.parseFloat(style.getPropertyValue("--map-covered")) || 0;
    const margin = Math.min(70, size.x / 6);
    const middle = (range.west + range.east) / 2;
    const shift = this.nearest(middle) - middle;
    this.map.fitBounds(
      [
        [latitudes.reduce((a, b) => Math.min(a, b)), range.west + shift],
        [latitudes.reduce((a, b) => Math.max(a, b)), range.east + shift],
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
    return this.map
      .getBounds()
      .pad(-0.05)
      .contains([latitude, this.nearest(longitude)]);
  }
}
