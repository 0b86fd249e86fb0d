import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { until } from "@landfall/streams/testing/until";
import { afterEach, expect, test } from "vitest";
import { BOX, Harness } from "./support/edge-harness.js";

const isThere = spawnSync("mosquitto_pub", ["--help"]).error === undefined;
if (!isThere) console.log("skipped: mosquitto_pub is not on the PATH (Debian: apt-get install mosquitto-clients)");

const harness = new Harness();
afterEach(() => harness.dispose());
const run = promisify(execFile);
const publish = (port: number, args: readonly string[]) =>
  run("mosquitto_pub", ["-h", "127.0.0.1", "-p", String(port), ...args], { timeout: 20_000 });

const TOPIC = `containers/${BOX}/telemetry`;
const MESSAGE = '{"time":"2026-03-01T00:00:00Z","temperatureC":4.5}';

test.skipIf(!isThere)("I1: a stock mosquitto_pub -q 1, twice the same, is one record with those bytes", async () => {
  const edge = await harness.start();
  for (let i = 0; i < 2; i++) await publish(edge.port, ["-q", "1", "-t", TOPIC, "-m", MESSAGE]);
  expect(await edge.texts("bigblue.unassigned")).toEqual([MESSAGE]);
});

test.skipIf(!isThere)(
  "QoS 0, retained, an id and a will, a session to keep, and MQTT 3.1: as stock clients do",
  async () => {
    const edge = await harness.start();
    const say = (n: number) => MESSAGE.replace("4.5", String(n));
    await publish(edge.port, ["-q", "0", "-t", TOPIC, "-m", say(0)]);
    await publish(edge.port, ["-q", "1", "-r", "-t", TOPIC, "-m", say(1)]);
    await publish(edge.port, [
      "-q",
      "1",
      "-i",
      "sensor",
      "--will-topic",
      TOPIC,
      "--will-payload",
      say(9),
      "-t",
      TOPIC,
      "-m",
      say(2),
    ]);
    await publish(edge.port, ["-q", "1", "-i", "sensor", "-c", "-t", TOPIC, "-m", say(3)]);
    await publish(edge.port, ["-q", "1", "-V", "mqttv31", "-i", "old", "-t", TOPIC, "-m", say(4)]);
    await until(async () => (await edge.records("bigblue.unassigned")).length === 5);
    expect((await edge.texts("bigblue.unassigned")).sort()).toEqual([0, 1, 2, 3, 4].map(say));
  },
);

test.skipIf(!isThere)(
  "U2: bad JSON and 64 KiB too many are acknowledged, MQTT 5 and a huge packet are not",
  async () => {
    const edge = await harness.start();
    await publish(edge.port, ["-q", "1", "-t", TOPIC, "-m", "{"]);
    await publish(edge.port, ["-q", "1", "-t", TOPIC, "-m", "x".repeat(100_000)]);
    await expect(publish(edge.port, ["-q", "1", "-V", "mqttv5", "-t", TOPIC, "-m", MESSAGE])).rejects.toThrow();
    expect(edge.node.store.streams()).not.toContain("bigblue.unassigned");
    await until(async () => (await edge.exceptions()).length >= 3);
    expect((await edge.exceptions()).map(({ code }) => code)).toEqual([
      "NOT_JSON",
      "PAYLOAD_TOO_LARGE",
      "MQTT_5_REFUSED",
    ]);
  },
);
