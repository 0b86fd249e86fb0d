import { systemEnv } from "@landfall/streams/env";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { NewRecord, TimestampMs } from "@landfall/streams/model/record";
import { openEmbeddedStore } from "@landfall/streams/store/embedded-store";
import { simulateTelemetry } from "@landfall/streams/testing/telemetry";

export const CONTAINERS = streamName("bigblue.containers");
export const ALERTS = streamName("bigblue.alerts");

const APPEND_RECORDS = 2_000;
const SEED = 20_261_120;
/** Reports of each container that are simulated, and held in memory, at once. */
const REPORTS_AT_ONCE = 48;
const INTERVAL_MS = 15 * 60_000;
/** Where the time stands in a report: `{"time":"2026-10-01T00:00:00.000Z"`. */
const TIME_AT = 9;
const TIME_CHARS = 24;

/**
 * Reports of so many containers, each at its own times, every 15 minutes. Simulated twelve hours at a time, and moved to where
 * they belong: a container goes on from another place then, which packs a little worse.
 */
export function* telemetry(containers: number, reports: number): Generator<NewRecord[]> {
  for (let first = 0; first < reports; first += REPORTS_AT_ONCE) {
    const shiftMs = first * INTERVAL_MS;
    const count = Math.min(REPORTS_AT_ONCE, reports - first);
    yield simulateTelemetry({ containers, reports: count, seed: SEED + first, ownTimes: true }).map(
      ({ container, timestamp, value }) => ({
        topic: topicName(container),
        timestamp: (timestamp + shiftMs) as TimestampMs,
        value: Buffer.from(
          `${value.slice(0, TIME_AT)}${new Date(timestamp + shiftMs).toISOString()}${value.slice(TIME_AT + TIME_CHARS)}`,
        ),
      }),
    );
  }
}

/** Fills a ship's folder: sealed, merged and packed, or nothing of it sealed. Returns how many records it holds. */
export async function fillShip(folder: string, containers: number, reports: number, sealed: boolean): Promise<number> {
  const store = await openEmbeddedStore({ folder, site: "ship", node: "a", env: systemEnv, sealing: sealed });
  let count = 0;
  for (const records of telemetry(containers, reports)) {
    for (let i = 0; i < records.length; i += APPEND_RECORDS) {
      await store.append(CONTAINERS, records.slice(i, i + APPEND_RECORDS));
    }
    count += records.length;
  }
  if (sealed) await store.sealNow();
  await store.close();
  return count;
}
