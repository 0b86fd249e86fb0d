import { containerCheckDigit } from "@landfall/proto/identifiers";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import { until } from "@landfall/streams/testing/until";
import { afterEach, expect, test } from "vitest";
import { BOX, Harness } from "./support/edge-harness.js";
import { ManualEnv } from "./support/manual-env.js";

const harness = new Harness();
afterEach(() => harness.dispose());

const T0 = Date.UTC(2026, 2, 1);
const DUCKS = `DUKU000001${containerCheckDigit("DUKU000001")}`;
const SECONDS = 60;

test("R7: of each container one thinned copy in an interval, in its owner's stream, with what has changed", async () => {
  const env = new ManualEnv();
  const edge = await harness.start({ env, latestSeconds: SECONDS });
  await edge.node.store.append(streamName("duckworks.settings"), [
    {
      topic: topicName(`booking.${DUCKS}.${T0}`),
      timestamp: T0 as TimestampMs,
      value: Buffer.from(
        JSON.stringify({ kind: "booking", container: DUCKS, owner: "duckworks", from: new Date(T0).toISOString() }),
      ),
    },
  ]);
  const client = await edge.client();
  const read = (container: string, minute: number, measured: object) =>
    client.publishAsync(
      `containers/${container}/telemetry`,
      JSON.stringify({ time: new Date(T0 + minute * 60_000).toISOString(), ...measured }),
      { qos: 1 },
    );
  const told = async (owner: string) =>
    (await edge.texts(`${owner}.latest`).catch(() => [])).map((text) => JSON.parse(text) as object);
  const at = (minute: number) => new Date(T0 + minute * 60_000).toISOString();

  await until(async () =>
    (await edge.node.registry.metrics()).includes('landfall_edge_booked_containers{site="ship-9321483",node="a"} 1'),
  );
  await read(DUCKS, 1, { temperatureC: 20, humidityPct: 50 });
  await read(DUCKS, 2, { temperatureC: 21, humidityPct: 50 });
  await read(BOX, 2, { temperatureC: 5 });
  expect(await told("duckworks")).toEqual([]);
  env.advance(SECONDS * 1_000);
  await until(async () => (await told("duckworks")).length === 1 && (await told("bigblue")).length === 1);
  expect(await told("duckworks")).toEqual([{ time: at(2), temperatureC: 21, humidityPct: 50 }]);
  expect(await told("bigblue")).toEqual([{ time: at(2), temperatureC: 5 }]);

  // A late reading, and one that says nothing new, are of no interest; of another, only what is new.
  await read(DUCKS, 0, { temperatureC: -3 });
  await read(BOX, 3, { temperatureC: 5 });
  await read(DUCKS, 4, { temperatureC: 22, humidityPct: 50 });
  await until(async () => {
    env.advance(SECONDS * 1_000);
    return (await told("duckworks")).length === 2;
  });
  expect((await told("duckworks"))[1]).toEqual({ time: at(4), temperatureC: 22 });
  expect(await told("bigblue")).toHaveLength(1);
});
