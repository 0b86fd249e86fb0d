import type { AlertReading, AlertType, ApiAlert, Measurements } from "@landfall/proto/api";
import type { JSX } from "preact";
import { formatNumber } from "../format/quantities.js";
import { toMs } from "../format/time.js";
import { Moment, Section } from "./parts.js";
import { useFleetDayMs } from "./ui.js";

interface Column {
  readonly name: string;
  readonly of: (reading: Measurements) => string;
}

const number =
  (key: keyof Measurements, digits = 1) =>
  (reading: Measurements): string => {
    const value = reading[key];
    return typeof value === "number" ? formatNumber(value, digits) : "";
  };
const flag =
  (key: keyof Measurements, yes: string, no: string) =>
  (reading: Measurements): string =>
    reading[key] === undefined ? "" : reading[key] === true ? yes : no;

const air = (reading: Measurements): string =>
  number(
    reading.temperatureC === undefined
      ? reading.returnAirC === undefined
        ? "supplyAirC"
        : "returnAirC"
      : "temperatureC",
  )(reading);
const TEMPERATURE: Column = { name: "°C", of: air };
const POWER: Column = { name: "Power", of: flag("powered", "on", "off") };
const MOTION: readonly Column[] = [
  { name: "Shock, g", of: number("shockG") },
  { name: "Tilt, °", of: number("tiltDeg", 0) },
];
const COLUMNS: Readonly<Record<AlertType, readonly Column[]>> = {
  LOST: MOTION,
  SILENT: [{ name: "Battery, %", of: number("batteryPct", 0) }],
  OUT_OF_RANGE: [
    TEMPERATURE,
    { name: "Set, °C", of: number("setpointC") },
    { name: "", of: flag("defrosting", "defrosting", "") },
  ],
  NO_POWER: [POWER, TEMPERATURE],
  DOOR_OPEN: [{ name: "Door", of: flag("doorOpen", "open", "closed") }, TEMPERATURE],
  SHOCK: MOTION,
};

/** Readings before and after: those that came ashore, or before that the few that the ship sent along with the alert. */
export function AlertReadings(props: {
  alert: ApiAlert;
  readings: readonly AlertReading[] | undefined;
}): JSX.Element | null {
  const { alert, readings } = props;
  const day = useFleetDayMs();
  const known = readings !== undefined && readings.length > 0 ? readings : (alert.before ?? []);
  const isSentAlong = known === alert.before;
  const columns = COLUMNS[alert.type].filter(({ of }) => known.some((reading) => of(reading) !== ""));
  if (readings === undefined && known.length === 0) return null;
  if (known.length === 0 || columns.length === 0) {
    return (
      <Section title="Readings around it">
        <p class="phase">None are here yet: they are on board, and come ashore with the ship's next port.</p>
      </Section>
    );
  }
  const raisedMs = Date.parse(alert.time);
  return (
    <Section title={isSentAlong ? "Readings that led to it" : "Readings before and after"}>
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Readings around the alert">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Measured, UTC</th>
              {columns.map(({ name }) => (
                <th key={name} scope="col">
                  {name === "" ? <span class="hidden">Remark</span> : name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {known.map((reading) => (
              <tr key={reading.time} class={(toMs(reading.time) ?? 0) <= raisedMs ? "" : "after"}>
                <th scope="row">
                  <Moment time={reading.time} nearMs={day} compact />
                </th>
                {columns.map(({ name, of }) => (
                  <td key={name}>{of(reading)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {isSentAlong && (
        <p class="phase">
          These came along with the alert. The others are on board, and come ashore with the next port.
        </p>
      )}
    </Section>
  );
}
