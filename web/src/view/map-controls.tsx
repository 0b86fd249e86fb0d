import type { JSX } from "preact";
import { formatNumber } from "../format/quantities.js";
import { cividis } from "../map/cividis.js";
import type { MapView } from "../map/map-view.js";
import { Icon } from "./marks.js";
import { useAppState, useMedia, useUi } from "./ui.js";

export function MapControls({ map }: { map: MapView | undefined }): JSX.Element {
  return (
    <div class="map-controls" role="group" aria-label="Map">
      <button type="button" aria-label="Zoom in" title="Zoom in" onClick={() => map?.zoomBy(1)}>
        <Icon name="plus" />
      </button>
      <button type="button" aria-label="Zoom out" title="Zoom out" onClick={() => map?.zoomBy(-1)}>
        <Icon name="minus" />
      </button>
      <button type="button" aria-label="Show everything" title="Show everything" onClick={() => map?.showAll()}>
        <Icon name="all" />
      </button>
    </div>
  );
}

/** Whose tiles the map is drawn on, where the settings of headquarters name a server of them. */
export function TilesAttribution(): JSX.Element | null {
  const attribution = useAppState(({ session }) =>
    session.phase === "signed-in" ? session.user.tiles?.attribution : undefined,
  );
  return attribution === undefined ? null : <p class="map-attribution">{attribution}</p>;
}

const STEPS = 24;

/** What the colours of the open track mean. */
export function MeasureLegend(): JSX.Element | null {
  const { selectors } = useUi();
  const dark = useMedia("(prefers-color-scheme: dark)");
  const open = useAppState((state) => selectors.openHistory(state));
  if (!open?.measure || !open.range || open.measure.flag) return null;
  const { measure, range } = open;
  const [low, high] = range;
  return (
    <figure class="measure-legend">
      <figcaption>
        {measure.series[0]?.label}, {measure.unit}
      </figcaption>
      <svg viewBox={`0 0 ${STEPS} 1`} preserveAspectRatio="none" aria-hidden="true">
        {Array.from({ length: STEPS }, (_, i) => (
          <rect key={i} x={i} y="0" width="1.05" height="1" fill={cividis(i / (STEPS - 1), dark)} />
        ))}
      </svg>
      <p>
        <span>{formatNumber(low, measure.digits)}</span>
        <span>{formatNumber(high, measure.digits)}</span>
      </p>
      <p class="legend-late">
        <svg viewBox="0 0 28 6" aria-hidden="true">
          <path class="legend-thick" d="M1 3H27" />
        </svg>
        known as it happened
      </p>
      <p class="legend-late">
        <svg viewBox="0 0 28 6" aria-hidden="true">
          <path class="legend-thin" d="M1 3H27" />
        </svg>
        known later, with a backlog
      </p>
      {open.model.missing.length > 0 && (
        <p class="legend-late">
          <svg viewBox="0 0 28 6" aria-hidden="true">
            <path class="legend-thin" d="M2 6L6 0M8 6L12 0M14 6L18 0M20 6L24 0" />
          </svg>
          records are missing
        </p>
      )}
    </figure>
  );
}
