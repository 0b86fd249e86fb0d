import { createServer, connect as tcp, type AddressInfo, type Socket } from "node:net";
import { isLandfallError } from "@landfall/streams/model/errors";
import { until } from "@landfall/streams/testing/until";
import { afterEach, describe, expect, test } from "vitest";
import { BOX, closed, connect, Harness } from "./support/edge-harness.js";
import { ManualEnv } from "./support/manual-env.js";

const harness = new Harness();
afterEach(() => harness.dispose());

const TOPIC = `containers/${BOX}/telemetry`;
const T0 = Date.UTC(2026, 2, 1);
const reading = (time: number) => JSON.stringify({ time, temperatureC: 4.5 });
const codes = async (edge: { exceptions(): Promise<{ code: string }[]> }) =>
  (await edge.exceptions()).map(({ code }) => code);

function socket(port: number): { socket: Socket; ended: Promise<Buffer> } {
  const socket = tcp(port, "127.0.0.1");
  const got: Buffer[] = [];
  socket.on("data", (chunk) => got.push(chunk));
  socket.on("error", () => undefined);
  const ended = new Promise<Buffer>((resolve) => socket.on("close", () => resolve(Buffer.concat(got))));
  return { socket, ended };
}

test("a port in use is a clear message, and everything opened is closed again", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as AddressInfo;
  const folder = harness.folder();
  const failed = await harness.start({ folder, mqtt: { port } }).catch((error: unknown) => error);
  expect(isLandfallError(failed, "PORT_IN_USE")).toBe(true);
  expect(String(failed)).toContain(`127.0.0.1:${port}`);
  expect(String(failed)).toContain("mqtt.port");
  taken.close();
  const edge = await harness.start({ folder, mqtt: { port } });
  expect(edge.port).toBe(port);
});

describe("who may connect", () => {
  test("MQTT 5 is refused with a word, 3.1 and 3.1.1 are welcome", async () => {
    const edge = await harness.start();
    await expect(connect(edge.port, { protocolVersion: 5, clientId: "modern" })).rejects.toThrow(
      /unacceptable protocol version|refused/i,
    );
    for (const protocol of [{ protocolVersion: 4 }, { protocolVersion: 3, protocolId: "MQIsdp" }] as const) {
      const client = await edge.client(protocol);
      await client.publishAsync(TOPIC, reading(T0 + protocol.protocolVersion), { qos: 1 });
    }
    expect(await edge.records("bigblue.unassigned")).toHaveLength(2);
    await until(async () => (await codes(edge)).includes("MQTT_5_REFUSED"));
  });

  test("an empty client id wants a clean session", async () => {
    const edge = await harness.start();
    const CONNECT = (flags: number) => Buffer.from([0x10, 12, 0, 4, 77, 81, 84, 84, 4, flags, 0, 60, 0, 0]);
    const kept = socket(edge.port);
    kept.socket.write(CONNECT(0));
    expect([...(await kept.ended)]).toEqual([0x20, 2, 0, 2]);
    const clean = socket(edge.port);
    clean.socket.write(CONNECT(2));
    clean.socket.write(Buffer.from([0xe0, 0]));
    expect([...(await clean.ended)]).toEqual([0x20, 2, 0, 0]);
    await until(async () => (await codes(edge)).includes("CLIENT_ID_MISSING"));
  });

  test("what is no MQTT is told so and closed; the broker goes on", async () => {
    const edge = await harness.start();
    for (const bytes of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x00", "\x10\xff\xff\xff\xff\xff"]) {
      const stranger = socket(edge.port);
      stranger.socket.write(Buffer.from(bytes, "latin1"));
      expect((await stranger.ended).length).toBe(0);
    }
    const client = await edge.client();
    await client.publishAsync(TOPIC, reading(T0), { qos: 1 });
    await until(async () => (await codes(edge)).includes("NOT_MQTT"));
  });

  test("who says nothing is closed", async () => {
    const edge = await harness.start({ mqtt: { connectSeconds: 0.2 } });
    expect((await socket(edge.port).ended).length).toBe(0);
    await until(async () => (await codes(edge)).includes("CONNECT_TOO_LATE"));
  });

  test("who never ends a packet is closed", async () => {
    const env = new ManualEnv();
    const edge = await harness.start({ env, mqtt: { packetSeconds: 60 } });
    const slow = await edge.client({ clientId: "slow", keepalive: 0 });
    slow.stream.write(Buffer.from([0x32, 100, 0, 5]));
    const gone = closed(slow);
    // Two looks: the first sees that the packet has begun, a later one that it still has not ended.
    await until(async () => {
      env.advance(30_000);
      return (await codes(edge)).includes("PACKET_TOO_SLOW");
    });
    await gone;
  });

  test("beyond the number of connections nobody is let in, and those inside notice nothing", async () => {
    const edge = await harness.start({ mqtt: { connectionsMax: 2 } });
    const inside = await edge.client();
    await edge.client();
    await expect(connect(edge.port)).rejects.toThrow();
    await inside.publishAsync(TOPIC, reading(T0), { qos: 1 });
    await until(async () => (await codes(edge)).includes("TOO_MANY_CONNECTIONS"));
  });

  test("who said no name can subscribe to nothing; QoS 2 is stored once, as its second half is repeated", async () => {
    const edge = await harness.start();
    const client = await edge.client({ clientId: "anybody" });
    for (const filter of ["containers/#", "#", `containers/${BOX}/commands`, "$SYS/#"]) {
      await expect(client.subscribeAsync(filter), filter).rejects.toThrow();
    }
    const got: string[] = [];
    client.on("message", (topic) => got.push(topic));
    await client.publishAsync(TOPIC, reading(T0), { qos: 1 });
    // Without a time a repetition is told from a second reading by its packet id alone.
    await client.publishAsync(TOPIC, JSON.stringify({ temperatureC: 4 }), { qos: 2 });
    await client.publishAsync(`containers/${BOX}/commands`, "open", { qos: 1 });
    expect(got).toEqual([]);
    expect(await edge.texts("bigblue.unassigned")).toEqual([reading(T0), '{"temperatureC":4}']);
    expect(edge.node.store.streams()).not.toContain("bigblue.commands");
    await until(async () => (await codes(edge)).includes("FOREIGN_TOPIC"));
    expect(await codes(edge)).toContain("SUBSCRIPTION_DENIED");
  });
});

test("U2: a client that floods is slowed and told, an honest one goes on, and nothing acknowledged is lost", async () => {
  const env = new ManualEnv();
  const edge = await harness.start({ env, mqtt: { packetsPerSecond: 300, packetsAtOnce: 100 } });
  const flood = await edge.client({ clientId: "flood" });
  const honest = await edge.client({ clientId: "honest" });
  const FLOOD = 3_000;
  let isDone = false;
  const flooded = Promise.all(
    Array.from({ length: FLOOD }, (_, i) => flood.publishAsync(TOPIC, reading(T0 + i), { qos: 1 })),
  ).then(() => (isDone = true));
  // Time stands still: the flood has its burst and no more, and keeps nobody else from anything.
  for (let i = 0; i < 20; i++) {
    await honest.publishAsync("containers/MSKU9070323/telemetry", reading(T0 + i), { qos: 1 });
  }
  await until(async () => (await codes(edge)).includes("CLIENT_SLOWED"));
  expect(isDone).toBe(false);
  await until(() => {
    env.advance(1_000);
    return isDone;
  });
  await flooded;
  expect(await edge.records("bigblue.unassigned")).toHaveLength(FLOOD + 20);
  const slowed = (await edge.exceptions()).filter(({ code }) => code === "CLIENT_SLOWED");
  expect(slowed[0]).toMatchObject({ source: "flood" });
});

test("U2: a client that floods with nonsense fills neither the store nor the exceptions", async () => {
  const edge = await harness.start();
  const client = await edge.client({ clientId: "nonsense" });
  await Promise.all(Array.from({ length: 2_000 }, () => client.publishAsync("a/b", "{", { qos: 1 })));
  await until(async () => (await codes(edge)).length > 0);
  expect((await edge.exceptions()).length).toBeLessThan(50);
  expect(edge.node.store.streams()).not.toContain("bigblue.unassigned");
  const refused = await edge.node.registry.getSingleMetricAsString("landfall_edge_refused_total");
  expect(refused).toMatch(/reason="UNKNOWN_TOPIC".* 2000/);
});

test("closing acknowledges what is under way and is ready again on the same port", async () => {
  const folder = harness.folder();
  const edge = await harness.start({ folder });
  const client = await edge.client();
  let acknowledged = 0;
  const sent = Array.from({ length: 500 }, (_, i) =>
    client.publishAsync(TOPIC, reading(T0 + i), { qos: 1 }).then(
      () => acknowledged++,
      () => undefined,
    ),
  );
  await until(() => acknowledged > 0);
  await edge.close();
  await closed(client);
  client.end(true);
  await Promise.all(sent);
  const again = await harness.start({ folder, mqtt: { port: edge.port } });
  expect((await again.records("bigblue.unassigned")).length).toBeGreaterThanOrEqual(acknowledged);
});
