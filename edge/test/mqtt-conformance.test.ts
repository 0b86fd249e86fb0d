import { until } from "@landfall/streams/testing/until";
import type { IClientOptions, MqttClient } from "mqtt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MqttBroker } from "../src/mqtt/broker.js";
import { connect } from "./support/edge-harness.js";
import { NO_SUBSCRIPTION, openBroker } from "./support/open-broker.js";
import { RawClient } from "./support/raw-client.js";

/**
 * The eleven cases of Eclipse Paho's interoperability suite for MQTT 3.1.1, in our own words, by their names, with a stock client and
 * a raw socket. They want topics for everything, so the broker gets the rules of a general-purpose one, by its
 * constructor; everything else is what an edge runs.
 */
describe("MQTT 3.1.1, the cases of Eclipse Paho's interoperability suite", () => {
  let broker: MqttBroker;
  const clients: { end(force: boolean): unknown }[] = [];
  beforeEach(async () => {
    broker = await openBroker();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.end(true);
    await broker.close();
  });

  interface Heard {
    readonly topic: string;
    readonly text: string;
    readonly qos: number;
    readonly retain: boolean;
  }
  interface Listener {
    readonly client: MqttClient;
    readonly heard: Heard[];
  }

  async function join(clientId: string, options: IClientOptions = {}): Promise<Listener> {
    const heard: Heard[] = [];
    // Listens before anything can come: what waited in a session comes right behind CONNACK.
    const client = await connect(broker.port as number, { clientId, ...options }, (made) =>
      made.on("message", (topic, payload, { qos, retain }) =>
        heard.push({ topic, text: payload.toString(), qos, retain }),
      ),
    );
    clients.push(client);
    return { client, heard };
  }
  function raw(): RawClient {
    const client = new RawClient(broker.port as number);
    clients.push({ end: () => client.cut() });
    return client;
  }
  /** Everything that was sent to a client before has come when what it says to itself comes back. */
  async function settled({ client, heard }: Listener, topic: string): Promise<Heard[]> {
    const mark = `mark ${Math.random()}`;
    await client.publishAsync(topic, mark, { qos: 2 });
    await until(() => heard.some(({ text }) => text === mark));
    return heard.filter(({ text }) => !text.startsWith("mark"));
  }
  const qosOf = (heard: readonly Heard[]) => heard.map(({ qos }) => qos).sort((a, b) => a - b);

  test("basic", async () => {
    const first = await join("myclientid");
    await first.client.endAsync();
    const a = await join("myclientid");
    await a.client.subscribeAsync("TopicA", { qos: 2 });
    for (const qos of [0, 1, 2] as const) await a.client.publishAsync("TopicA", `qos ${qos}`, { qos });
    const heard = await settled(a, "TopicA");
    expect(heard.map(({ text, qos }) => `${text}: ${qos}`)).toEqual(["qos 0: 0", "qos 1: 1", "qos 2: 2"]);
    // A second CONNECT on one connection, and another protocol's name, end it.
    const twice = raw();
    expect(await twice.connect()).toBe(0);
    expect(await twice.connect()).toBeUndefined();
    await twice.closed();
    const stranger = raw();
    stranger.bytes(Buffer.from([0x10, 16, 0, 2, 0x68, 0x6a, 4, 2, 0, 60, 0, 6, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74]));
    await stranger.closed();
    expect(stranger.of("connack").filter(({ returnCode }) => returnCode === 0)).toEqual([]);
  });

  test("retained messages", async () => {
    const a = await join("myclientid");
    const topics = ["TopicA/B", "Topic/C", "TopicA/C"];
    for (const [i, topic] of topics.entries()) {
      await a.client.publishAsync(topic, `qos ${i}`, { qos: i as 0 | 1 | 2, retain: true });
    }
    await a.client.subscribeAsync("+/+", { qos: 2 });
    await until(() => a.heard.length === 3);
    expect(a.heard.map(({ topic }) => topic).sort()).toEqual([...topics].sort());
    expect(a.heard.every(({ retain }) => retain)).toBe(true);
    expect(qosOf(a.heard)).toEqual([0, 1, 2]);
    await a.client.endAsync();
    const b = await join("myclientid");
    for (const [i, topic] of topics.entries()) {
      await b.client.publishAsync(topic, "", { qos: i as 0 | 1 | 2, retain: true });
    }
    await b.client.subscribeAsync("+/+", { qos: 2 });
    expect(await settled(b, "x/y")).toEqual([]);
  });

  test("offline message queueing", async () => {
    const a = await join("myclientid", { clean: false });
    await a.client.subscribeAsync("+/+", { qos: 2 });
    await a.client.endAsync();
    const b = await join("myclientid2");
    for (const [i, topic] of ["TopicA/B", "Topic/C", "TopicA/C"].entries()) {
      await b.client.publishAsync(topic, `qos ${i}`, { qos: i as 0 | 1 | 2 });
    }
    await b.client.endAsync();
    const again = await join("myclientid", { clean: false });
    const heard = await settled(again, "x/y");
    // QoS 0 may be queued, and is not here.
    expect(heard.map(({ text, qos }) => `${text}: ${qos}`)).toEqual(["qos 1: 1", "qos 2: 2"]);
  });

  test("will message", async () => {
    const will = { topic: "Topic/C", payload: Buffer.from("client not disconnected"), qos: 0 as const, retain: false };
    const dies = await join("myclientid", { will, keepalive: 2 });
    const b = await join("myclientid2", { clean: false });
    await b.client.subscribeAsync("Topic/C", { qos: 2 });
    dies.client.stream.destroy();
    await until(() => b.heard.length > 0);
    // Who says goodbye leaves none.
    const leaves = await join("myclientid", { will });
    await leaves.client.endAsync();
    expect((await settled(b, "Topic/C")).map(({ text }) => text)).toEqual(["client not disconnected"]);
  });

  test("overlapping subscriptions", async () => {
    const a = await join("myclientid");
    const granted = await a.client.subscribeAsync({ "TopicA/#": { qos: 2 }, "TopicA/+": { qos: 1 } });
    expect(granted.map(({ qos }) => qos)).toEqual([2, 1]);
    await a.client.publishAsync("TopicA/C", "overlapping topic filters", { qos: 2 });
    const heard = await settled(a, "TopicA/x");
    // One message with the largest QoS, or one for each subscription with its own.
    expect([[2], [1, 2]]).toContainEqual(qosOf(heard));
  });

  test("keepalive", async () => {
    const b = await join("myclientid2", { keepalive: 0 });
    await b.client.subscribeAsync("/TopicA", { qos: 2 });
    const silent = raw();
    const will = { topic: "/TopicA", payload: Buffer.from("keepalive expiry"), qos: 0 as const, retain: false };
    expect(await silent.connect({ clientId: "myclientid", keepalive: 1, will })).toBe(0);
    await silent.closed();
    await until(() => b.heard.length > 0);
    expect(b.heard.map(({ text }) => text)).toEqual(["keepalive expiry"]);
  });

  test("redelivery on reconnect", async () => {
    const b = raw();
    expect(await b.connect({ clientId: "myclientid2", clean: false })).toBe(0);
    b.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "TopicA/#", qos: 2 }] });
    await until(() => b.of("suback").length === 1);
    const a = await join("myclientid");
    await a.client.publishAsync("TopicA/B", "one", { qos: 1 });
    await a.client.publishAsync("TopicA/C", "two", { qos: 2 });
    await until(() => b.of("publish").length === 2);
    // It acknowledged neither, and leaves.
    b.send({ cmd: "disconnect" });
    await b.closed();
    const again = raw();
    expect(await again.connect({ clientId: "myclientid2", clean: false })).toBe(0);
    await until(() => again.of("publish").length === 2);
    expect(again.of("connack")[0]?.sessionPresent).toBe(true);
    expect(again.of("publish").map(({ topic, qos, dup }) => [topic, qos, dup])).toEqual([
      ["TopicA/B", 1, true],
      ["TopicA/C", 2, true],
    ]);
    // The second half of QoS 2 is repeated, too.
    const [one, two] = again.of("publish");
    again.send({ cmd: "puback", messageId: one?.messageId ?? 0 });
    again.send({ cmd: "pubrec", messageId: two?.messageId ?? 0 });
    await until(() => again.of("pubrel").length === 1);
    again.cut();
    await again.closed();
    const last = raw();
    expect(await last.connect({ clientId: "myclientid2", clean: false })).toBe(0);
    await until(() => last.of("pubrel").length === 1);
    expect(last.of("publish")).toEqual([]);
    last.send({ cmd: "pubcomp", messageId: two?.messageId ?? 0 });
    last.send({ cmd: "disconnect" });
    await last.closed();
  });

  test("zero-length client id", async () => {
    const kept = raw();
    // CONNECT with no flag and an id of no bytes, which stock encoders refuse to write.
    kept.bytes(Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 60, 0, 0]));
    await kept.closed();
    expect(kept.of("connack").map(({ returnCode }) => returnCode)).toEqual([2]);
    const clean = raw();
    expect(await clean.connect({ clientId: "", clean: true })).toBe(0);
  });

  test("subscribe failure", async () => {
    const a = raw();
    expect(await a.connect({ clientId: "myclientid" })).toBe(0);
    const subscriptions = [
      { topic: "TopicA", qos: 1 as const },
      { topic: NO_SUBSCRIPTION, qos: 2 as const },
    ];
    a.send({ cmd: "subscribe", messageId: 7, subscriptions });
    await until(() => a.of("suback").length === 1);
    expect(a.of("suback")[0]).toMatchObject({ messageId: 7, granted: [1, 0x80] });
  });

  test("dollar topics", async () => {
    const b = await join("myclientid2", { keepalive: 0 });
    for (const filter of ["+/+", "#"]) await b.client.subscribeAsync(filter, { qos: 2 });
    await b.client.publishAsync("$TopicA/B", "", { qos: 1 });
    await join("somebody");
    expect(await settled(b, "x/y")).toEqual([]);
  });

  test("unsubscribe", async () => {
    const a = await join("myclientid");
    const filters = ["TopicA", "TopicA/B", "Topic/C"];
    await a.client.subscribeAsync(filters, { qos: 2 });
    await a.client.unsubscribeAsync("TopicA");
    const b = await join("myclientid2");
    for (const topic of filters) await b.client.publishAsync(topic, topic, { qos: 1 });
    expect((await settled(a, "TopicA/B")).map(({ text }) => text)).toEqual(["TopicA/B", "Topic/C"]);
  });
});
