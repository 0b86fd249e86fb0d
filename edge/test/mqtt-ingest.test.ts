import { deferred } from "@landfall/streams/testing/deferred";
import { until } from "@landfall/streams/testing/until";
import { LandfallError } from "@landfall/streams/model/errors";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { afterEach, describe, expect, test } from "vitest";
import { BOX, closed, Harness, SHIP } from "./support/edge-harness.js";

const harness = new Harness();
afterEach(() => harness.dispose());

const TOPIC = `containers/${BOX}/telemetry`;
const reading = (time: number, more: object = {}) => JSON.stringify({ time, temperatureC: 4.5, ...more });
const T0 = Date.UTC(2026, 2, 1);

/** The real store behind a door: appends of sensor data wait at it, or fail with what is put there. */
function door() {
  const doorway = { open: Promise.resolve(), error: undefined as LandfallError | undefined };
  const wrapStore = (store: StreamStore): StreamStore =>
    new Proxy(store, {
      get(target, key) {
        const value = Reflect.get(target, key, target) as unknown;
        if (key !== "append") return typeof value === "function" ? (value.bind(target) as unknown) : value;
        return async (...args: Parameters<StreamStore["append"]>) => {
          await doorway.open;
          if (doorway.error) throw doorway.error;
          return target.append(...args);
        };
      },
    });
  return { doorway, wrapStore };
}

describe("S1: acknowledgement", () => {
  test("a PUBACK waits for the disk, and comes in the order of the publishes", async () => {
    const { doorway, wrapStore } = door();
    const edge = await harness.start({ wrapStore });
    const client = await edge.client();
    const slow = deferred<void>();
    doorway.open = slow.promise;
    const acknowledged: number[] = [];
    const sent = Array.from({ length: 20 }, (_, i) =>
      client.publishAsync(TOPIC, reading(T0 + i), { qos: 1 }).then(() => acknowledged.push(i)),
    );
    await until(async () => (await edge.node.registry.metrics()).includes("landfall_edge_inflight_bytes"));
    await until(async () => {
      const gauge = await edge.node.registry.getSingleMetric("landfall_edge_inflight_bytes")?.get();
      return (gauge?.values[0]?.value ?? 0) === 20 * reading(T0).length;
    });
    expect(acknowledged).toEqual([]);
    expect(await edge.records("bigblue.unassigned")).toEqual([]);
    slow.resolve();
    await Promise.all(sent);
    expect(acknowledged).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(await edge.texts("bigblue.unassigned")).toEqual(acknowledged.map((i) => reading(T0 + i)));
  });

  test("a full disk acknowledges nothing: the connection ends, and the repeated publish is stored once", async () => {
    const { doorway, wrapStore } = door();
    const edge = await harness.start({ wrapStore });
    doorway.error = new LandfallError("DISK_FULL", "no space left on the disk");
    const client = await edge.client({ clientId: "sensor-1" });
    const outcome = client.publishAsync(TOPIC, reading(T0), { qos: 1 }).then(
      () => "acknowledged",
      () => "not acknowledged",
    );
    await closed(client);
    client.end(true);
    expect(await outcome).toBe("not acknowledged");
    doorway.error = undefined;
    const again = await edge.client({ clientId: "sensor-1" });
    await again.publishAsync(TOPIC, reading(T0), { qos: 1 });
    expect(await edge.texts("bigblue.unassigned")).toEqual([reading(T0)]);
    await until(async () => (await edge.exceptions()).some(({ code }) => code === "NOT_STORED"));
    expect(await edge.exceptions()).toMatchObject([{ code: "NOT_STORED", source: "sensor-1" }]);
  });

  test("QoS 0 is stored too", async () => {
    const edge = await harness.start();
    const client = await edge.client();
    await client.publishAsync(TOPIC, reading(T0), { qos: 0 });
    await client.endAsync();
    await until(async () => (await edge.records("bigblue.unassigned")).length === 1);
  });
});

describe("I1: repetitions", () => {
  test("the same publish twice is one record, across clients and a restart", async () => {
    const folder = harness.folder();
    const first = await harness.start({ folder });
    const client = await first.client();
    await client.publishAsync(TOPIC, reading(T0), { qos: 1 });
    await client.publishAsync(TOPIC, reading(T0), { qos: 1 });
    const other = await first.client();
    await Promise.all([1, 2, 3].map(() => other.publishAsync(TOPIC, reading(T0), { qos: 1 })));
    await first.close();
    const second = await harness.start({ folder });
    const later = await second.client();
    await later.publishAsync(TOPIC, reading(T0), { qos: 1 });
    await later.publishAsync(TOPIC, reading(T0 + 1), { qos: 1 });
    expect(await second.texts("bigblue.unassigned")).toEqual([reading(T0), reading(T0 + 1)]);
  });

  test("without a time each is a reading of its own", async () => {
    const edge = await harness.start();
    const client = await edge.client();
    await client.publishAsync(TOPIC, '{"temperatureC": 4}', { qos: 1 });
    await client.publishAsync(TOPIC, '{"temperatureC": 4}', { qos: 1 });
    expect(await edge.records("bigblue.unassigned")).toHaveLength(2);
  });

  test("an event is repeated once to neither its owner nor its port", async () => {
    const edge = await harness.start();
    const client = await edge.client();
    const load = JSON.stringify({ type: "LOAD", time: T0, location: "JPTYO", vessel: SHIP });
    for (let i = 0; i < 3; i++) await client.publishAsync(`containers/${BOX}/events`, load, { qos: 1 });
    expect(await edge.texts("bigblue.unassigned")).toEqual([load]);
    expect(await edge.texts("port.jptyo.events")).toEqual([load]);
  });
});

describe("routing", () => {
  test("a booking that arrives while the node runs sends what comes then to its owner", async () => {
    const edge = await harness.start();
    const client = await edge.client();
    await client.publishAsync(TOPIC, reading(T0), { qos: 1 });
    const from = new Date(T0 + 10).toISOString();
    const [booked] = await edge.node.store.append(streamName("duckworks.settings"), [
      {
        topic: topicName(`booking.${BOX}.${T0 + 10}`),
        timestamp: T0 as TimestampMs,
        value: Buffer.from(JSON.stringify({ kind: "booking", container: BOX, owner: "duckworks", from })),
      },
    ]);
    await until(async () =>
      (await edge.node.registry.metrics()).includes('landfall_edge_booked_containers{site="ship-9321483",node="a"} 1'),
    );
    await client.publishAsync(TOPIC, reading(T0 + 10), { qos: 1 });
    await client.publishAsync(TOPIC, reading(T0 + 9), { qos: 1 });
    await client.publishAsync(TOPIC, reading(T0), { qos: 1 });
    expect(await edge.texts("duckworks.containers")).toEqual([reading(T0 + 10)]);
    expect((await edge.records("duckworks.containers"))[0]?.headers).toEqual({
      kind: "telemetry",
      booking: String(booked?.offset),
    });
    expect(await edge.texts("bigblue.unassigned")).toEqual([reading(T0), reading(T0 + 9)]);
  });

  test("a ship's own words, and the same program in a yard", async () => {
    const yard = await harness.start({ yard: true });
    const client = await yard.client();
    await client.publishAsync(
      `ships/${SHIP}/position`,
      JSON.stringify({ time: T0, latitude: 35.1, longitude: 139.5 }),
      { qos: 1 },
    );
    await client.publishAsync(
      `containers/${BOX}/events`,
      JSON.stringify({ type: "GTIN", time: T0, location: "JPTYO" }),
      { qos: 1 },
    );
    expect(await yard.records("bigblue.ships")).toMatchObject([
      { topic: `${SHIP}.position`, timestamp: T0, headers: { kind: "position" } },
    ]);
    expect(await yard.records("port.jptyo.events")).toMatchObject([{ topic: BOX, headers: { kind: "event" } }]);
  });
});

describe("U2: bad input is acknowledged, told, and stored nowhere", () => {
  test.each([
    ["malformed JSON", TOPIC, '{"temperatureC": ', "NOT_JSON"],
    ["no UTF-8", TOPIC, Buffer.from([0xff, 0xfe]), "NOT_JSON"],
    ["a wrong check digit", "containers/CSQU3054384/telemetry", reading(T0), "BAD_IDENTIFIER"],
    ["an unknown ship", "ships/9321484/position", reading(T0), "BAD_IDENTIFIER"],
    ["an impossible position", TOPIC, reading(T0, { latitude: 91, longitude: 0 }), "BAD_VALUE"],
    ["a time from the future", TOPIC, reading(Date.now() + 3_600_000), "BAD_TIME"],
    ["an unknown topic", "weather/tokyo", reading(T0), "UNKNOWN_TOPIC"],
    ["the broker's own topics", "$SYS/broker/uptime", "1", "RESERVED_TOPIC"],
    ["nothing", TOPIC, "", "NOT_JSON"],
    ["more than 64 KiB", TOPIC, JSON.stringify({ temperatureC: 4, pad: "x".repeat(70_000) }), "PAYLOAD_TOO_LARGE"],
    ["a million bytes", TOPIC, Buffer.alloc(1_000_000, "x"), "PAYLOAD_TOO_LARGE"],
  ])("%s", async (_, topic, payload, code) => {
    const edge = await harness.start();
    const client = await edge.client({ clientId: "broken-sensor" });
    await client.publishAsync(topic, payload, { qos: 1 });
    // The same connection goes on.
    await client.publishAsync(TOPIC, reading(T0), { qos: 1 });
    expect(await edge.texts("bigblue.unassigned")).toEqual([reading(T0)]);
    await until(async () => (await edge.exceptions()).length > 0);
    const [exception] = await edge.exceptions();
    expect(exception).toMatchObject({ code, source: "broken-sensor", detail: { topic, client: "broken-sensor" } });
    expect(exception?.message).toContain(topic);
    expect(String(exception?.detail?.["excerpt"]).length).toBeLessThanOrEqual(256);
  });

  test("a packet beyond the limit ends its own connection, before it is read, and nobody else's", async () => {
    const edge = await harness.start();
    const honest = await edge.client({ clientId: "honest" });
    const large = await edge.client({ clientId: "large" });
    large.publish(TOPIC, Buffer.alloc(5_000_000, "x"), { qos: 1 });
    await closed(large);
    await honest.publishAsync(TOPIC, reading(T0), { qos: 1 });
    expect(honest.connected).toBe(true);
    await until(async () => (await edge.exceptions()).length > 0);
    const [exception] = await edge.exceptions();
    expect(exception).toMatchObject({ code: "PACKET_TOO_LARGE", source: "large" });
    expect(exception?.message).toMatch(/announces \d+ bytes: want at most 1048576/);
  });

  test("retained publishes and wills are checked and stored like any other", async () => {
    const edge = await harness.start();
    const client = await edge.client({
      will: { topic: TOPIC, payload: Buffer.from(reading(T0 + 1, { powered: false })), qos: 1, retain: true },
    });
    await client.publishAsync(TOPIC, reading(T0), { qos: 1, retain: true });
    client.stream.destroy();
    await until(async () => (await edge.records("bigblue.unassigned")).length === 2);
    const bad = await edge.client({
      clientId: "bad-will",
      will: { topic: "last/words", payload: Buffer.from("bye"), qos: 1, retain: false },
    });
    bad.stream.destroy();
    await until(async () => (await edge.exceptions()).some(({ source }) => source === "bad-will"));
    expect((await edge.exceptions())[0]).toMatchObject({ code: "UNKNOWN_TOPIC" });
  });
});
