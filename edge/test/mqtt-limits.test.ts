import { until } from "@landfall/streams/testing/until";
import { afterEach, describe, expect, test } from "vitest";
import { Admission, type AdmissionLimits, type Ticket } from "../src/mqtt/admission.js";
import { WrongPasswords } from "../src/mqtt/wrong-passwords.js";
import { device, login, writeDevices } from "./support/devices.js";
import { BOX, Harness, type TestEdge } from "./support/edge-harness.js";
import { ManualEnv } from "./support/manual-env.js";
import { openBroker } from "./support/open-broker.js";
import { RawClient } from "./support/raw-client.js";

const harness = new Harness();
const raws: RawClient[] = [];
afterEach(async () => {
  for (const client of raws.splice(0)) client.cut();
  await harness.dispose();
});

const TOPIC = `containers/${BOX}/telemetry`;
const T0 = Date.UTC(2026, 2, 1);
const reading = (n: number, more = {}) => JSON.stringify({ time: T0 + n, temperatureC: 4.5, ...more });
const codes = async (edge: TestEdge) => (await edge.exceptions()).map(({ code }) => code);
const gauge = async (edge: TestEdge, name: string) =>
  (await edge.node.registry.getSingleMetric(name)?.get())?.values[0]?.value;

function raw(port: number, address?: string): RawClient {
  const client = new RawClient(port, address);
  raws.push(client);
  return client;
}

describe("admission", () => {
  const LIMITS: AdmissionLimits = {
    connectionsMax: 4,
    connectionsPerAddressMax: 3,
    waitingMax: 3,
    waitingPerAddressMax: 2,
  };
  const enter = (admission: Admission, address: string, dropped: string[] = []): Ticket => {
    const drop = () => {
      dropped.push(address);
      if (typeof ticket !== "string") ticket.leave();
    };
    const ticket = admission.enter(address, drop);
    if (typeof ticket === "string") throw new Error(ticket);
    return ticket;
  };

  test("an address has its own bounds, for those that wait and for all", () => {
    const admission = new Admission(LIMITS);
    const [first] = [enter(admission, "a"), enter(admission, "a")];
    expect(admission.enter("a", () => undefined)).toBe("TOO_MANY_FROM_ADDRESS");
    first?.signedIn();
    const third = enter(admission, "a");
    third.signedIn();
    expect(admission.enter("a", () => undefined)).toBe("TOO_MANY_FROM_ADDRESS");
    third.leave();
    third.leave();
    expect([admission.connections, admission.waiting]).toEqual([2, 1]);
    enter(admission, "a");
  });

  test("who has waited longest makes room; who has signed in never does", () => {
    const admission = new Admission(LIMITS);
    const dropped: string[] = [];
    enter(admission, "honest", dropped).signedIn();
    for (const address of ["a", "b", "c", "d", "e"]) enter(admission, address, dropped);
    expect(dropped).toEqual(["a", "b"]);
    expect([admission.connections, admission.waiting]).toEqual([4, 3]);
  });

  test("when all have signed in nobody else comes in", () => {
    const admission = new Admission(LIMITS);
    const tickets = ["a", "b", "c", "d"].map((address) => {
      const ticket = enter(admission, address);
      ticket.signedIn();
      return ticket;
    });
    expect(admission.enter("e", () => undefined)).toBe("TOO_MANY_CONNECTIONS");
    for (const ticket of tickets) ticket.leave();
    expect([admission.connections, admission.waiting]).toEqual([0, 0]);
  });
});

test("wrong passwords: a burst for each address, then the rate, and no address is remembered for ever", () => {
  const wrong = new WrongPasswords(6);
  for (let i = 0; i < 6; i++) {
    expect(wrong.mayTry("a", 0)).toBe(true);
    wrong.wasWrong("a", 0);
  }
  expect([wrong.mayTry("a", 0), wrong.mayTry("b", 0)]).toEqual([false, true]);
  expect(wrong.mayTry("a", 10_000)).toBe(true);
  for (let i = 0; i < 20_000; i++) wrong.wasWrong(`10.0.${i >> 8}.${i & 255}`, 20_000);
  expect(wrong.remembered).toBe(10_000);
});

describe("U2: before login", () => {
  test("connections that say nothing neither fill the table nor keep others out", async () => {
    const edge = await harness.start({ mqtt: { waitingMax: 4, waitingPerAddressMax: 100 } });
    const silent = Array.from({ length: 12 }, () => raw(edge.port, "127.0.0.2"));
    await until(() => silent.filter(({ isClosed }) => isClosed).length >= 8);
    const honest = await edge.client();
    await honest.publishAsync(TOPIC, reading(0), { qos: 1 });
    expect(await gauge(edge, "landfall_edge_waiting")).toBeLessThanOrEqual(4);
    await until(async () => (await codes(edge)).includes("TOO_MANY_WAITING"));
  });

  test("one address has so many that wait, others are none the worse", async () => {
    const edge = await harness.start({ mqtt: { waitingPerAddressMax: 2 } });
    const many = Array.from({ length: 6 }, () => raw(edge.port, "127.0.0.2"));
    await until(() => many.filter(({ isClosed }) => isClosed).length === 4);
    const honest = await edge.client();
    await honest.publishAsync(TOPIC, reading(0), { qos: 1 });
    await until(async () => (await codes(edge)).includes("TOO_MANY_FROM_ADDRESS"));
  });

  test("a CONNECT that announces too much is not read", async () => {
    const edge = await harness.start({ mqtt: { connectBytesMax: 512 } });
    const large = raw(edge.port);
    const will = { topic: TOPIC, payload: Buffer.alloc(1_000), qos: 0 as const, retain: false };
    expect(await large.connect({ will })).toBeUndefined();
    await until(async () => (await codes(edge)).includes("PACKET_TOO_LARGE"));
    await edge.client();
  });
});

describe("U2: after login", () => {
  test("a client is read no further while it has too much unanswered, and loses nothing", async () => {
    let release = () => {};
    const stalled = new Promise<void>((resolve) => (release = resolve));
    const edge = await harness.start({
      mqtt: { inflightPerClientMax: 10 },
      wrapStore: (store) =>
        new Proxy(store, {
          get: (target, key) => {
            const value: unknown = Reflect.get(target, key);
            if (key === "append") {
              return async (...given: Parameters<typeof store.append>) => {
                await stalled;
                return store.append(...given);
              };
            }
            return typeof value === "function" ? (value.bind(target) as unknown) : value;
          },
        }),
    });
    const flood = await edge.client({ clientId: "flood" });
    const MESSAGES = 400;
    const sent = Promise.all(
      Array.from({ length: MESSAGES }, (_, i) =>
        flood.publishAsync(TOPIC, reading(i, { note: "x".repeat(2_000) }), { qos: 1 }),
      ),
    );
    await until(async () => ((await gauge(edge, "landfall_edge_inflight_bytes")) ?? 0) >= 20_000);
    // What was read with the packet that reached the bound is taken, and no more.
    expect(await gauge(edge, "landfall_edge_inflight_bytes")).toBeLessThan(200_000);
    release();
    await sent;
    expect(await edge.records("bigblue.unassigned")).toHaveLength(MESSAGES);
    expect(await gauge(edge, "landfall_edge_inflight_bytes")).toBe(0);
  });

  test("bytes have a rate of their own", async () => {
    const env = new ManualEnv();
    const edge = await harness.start({ env, mqtt: { bytesPerSecond: 100_000 } });
    const client = await edge.client({ clientId: "wide" });
    const note = "x".repeat(50_000);
    let acknowledged = 0;
    const publish = async (n: number): Promise<void> => {
      await client.publishAsync(TOPIC, reading(n, { note }), { qos: 1 });
      acknowledged++;
    };
    const sent = Promise.all([0, 1, 2, 3].map(publish));
    await until(async () => (await codes(edge)).includes("CLIENT_SLOWED"));
    expect(acknowledged).toBeLessThan(4);
    await until(() => {
      env.advance(100);
      return acknowledged === 4;
    });
    await sent;
    expect((await edge.exceptions()).find(({ code }) => code === "CLIENT_SLOWED")?.message).toContain("bytesPerSecond");
  });

  test("a client has so many subscriptions, and so much waiting for it", async () => {
    const folder = harness.folder();
    const devices = writeDevices(folder, [
      await device("gateway", { containers: ["*"] }),
      await device("bridge", { role: "operations" }),
    ]);
    const limits = { subscriptionsPerClientMax: 2, queuedPerClientMax: 3, queuedBytesPerClientMax: 65_536 };
    const edge = await harness.start({ folder, mqtt: { anonymous: false, devices, ...limits } });
    const gateway = await edge.client({ ...login("gateway"), clean: false });
    await gateway.subscribeAsync(["containers/+/commands", `containers/${BOX}/commands`], { qos: 1 });
    await expect(gateway.subscribeAsync("ships/9321483/commands")).rejects.toThrow();
    await expect(gateway.subscribeAsync("containers/MSKU9070323/commands")).rejects.toThrow();
    await gateway.endAsync();
    const bridge = await edge.client(login("bridge"));
    for (let i = 0; i < 6; i++) await bridge.publishAsync(`containers/${BOX}/commands`, String(i), { qos: 1 });
    await until(async () => (await codes(edge)).includes("QUEUE_FULL"));
    expect(await codes(edge)).toContain("TOO_MANY_SUBSCRIPTIONS");
    // All of them are in the stream, whatever the queue has room for.
    expect(await edge.texts("bigblue.commands")).toEqual(["0", "1", "2", "3", "4", "5"]);
  });

  test("who reads nothing of what it is sent is left; the others get theirs", async () => {
    const broker = await openBroker({ slowReaderSeconds: 2 });
    try {
      const slow = raw(broker.port as number);
      const fast = raw(broker.port as number);
      for (const [client, clientId] of [
        [slow, "slow"],
        [fast, "fast"],
      ] as const) {
        expect(await client.connect({ clientId })).toBe(0);
        client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "news", qos: 0 }] });
        await until(() => client.of("suback").length === 1);
      }
      slow.socket.pause();
      const speaker = await harness.connect(broker.port);
      const payload = Buffer.alloc(60_000);
      let sent = 0;
      // Until what the system buffers for it is full, too.
      while (broker.clients === 3 && sent < 2_000) {
        await speaker.publishAsync("news", payload, { qos: 1 });
        sent++;
      }
      await until(() => broker.clients === 2);
      await until(() => fast.of("publish").length === sent);
    } finally {
      for (const client of raws.splice(0)) client.cut();
      await broker.close();
    }
  });
});

test("who leaves while it is let in is counted no longer", async () => {
  const broker = await openBroker();
  try {
    const clients = Array.from({ length: 200 }, (_, i) => {
      const client = raw(broker.port as number);
      client.socket.once("connect", () => {
        client.send({
          cmd: "connect",
          protocolId: "MQTT",
          protocolVersion: 4,
          clientId: `c${i}`,
          clean: i % 2 === 0,
          keepalive: 0,
        });
        if (i % 3 === 0) setImmediate(() => client.cut());
        else if (i % 3 === 1) setTimeout(() => client.socket.resetAndDestroy(), i % 5);
        else client.socket.end();
      });
      return client;
    });
    await Promise.all(clients.map((client) => client.closed()));
    await until(() => broker.clients === 0 && broker.connections === 0 && broker.waiting === 0);
    expect(broker.sessions).toBe(0);
  } finally {
    await broker.close();
  }
});
