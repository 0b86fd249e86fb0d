import type { ContainerState, ShipState } from "@landfall/proto/api";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { JSX } from "preact";
import { berthOf, isStale, portName } from "../fleet-model.js";
import { formatCount, formatCourse } from "../format/quantities.js";
import { valueOf } from "../state/remote.js";
import { STATUS_LOOK } from "../status.js";
import { ShipMark, StatusMark } from "./marks.js";
import { Ago } from "./parts.js";
import { useAppState, useFleetTick, useQuantity, useUi } from "./ui.js";

/** Where a container is in one or two words: its ship, its terminal, or nothing known. */
export function useWhereabouts(container: ContainerState): string {
  const ship = useAppState((state) =>
    container.vessel === undefined ? undefined : valueOf(state.ships)?.[container.vessel]?.name,
  );
  if (container.vessel !== undefined) return `Aboard ${ship ?? `IMO ${container.vessel}`}`;
  return container.location === undefined ? "" : `In ${portName(container.location)}`;
}

export function ContainerRow({ container }: { container: ContainerState }): JSX.Element {
  const { app } = useUi();
  const where = useWhereabouts(container);
  const { temperatureC } = container.measurements;
  const shown = useQuantity();
  const pick = (): void => {
    app.store.dispatch({ type: "view/selected", selection: { kind: "container", id: container.container } });
    app.store.dispatch({ type: "search/typed", text: "" });
  };
  return (
    <li>
      <button type="button" class="row" onClick={pick}>
        <StatusMark status={container.status} />
        <span class="row-main">
          <span class="row-title number">{formatContainerNumber(container.container)}</span>
          <span class="row-sub">
            {[...(container.status === "fine" ? [] : [STATUS_LOOK[container.status].word]), where]
              .filter((part) => part !== "")
              .join(" · ")}
          </span>
        </span>
        <span class="row-side">
          {temperatureC === undefined ? "" : <strong>{shown(temperatureC, "°C")}</strong>}
          <Ago time={container.time} />
        </span>
      </button>
    </li>
  );
}

export function ShipRow({ ship }: { ship: ShipState }): JSX.Element {
  const { app } = useUi();
  const stale = useFleetTick((nowMs) => ship.time !== undefined && isStale(ship, nowMs));
  const shown = useQuantity();
  const pick = (): void => {
    app.store.dispatch({ type: "view/selected", selection: { kind: "ship", id: ship.imo } });
    app.store.dispatch({ type: "search/typed", text: "" });
  };
  return (
    <li>
      <button type="button" class="row" onClick={pick}>
        <ShipMark outlined={ship.lastLink === "satellite" && berthOf(ship) === undefined} />
        <span class="row-main">
          <span class="row-title">{ship.name}</span>
          <span class="row-sub">{shipWords(ship, shown)}</span>
        </span>
        <span class="row-side">
          <strong title="Containers aboard that you may see">{formatCount(ship.containersAboard)}</strong>
          <span class={stale ? "warn-text" : ""}>
            <Ago time={ship.time} />
          </span>
        </span>
      </button>
    </li>
  );
}

/** `In port, Tokyo` or `Bound for Singapore · 14.2 kn · 047°`. */
export function shipWords(ship: ShipState, shown: ReturnType<typeof useQuantity>): string {
  const berth = berthOf(ship);
  if (berth !== undefined) return `In port, ${portName(berth)}`;
  if (ship.time === undefined) return "No position known yet";
  return [
    ship.nextPort === undefined ? "At sea" : `For ${portName(ship.nextPort)}`,
    ...(ship.speedKn === undefined ? [] : [shown(ship.speedKn, "kn")]),
    ...(ship.courseDeg === undefined ? [] : [formatCourse(ship.courseDeg)]),
  ].join(" · ");
}
