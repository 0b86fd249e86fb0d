import type { ContainerState, Measurements } from "@landfall/proto/api";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { ComponentChildren, JSX } from "preact";
import { exportUrl, type ExportFormat } from "../api/endpoints.js";
import { berthOf, portName } from "../fleet-model.js";
import { formatPosition, withUnit } from "../format/quantities.js";
import { toMs } from "../format/time.js";
import { quantity, type Units } from "../format/units.js";
import { valueOf } from "../state/remote.js";
import { STATUS_LOOK } from "../status.js";
import { AlertRows } from "./alerts-tab.js";
import { Custody } from "./custody.js";
import { Excursions } from "./excursions.js";
import { HistoryEvents } from "./history-events.js";
import { Incidents } from "./incidents.js";
import { Icon, StatusMark } from "./marks.js";
import { MissingList } from "./missing-list.js";
import { Ago, Fact, Moment, Phase, Section } from "./parts.js";
import { ReadingsTable } from "./readings-table.js";
import { ShareSection } from "./share-section.js";
import { useWhereabouts } from "./rows.js";
import { useAppState, useFleetDayMs, useFleetTick, useUi } from "./ui.js";

export function ContainerCard({ id, timeline }: { id: string; timeline: ComponentChildren }): JSX.Element {
  const { loading } = useUi();
  const remote = useAppState((state) => state.detail);
  const container = valueOf(remote);
  const history = useAppState((state) => state.history);
  const mayShare = useAppState(({ session }) => session.phase === "signed-in" && session.user.mayShare === true);
  // A file is fetched by the browser itself, which sends no token.
  const isShared = useAppState(
    ({ session }) => session.phase === "signed-in" && (session.user.shared ?? session.user.seenBy) !== undefined,
  );
  return (
    <article class="card">
      <h2 class="card-title number">{formatContainerNumber(id)}</h2>
      {container && remote.phase !== "failed" ? (
        <Latest container={container} />
      ) : (
        <Phase
          remote={remote}
          what={`Container ${formatContainerNumber(id)}`}
          missing="There is no container of this number that you may see. If it is new, it appears with its first reading."
          onRetry={() => loading.selection()}
        />
      )}
      {remote.phase !== "failed" && (
        <>
          {timeline}
          <ContainerAlerts id={id} />
          <Excursions id={id} />
          <Incidents />
          <Custody />
          <HistoryEvents title="Events" />
          <MissingList />
          <Phase remote={history} what="The history" onRetry={() => loading.selection()} />
          <ReadingsTable />
          {history.phase !== "failed" && !isShared && <Exports id={id} />}
          {mayShare && container && <ShareSection key={id} id={id} owner={container.owner} />}
        </>
      )}
    </article>
  );
}

/** A container at sea whose last word is older than this has more to tell, on board. */
const WAITS_AFTER_MS = 2 * 3_600_000;

function Latest({ container }: { container: ContainerState }): JSX.Element {
  const { app } = useUi();
  const where = useWhereabouts(container);
  const now = useFleetDayMs();
  const { vessel, latitude, longitude } = container;
  const known = toMs(container.knownSince);
  const ship = useAppState((state) => (vessel === undefined ? undefined : valueOf(state.ships)?.[vessel]));
  const measured = toMs(container.time) ?? 0;
  const units = useAppState((state) => state.units);
  const waits = useFleetTick((nowMs) => ship !== undefined && !berthOf(ship) && nowMs - measured > WAITS_AFTER_MS);
  return (
    <>
      <p class="state">
        <StatusMark status={container.status} />
        <strong>{STATUS_LOOK[container.status].word}</strong>
        <span class="soft">{container.owner}</span>
      </p>
      <dl class="facts">
        {where !== "" && (
          <Fact name="Where">
            {vessel === undefined ? (
              where
            ) : (
              <button
                type="button"
                class="link"
                onClick={() => app.store.dispatch({ type: "view/selected", selection: { kind: "ship", id: vessel } })}
              >
                {where}
              </button>
            )}
          </Fact>
        )}
        {latitude !== undefined && longitude !== undefined && (
          <Fact name="Position">{formatPosition(latitude, longitude)}</Fact>
        )}
        {readings(container.measurements, units).map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
        <Fact name="Measured">
          <Moment time={measured} nearMs={now} />, <Ago time={container.time} />
        </Fact>
        {known !== undefined && (
          <Fact name="Known here since">
            <Moment time={known} />, <Ago time={container.knownSince} clock="own" />
          </Fact>
        )}
      </dl>
      {waits && (
        <p class="phase">
          Newer readings are still on board and come ashore
          {ship?.nextPort === undefined ? " with the ship's next port" : ` in ${portName(ship.nextPort)}`}.
        </p>
      )}
    </>
  );
}

function readings(m: Measurements, units: Units): (readonly [string, string])[] {
  const rows: (readonly [string, string | undefined])[] = [
    ["Temperature", temperature(m, units)],
    ["Supply and return air", air(m, units)],
    ["Humidity", m.humidityPct === undefined ? undefined : withUnit(m.humidityPct, "%", 0)],
    ["Oxygen, carbon dioxide", gas(m)],
    ["Shock", m.shockG === undefined ? undefined : withUnit(m.shockG, "g", 2)],
    ["Tilt", m.tiltDeg === undefined ? undefined : withUnit(m.tiltDeg, "°")],
    ["Door", m.doorOpen === undefined ? undefined : m.doorOpen ? "open" : "closed"],
    ["Power", m.powered === undefined ? undefined : `${m.powered ? "on" : "off"}${m.defrosting ? ", defrosting" : ""}`],
    ["Battery", m.batteryPct === undefined ? undefined : withUnit(m.batteryPct, "%", 0)],
  ];
  return rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
}

function temperature(m: Measurements, units: Units): string | undefined {
  if (m.temperatureC === undefined) return undefined;
  const value = quantity(m.temperatureC, "°C", units);
  return m.setpointC === undefined ? value : `${value}, set to ${quantity(m.setpointC, "°C", units)}`;
}

function air(m: Measurements, units: Units): string | undefined {
  if (m.supplyAirC === undefined && m.returnAirC === undefined) return undefined;
  return [m.supplyAirC, m.returnAirC]
    .map((value) => (value === undefined ? "–" : quantity(value, "°C", units)))
    .join(" / ");
}

function gas(m: Measurements): string | undefined {
  if (m.o2Pct === undefined && m.co2Pct === undefined) return undefined;
  return [m.o2Pct, m.co2Pct].map((value) => (value === undefined ? "–" : withUnit(value, "%"))).join(" / ");
}

function ContainerAlerts({ id }: { id: string }): JSX.Element | null {
  const alerts = useAppState((state) => valueOf(state.alerts));
  const mine = (alerts ?? []).filter(({ container, state }) => container === id && state === "raised");
  return mine.length === 0 ? null : (
    <Section title="Open alerts">
      <AlertRows alerts={mine} />
    </Section>
  );
}

const FORMATS: readonly (readonly [ExportFormat, string])[] = [
  ["csv", "CSV"],
  ["geojson", "GeoJSON"],
  ["gpx", "GPX"],
];

function Exports({ id }: { id: string }): JSX.Element {
  return (
    <Section title="Take it with you">
      <p class="exports">
        {FORMATS.map(([format, name]) => (
          <a key={format} class="button" href={exportUrl(id, format)} download={`${id}.${format}`}>
            <Icon name="download" /> {name}
          </a>
        ))}
      </p>
    </Section>
  );
}
