import { streamName, topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import { until } from "@landfall/streams/testing/until";
import { afterEach, expect, test } from "vitest";
import { BOX, closed, Harness, SHIP, type TestEdge } from "./support/edge-harness.js";

const harness = new Harness();
afterEach(() => harness.dispose());

const T0 = Date.UTC(2026, 2, 1);
const TOPIC = `containers/${BOX}/telemetry`;
const QOS = { qos: 1 } as const;
const reading = (n: number) => JSON.stringify({ time: T0 + n, temperatureC: n });
const POSITION = JSON.stringify({ time: T0, latitude: 35.6, longitude: 139.8 });

/** Who may write into the containers that nobody booked, as a rule that travelled says; null returns to the base. */
async function rule(edge: TestEdge, produce: string | null): Promise<void> {
  const rules = produce === null ? null : [{ stream: "bigblue.unassigned", produce }];
  const value = Buffer.from(JSON.stringify({ kind: "rules", version: 1, key: "access", rules }));
  const record = { topic: topicName("rules.access"), timestamp: T0 as TimestampMs, value };
  await edge.node.store.append(streamName("bigblue.settings"), [record]);
  await edge.node.rules.catchUp("bigblue");
}

test("R8: what rules forbid this site to write is not kept and not acknowledged, other streams go on, and a sensor's repetition is stored once it may", async () => {
  const edge = await harness.start({ yard: true });
  await rule(edge, "u:site.somebody-else");
  const sensor = await edge.client({ clientId: "sensor-1" });
  const outcome = sensor.publishAsync(TOPIC, reading(1), QOS).then(
    () => "acknowledged",
    () => "not acknowledged",
  );
  const ship = await edge.client({ clientId: "bridge" });
  await ship.publishAsync(`ships/${SHIP}/position`, POSITION, QOS);
  await closed(sensor);
  sensor.end(true);
  expect(await outcome).toBe("not acknowledged");
  expect(await edge.records("bigblue.unassigned")).toEqual([]);
  expect(await edge.texts("bigblue.ships")).toEqual([POSITION]);
  await until(async () => (await edge.exceptions()).some(({ code }) => code === "NOT_STORED"));
  expect((await edge.exceptions())[0]?.message).toContain("tokyo-yard may not produce into bigblue.unassigned");

  await rule(edge, null);
  const again = await edge.client({ clientId: "sensor-1" });
  await again.publishAsync(TOPIC, reading(1), QOS);
  expect(await edge.texts("bigblue.unassigned")).toEqual([reading(1)]);
});
