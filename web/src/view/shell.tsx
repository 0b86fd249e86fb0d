import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { createMapView, type MapView } from "../map/map-view.js";
import { valueOf } from "../state/remote.js";
import type { State } from "../state.js";
import { Banner } from "./banner.js";
import { MapControls, MeasureLegend, TilesAttribution } from "./map-controls.js";
import { Notices } from "./notices.js";
import { Panel } from "./panel.js";
import { PreviewBanner } from "./preview.js";
import { Story } from "./story.js";
import { Timeline } from "./timeline.js";
import { TopBar } from "./top-bar.js";
import { PHONE, useAppState, useMedia, useUi } from "./ui.js";

/** One screen: the map, the panel beside it, the timeline below while a history is open. */
export function Shell(): JSX.Element {
  const ui = useUi();
  const host = useRef<HTMLDivElement>(null);
  const [map, setMap] = useState<MapView>();
  const phone = useMedia(PHONE);
  const replay = useAppState((state) => state.view.atMs !== undefined);
  const stale = useAppState((state) => state.connection.phase === "lost");
  const isPreview = useAppState(({ session }) => session.phase === "signed-in" && session.user.seenBy !== undefined);
  const hasHistory = useAppState(
    ({ view: { selection }, history }) =>
      (selection?.kind === "container" || selection?.kind === "ship") &&
      !(history.phase === "failed" && history.missing),
  );

  const title = useAppState(titleOf);
  useEffect(() => {
    document.title = title;
    return () => void (document.title = "Landfall");
  }, [title]);

  useEffect(() => {
    if (!host.current) return;
    const view = createMapView(host.current, {
      app: ui.app,
      selectors: ui.selectors,
      cursor: ui.cursor,
      onViewport: (viewport) => ui.loading.viewport(viewport),
    });
    setMap(view);
    return () => view.destroy();
  }, [ui]);

  return (
    <div class="shell" data-frame={stale ? "stale" : replay ? "replay" : "live"} data-preview={isPreview}>
      <a class="skip" href="#panel-content">
        Skip the map
      </a>
      <Panel phone={phone} timeline={phone && hasHistory ? <Timeline /> : null} />
      <main class="stage">
        <div
          ref={host}
          class="map"
          role="application"
          aria-label="Map of the fleet. Arrow keys move it, plus and minus zoom. Everything on it is also in the panel's lists."
        />
        <div class="frame" aria-hidden="true" />
        <TopBar />
        <PreviewBanner />
        <Banner />
        <Story />
        <MeasureLegend />
        <MapControls map={map} />
        <TilesAttribution />
        <Notices />
      </main>
      {!phone && hasHistory && <Timeline />}
    </div>
  );
}

/** What the browser's history and tabs call this view. */
function titleOf({ view: { selection }, ships }: State): string {
  if (selection?.kind === "container") return `${formatContainerNumber(selection.id)} – Landfall`;
  const name = selection?.kind === "ship" ? valueOf(ships)?.[selection.id]?.name : undefined;
  return name === undefined ? "Landfall" : `${name} – Landfall`;
}
