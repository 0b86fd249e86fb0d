import { rmSync } from "node:fs";
import { join } from "node:path";
import type { AlertValue } from "@landfall/proto/api";
import { containerCheckDigit } from "@landfall/proto/identifiers";
import { LandfallError } from "@landfall/streams/model/errors";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { until } from "@landfall/streams/testing/until";
import type { MqttClient } from "mqtt";
import { afterEach, expect, test } from "vitest";
import { Harness, SHIP, type TestEdge } from "./support/edge-harness.js";

const harness = new Harness();
afterEach(() => harness.dispose());

const T0 = Date.UTC(2026, 2, 1);
const MIN = 60_000;
const BOXES = [1, 2, 3, 4, 5].map((n) => {
  const body = `DUKU00000${n}`.padEnd(10, "0");
  return `${body}${containerCheckDigit(body)}`;
});
const [DUCKS, ...OTHERS] = BOXES as [string, ...string[]];
const AT_ONCE = { settleSeconds: 0, restartGraceSeconds: 0 };

const alertsOf = async (edge: TestEdge, stream = "bigblue.alerts") =>
  (await edge.texts(stream)).map((text) => JSON.parse(text) as AlertValue);

function read(client: MqttClient, containers: readonly string[], minute: number, more: object = {}) {
  const value = JSON.stringify({ time: T0 + minute * MIN, temperatureC: 20, ...more });
  return Promise.all(containers.map((one) => client.publishAsync(`containers/${one}/telemetry`, value, { qos: 1 })));
}
function move(client: MqttClient, type: string, container: string, minute: number) {
  const value = JSON.stringify({ type, time: T0 + minute * MIN, location: "JPTYO", vessel: SHIP });
  return client.publishAsync(`containers/${container}/events`, value, { qos: 1 });
}
async function loadAll(client: MqttClient) {
  for (const container of BOXES) await move(client, "LOAD", container, 0);
  for (let minute = 15; minute <= 45; minute += 15) await read(client, BOXES, minute);
}
const book = (edge: TestEdge, container: string, owner: string) =>
  edge.node.store.append(streamName(`${owner}.settings`), [
    {
      topic: topicName(`booking.${container}.${T0}`),
      timestamp: T0 as TimestampMs,
      value: Buffer.from(JSON.stringify({ kind: "booking", container, owner, from: new Date(T0).toISOString() })),
    },
  ]);

test.each([
  ["with what was kept at the last close", false],
  ["from the store alone", true],
])(
  "a container that falls silent is an alert in its owner's stream, once, also through a restart, %s; until it speaks",
  async (_, isForgotten) => {
    const folder = harness.folder();
    const first = await harness.start({ folder, rules: AT_ONCE });
    await book(first, DUCKS, "duckworks");
    const client = await first.client({ clientId: "gateway" });
    await loadAll(client);
    await read(client, [DUCKS], 46, { tiltDeg: 100, latitude: -34, longitude: 152 });
    for (let minute = 60; minute <= 120; minute += 15) await read(client, OTHERS, minute);
    await until(async () => (await first.records("duckworks.alerts")).length > 0);
    const [lost] = await alertsOf(first, "duckworks.alerts");
    expect(lost).toMatchObject({ type: "LOST", state: "raised", container: DUCKS, vessel: SHIP, latitude: -34 });
    expect((await first.records("duckworks.alerts"))[0]).toMatchObject({ topic: DUCKS });
    await first.close();
    if (isForgotten) rmSync(join(folder, "edge"), { recursive: true });

    const second = await harness.start({ folder, rules: AT_ONCE });
    expect(await second.node.registry.getSingleMetricAsString("landfall_edge_containers_aboard")).toMatch(/ 5$/m);
    const again = await second.client({ clientId: "gateway" });
    for (let minute = 135; minute <= 240; minute += 15) await read(again, OTHERS, minute);
    await read(again, BOXES, 255);
    await until(async () => (await second.records("duckworks.alerts")).length > 1);
    expect((await alertsOf(second, "duckworks.alerts")).map(({ id, state }) => `${id} ${state}`)).toEqual([
      `${lost?.id} raised`,
      `${lost?.id} cleared`,
    ]);
    expect(await second.records("bigblue.alerts")).toEqual([]);
  },
);

test("an alert that a crash kept from being stored is stored after the restart", async () => {
  const folder = harness.folder();
  const noAlerts = (store: StreamStore): StreamStore =>
    new Proxy(store, {
      get(target, key) {
        const value = Reflect.get(target, key, target) as unknown;
        if (key !== "append") return typeof value === "function" ? (value.bind(target) as unknown) : value;
        return (...args: Parameters<StreamStore["append"]>) =>
          args[0].endsWith(".alerts") ? Promise.reject(new LandfallError("DISK_FULL", "full")) : target.append(...args);
      },
    });
  const first = await harness.start({ folder, wrapStore: noAlerts });
  const client = await first.client();
  await move(client, "LOAD", DUCKS, 0);
  await read(client, [DUCKS], 15, { shockG: 20 });
  await first.close();
  const second = await harness.start({ folder });
  await until(async () => (await second.records("bigblue.alerts")).length > 0);
  expect(await alertsOf(second)).toMatchObject([{ type: "SHOCK", state: "raised", container: DUCKS }]);
});

/** The store, but for appends of which `why` says that they fail. */
const refusing =
  (why: (stream: string) => LandfallError | undefined) =>
  <T extends StreamStore>(store: T): T =>
    new Proxy(store, {
      get(target, key) {
        const value = Reflect.get(target, key, target) as unknown;
        if (key !== "append") return typeof value === "function" ? (value.bind(target) as unknown) : value;
        return (...args: Parameters<StreamStore["append"]>) => {
          const refused = why(args[0]);
          return refused === undefined ? target.append(...args) : Promise.reject(refused);
        };
      },
    });

test("a full disk delays an alert, and does not lose it", async () => {
  let isFull = true;
  const edge = await harness.start({
    wrapStore: refusing((stream) => {
      if (!isFull || !stream.endsWith(".alerts")) return undefined;
      isFull = false;
      return new LandfallError("DISK_FULL", "full");
    }),
  });
  const client = await edge.client();
  await move(client, "LOAD", DUCKS, 0);
  await read(client, [DUCKS], 15, { shockG: 20 });
  await until(async () => (await edge.records("bigblue.alerts")).length > 0);
  expect(await alertsOf(edge)).toMatchObject([{ type: "SHOCK", id: `${DUCKS}-SHOCK-${T0 + 15 * MIN}` }]);
});

test("R8: alerts of an owner in whose alerts this ship may not produce wait, and keep no other's waiting", async () => {
  let isForbidden = true;
  const edge = await harness.start({
    wrapStore: refusing((stream) =>
      isForbidden && stream === "duckworks.alerts" ? new LandfallError("PRODUCE_FORBIDDEN", "by the rules") : undefined,
    ),
  });
  await book(edge, DUCKS, "duckworks");
  const client = await edge.client();
  for (const container of [DUCKS, ...OTHERS]) await move(client, "LOAD", container, 0);
  await read(client, [DUCKS], 15, { shockG: 20 });
  await read(client, OTHERS.slice(0, 1), 15, { shockG: 20 });
  await until(async () => (await edge.records("bigblue.alerts")).length === 1);
  expect(await edge.records("duckworks.alerts")).toEqual([]);
  isForbidden = false;
  await until(async () => (await edge.records("duckworks.alerts")).length === 1);
  expect(await alertsOf(edge, "duckworks.alerts")).toMatchObject([{ type: "SHOCK", container: DUCKS }]);
});

test("a yard watches nothing by a manifest", async () => {
  const yard = await harness.start({ yard: true, rules: AT_ONCE });
  const client = await yard.client();
  await move(client, "LOAD", DUCKS, 0);
  await read(client, [DUCKS], 15, { shockG: 20 });
  expect(yard.node.store.streams()).not.toContain("bigblue.alerts");
  expect(await yard.node.registry.getSingleMetricAsString("landfall_edge_containers_aboard")).toMatch(/ 0$/m);
});
