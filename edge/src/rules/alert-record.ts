import type { AlertReading, AlertType, Measurements } from "@landfall/proto/api";
import type { StreamName, TopicName } from "@landfall/streams/model/names";
import type { NewRecord, TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { BEFORE_READINGS, BEFORE_RECORDS } from "../limits.js";
import { iso } from "./alerts.js";
import type { AlertChange } from "./rules-state.js";

/** What of a reading led to an alert of each type. */
const TOLD: Readonly<Record<AlertType, readonly (keyof Measurements)[]>> = {
  LOST: ["latitude", "longitude", "shockG", "tiltDeg"],
  SILENT: ["latitude", "longitude", "batteryPct"],
  OUT_OF_RANGE: ["temperatureC", "supplyAirC", "returnAirC", "setpointC", "defrosting", "powered"],
  NO_POWER: ["powered", "temperatureC", "batteryPct"],
  DOOR_OPEN: ["doorOpen", "temperatureC"],
  SHOCK: ["shockG", "tiltDeg"],
};

/** An alert as it is stored; one that is raised with the readings that led to it, as far as `store` can tell them. */
export async function alertRecord(
  change: AlertChange,
  store: Pick<StreamStore, "readTopic">,
  readings: StreamName,
): Promise<NewRecord> {
  const before = change.state === "raised" ? await readingsBefore(change, store, readings) : [];
  const value = before.length === 0 ? change : { ...change, before };
  return {
    topic: change.container as TopicName,
    timestamp: Date.parse(change.time) as TimestampMs,
    value: Buffer.from(JSON.stringify(value)),
    headers: { kind: "alert" },
  };
}

/** The newest ones up to the alert's time, in the order in which they were measured. */
async function readingsBefore(
  { container, type, time }: AlertChange,
  store: Pick<StreamStore, "readTopic">,
  stream: StreamName,
): Promise<AlertReading[]> {
  const toTime = (Date.parse(time) + 1) as TimestampMs;
  // An alert goes out without them rather than not at all.
  const query = { toTime, limit: BEFORE_RECORDS, reverse: true };
  const records = await store.readTopic(stream, container as TopicName, query).catch(() => []);
  return records
    .filter(({ headers }) => headers["kind"] === "telemetry")
    .sort((a, b) => a.timestamp - b.timestamp)
    .flatMap((record) => {
      const reading = pick(record.value, TOLD[type]);
      return Object.keys(reading).length === 0 ? [] : [{ time: iso(record.timestamp), ...reading }];
    })
    .slice(-BEFORE_READINGS);
}

function pick(value: Uint8Array, names: readonly (keyof Measurements)[]): Measurements {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
  const said = JSON.parse(text) as Measurements;
  return Object.fromEntries(names.flatMap((name) => (said[name] === undefined ? [] : [[name, said[name]]])));
}
