import type { ContainerState, Measurements } from "@landfall/proto/api";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { ComponentChildren, JSX } from "preact";
import { exportUrl, type ExportFormat } from "../api/endpoints.js";
import { berthOf, portName } from "../fleet-model.js";
import { formatPosition, withUnit } from "../format/quantities.js";
import { formatTime, toMs } from "../format/time.js";
import { valueOf } from "../state/remote.js";
import { STATUS_LOOK } from "../status.js";
import { AlertRows } from "./alerts-tab.js";
import { HistoryEvents } from "./history-events.js";
import { Icon, StatusMark } from "./marks.js";
import { MissingList } from "./missing-list.js";
import { Ago, Fact, Phase, Section } from "./parts.js";
import { ReadingsTable } from "./readings-table.js";
import { useWhereabouts } from "./rows.js";
import { useAppState, useFleetDayMs, useFleetTick, useUi } from "./ui.js";

export function ContainerCard({ id, timeline }: { id: string; timeline: ComponentChildren }): JSX.Element {
  const { loading } = useUi();
  const remote = useAppState((state) => state.detail);
  const container = valueOf(remote);
  const history = useAppState((state) => state.history);
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
          <Carriers />
          <HistoryEvents title="Events" />
          <MissingList />
          <Phase remote={history} what="The history" onRetry={() => loading.selection()} />
          <ReadingsTable />
          {history.phase !== "failed" && <Exports id={id} />}
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
        {readings(container.measurements).map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
        <Fact name="Measured">
          {formatTime(measured, now)} UTC, <Ago time={container.time} />
        </Fact>
        {known !== undefined && (
          <Fact name="Known here since">
            {formatTime(known)} UTC, <Ago time={container.knownSince} clock="own" />
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

function readings(m: Measurements): (readonly [string, string])[] {
  const rows: (readonly [string, string | undefined])[] = [
    ["Temperature", temperature(m)],
    ["Supply and return air", air(m)],
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

function temperature(m: Measurements): string | undefined {
  if (m.temperatureC === undefined) return undefined;
  const value = withUnit(m.temperatureC, "°C");
  return m.setpointC === undefined ? value : `${value}, set to ${withUnit(m.setpointC, "°C")}`;
}

function air(m: Measurements): string | undefined {
  if (m.supplyAirC === undefined && m.returnAirC === undefined) return undefined;
  return [m.supplyAirC, m.returnAirC].map((value) => (value === undefined ? "–" : withUnit(value, "°C"))).join(" / ");
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

/** Which ships carried it, from LOAD to DISC. */
function Carriers(): JSX.Element | null {
  const { app, selectors } = useUi();
  const open = useAppState((state) => selectors.openHistory(state));
  const ships = useAppState((state) => valueOf(state.ships));
  const now = useFleetDayMs();
  const isLost = useAppState((state) => valueOf(state.detail)?.status === "lost");
  const carriages = open?.model.carriages ?? [];
  if (carriages.length === 0) return null;
  return (
    <Section title="Carried by">
      <ol class="events">
        {carriages.toReversed().map((carriage) => (
          <li key={`${carriage.vessel} ${carriage.fromMs}`}>
            <button
              type="button"
              onClick={() =>
                app.store.dispatch({ type: "view/selected", selection: { kind: "ship", id: carriage.vessel } })
              }
            >
              <span>
                <strong>{ships?.[carriage.vessel]?.name ?? `IMO ${carriage.vessel}`}</strong>
                {carriage.voyage === undefined ? "" : <span class="soft"> · voyage {carriage.voyage}</span>}
                <br />
                {carriage.from === undefined ? "" : `${portName(carriage.from)}, `}
                {formatTime(carriage.fromMs, now)} –{" "}
                {carriage.toMs === undefined
                  ? isLost
                    ? "lost on the way"
                    : "still aboard"
                  : `${carriage.to === undefined ? "" : `${portName(carriage.to)}, `}${formatTime(carriage.toMs, now)}`}
              </span>
            </button>
          </li>
        ))}
      </ol>
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
