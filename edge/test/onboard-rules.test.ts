import type { AlertValue, RulesValue } from "@landfall/proto/api";
import { originId, streamName } from "@landfall/streams/model/names";
import type { Offset, Seq, TimestampMs } from "@landfall/streams/model/record";
import { rulesTopic, writeRules } from "@landfall/streams/settings/fleet/document";
import { until } from "@landfall/streams/testing/until";
import { afterEach, expect, test } from "vitest";
import { BOX, Harness, SHIP, type TestEdge } from "./support/edge-harness.js";

const harness = new Harness();
afterEach(() => harness.dispose());

const T0 = Date.UTC(2026, 2, 1);
const MIN = 60_000;
/** Where the rules are written. */
const YARD = originId("tokyo-yard.a~1");

let seq = 0;
/** A document of the ship's owner arrives, or one of somebody else. */
async function arrive(edge: TestEdge, rules: RulesValue<"onboard">["rules"], owner = "bigblue"): Promise<void> {
  const stream = streamName(`${owner}.settings`);
  const value = writeRules({ kind: "rules", version: 1, key: "onboard", rules });
  const offset = (T0 * 1_000 - ((T0 * 1_000) % 1_024) + ++seq * 1_024) as Offset;
  const times = { timestamp: T0 as TimestampMs, received: T0 as TimestampMs };
  const firstSeq = (edge.node.store.vector(stream)[YARD] ?? 0) as Seq;
  const record = { topic: rulesTopic("onboard"), offset, seq: firstSeq, ...times, headers: {}, value };
  await edge.node.store.apply({ stream, origin: YARD, firstSeq, records: [record] });
  await edge.node.rules.catchUp(owner);
}

test("A4: thresholds that arrive on board judge the next reading, over those of the ship's own file, until they are taken back", async () => {
  const edge = await harness.start({ rules: { shockG: 6 } });
  const client = await edge.client({ clientId: "gateway" });
  const event = JSON.stringify({ type: "LOAD", time: T0, location: "JPTYO", vessel: SHIP });
  await client.publishAsync(`containers/${BOX}/events`, event, { qos: 1 });
  let minute = 0;
  const strike = (shockG: number) => {
    const value = JSON.stringify({ time: T0 + ++minute * MIN, shockG });
    return client.publishAsync(`containers/${BOX}/telemetry`, value, { qos: 1 });
  };
  const raised = async () =>
    (await edge.texts("bigblue.alerts"))
      .map((text) => JSON.parse(text) as AlertValue)
      .filter(({ state }) => state === "raised")
      .map(({ time }) => (Date.parse(time) - T0) / MIN);

  await strike(4);
  // Of somebody else's ships.
  await arrive(edge, { shockG: 1 }, "duckworks");
  await strike(4);
  await arrive(edge, { shockG: 3, shockClearedAfterMinutes: 0 });
  await strike(4);
  await until(async () => (await raised()).length === 1);
  await strike(0);
  await arrive(edge, null);
  await strike(4);
  await strike(7);
  await until(async () => (await raised()).length === 2);
  expect(await raised()).toEqual([3, 6]);
});
