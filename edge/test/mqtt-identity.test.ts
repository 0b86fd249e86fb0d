import type { AuditValue } from "@landfall/proto/api";
import { AUDIT_STRANGERS_MAX } from "@landfall/streams/audit/audit-limits";
import { Fold, type Deed } from "@landfall/streams/audit/fold";
import { until } from "@landfall/streams/testing/until";
import { afterEach, describe, expect, test } from "vitest";
import { SENSOR_AUDIT_FOLD_MS } from "../src/limits.js";
import { SensorAudit } from "../src/mqtt/sensor-audit.js";
import { device, login, passwordOf, writeDevices } from "./support/devices.js";
import { BOX, closed, connect, Harness, SHIP, type TestEdge } from "./support/edge-harness.js";

const harness = new Harness();
afterEach(() => harness.dispose());

const OTHER_BOX = "MSKU9070323";
const T0 = Date.UTC(2026, 2, 1);
const telemetry = (box: string) => `containers/${box}/telemetry`;
const commands = (box: string) => `containers/${box}/commands`;
const reading = (n: number) => JSON.stringify({ time: T0 + n, temperatureC: 4.5 });
const codes = async (edge: TestEdge) => (await edge.exceptions()).map(({ code }) => code);

async function fleet() {
  const folder = harness.folder();
  const devices = [
    await device("reefer", { containers: [BOX] }),
    await device("gateway", { containers: ["*"], ships: [SHIP] }),
    await device("bridge", { role: "operations" }),
  ];
  const file = writeDevices(folder, devices);
  const edge = await harness.start({ folder, mqtt: { anonymous: false, devices: file } });
  return { edge, folder, devices };
}

describe("A1: who a client is", () => {
  test("a device with its password comes in; without a name, with a wrong password or another's nobody does", async () => {
    const { edge } = await fleet();
    const reefer = await edge.client(login("reefer"));
    await reefer.publishAsync(telemetry(BOX), reading(0), { qos: 1 });
    await expect(connect(edge.port)).rejects.toThrow(/not authorized/i);
    // A3: no such device and a wrong password are one answer.
    for (const [username, password] of [
      ["reefer", "wrong"],
      ["nobody", "wrong"],
      ["reefer", passwordOf("gateway")],
      ["reefer", ""],
    ] as const) {
      await expect(connect(edge.port, { username, password })).rejects.toThrow(/bad username or password/i);
    }
    await expect(connect(edge.port, { username: "reefer" })).rejects.toThrow(/bad username or password/i);
    expect(await edge.texts("bigblue.unassigned")).toEqual([reading(0)]);
    await until(async () => (await codes(edge)).includes("PASSWORD_REFUSED"));
    expect(await codes(edge)).toContain("NOT_SIGNED_IN");
  });

  test("a client id belongs to the device whose name it begins with, and nobody else ends its connection", async () => {
    const { edge } = await fleet();
    const reefer = await edge.client(login("reefer"));
    const second = await edge.client(login("reefer", { clientId: "reefer:2" }));
    for (const clientId of ["reefer", "reefer:2", "reefer:3", "anything"]) {
      await expect(connect(edge.port, login("gateway", { clientId })), clientId).rejects.toThrow(
        /identifier rejected/i,
      );
    }
    await edge.client(login("gateway", { clientId: "" }));
    expect([reefer.connected, second.connected]).toEqual([true, true]);
    await until(async () => (await codes(edge)).includes("CLIENT_ID_REFUSED"));
  });

  test("where anonymous sensors are heard, too, they cannot take a device's id, and a name has to be proved", async () => {
    const folder = harness.folder();
    const file = writeDevices(folder, [await device("reefer", { containers: [BOX] })]);
    const edge = await harness.start({ folder, mqtt: { anonymous: true, devices: file } });
    const anybody = await edge.client({ clientId: "anybody" });
    await anybody.publishAsync(telemetry(OTHER_BOX), reading(0), { qos: 1 });
    await expect(connect(edge.port, { clientId: "reefer" })).rejects.toThrow(/identifier rejected/i);
    await expect(connect(edge.port, { clientId: "x", username: "reefer" })).rejects.toThrow(/bad username/i);
    expect(await edge.records("bigblue.unassigned")).toHaveLength(1);
  });

  test("who is removed, or gets another password, is out within a second; a file that is wrong changes nothing", async () => {
    const { edge, folder, devices } = await fleet();
    const [reefer, gateway] = await Promise.all([edge.client(login("reefer")), edge.client(login("gateway"))]);
    const gone = closed(reefer);
    writeDevices(folder, devices.slice(1));
    await gone;
    await expect(connect(edge.port, login("reefer"))).rejects.toThrow(/bad username or password/i);
    await until(async () => (await codes(edge)).includes("DISMISSED"));
    writeDevices(folder, [{ ...devices[1], containers: ["no container"] }]);
    await until(async () => (await codes(edge)).includes("INVALID_SETTINGS"));
    expect(gateway.connected).toBe(true);
    const left = closed(gateway);
    writeDevices(folder, [await device("gateway", { containers: ["*"] })]);
    await left;
  });
});

describe("A1: what a device may publish", () => {
  test("its own container's readings and nothing else: the rest is acknowledged, told and stored nowhere", async () => {
    const { edge } = await fleet();
    const reefer = await edge.client(login("reefer"));
    const foreign = [
      telemetry(OTHER_BOX),
      `ships/${SHIP}/position`,
      commands(BOX),
      commands(OTHER_BOX),
      "$SYS/broker/new/clients",
      "weather/tokyo",
    ];
    for (const topic of foreign) {
      for (const qos of [0, 1, 2] as const) await reefer.publishAsync(topic, reading(1), { qos, retain: qos === 1 });
    }
    await reefer.publishAsync(telemetry(BOX), reading(0), { qos: 1 });
    expect(await edge.texts("bigblue.unassigned")).toEqual([reading(0)]);
    expect(edge.node.store.streams().filter((name) => /ships|commands/.test(name))).toEqual([]);
    await until(async () => (await codes(edge)).includes("RESERVED_TOPIC"));
    const told = await edge.exceptions();
    expect(told.find(({ code }) => code === "FOREIGN_TOPIC")).toMatchObject({ source: "reefer" });
    // Bounded: once for each client and code, however often.
    expect(told).toHaveLength(2);
    const refused = await edge.node.registry.getSingleMetricAsString("landfall_edge_refused_total");
    expect(refused).toMatch(/reason="FOREIGN_TOPIC".* 15/);
  });

  test("a gateway reports for every container and its own ship", async () => {
    const { edge } = await fleet();
    const gateway = await edge.client(login("gateway"));
    await gateway.publishAsync(telemetry(BOX), reading(0), { qos: 1 });
    await gateway.publishAsync(telemetry(OTHER_BOX), reading(0), { qos: 1 });
    const position = JSON.stringify({ time: T0, latitude: 1, longitude: 2 });
    await gateway.publishAsync(`ships/${SHIP}/position`, position, { qos: 1 });
    await gateway.publishAsync(`ships/9074729/position`, position, { qos: 1 });
    expect(await edge.records("bigblue.unassigned")).toHaveLength(2);
    expect(await edge.records("bigblue.ships")).toHaveLength(1);
  });

  test("a will on a foreign topic, or on $SYS, is refused at CONNECT", async () => {
    const { edge } = await fleet();
    for (const topic of [telemetry(OTHER_BOX), commands(BOX), "$SYS/x/new/clients"]) {
      const will = { topic, payload: Buffer.from(reading(9)), qos: 1 as const, retain: true };
      await expect(connect(edge.port, { ...login("reefer"), will }), topic).rejects.toThrow(/not authorized/i);
    }
    const will = { topic: telemetry(BOX), payload: Buffer.from(reading(3)), qos: 1 as const, retain: true };
    const reefer = await edge.client({ ...login("reefer"), will });
    reefer.stream.destroy();
    await until(async () => (await edge.records("bigblue.unassigned")).length === 1);
    expect(await edge.texts("bigblue.unassigned")).toEqual([reading(3)]);
    await until(async () => (await codes(edge)).includes("WILL_REFUSED"));
  });

  test("a will is asked about again when it would be published: who has lost the right leaves none", async () => {
    const { edge, folder } = await fleet();
    const will = { topic: telemetry(BOX), payload: Buffer.from(reading(3)), qos: 1 as const, retain: false };
    const reefer = await edge.client({ ...login("reefer"), will });
    const gone = closed(reefer);
    writeDevices(folder, []);
    await gone;
    await until(async () => (await codes(edge)).includes("FOREIGN_TOPIC"));
    expect(edge.node.store.streams()).not.toContain("bigblue.unassigned");
  });
});

describe("A1: what a device is sent", () => {
  test("its own commands, durable before the sender has its PUBACK, retained and queued as MQTT has it", async () => {
    const { edge } = await fleet();
    const [reefer, bridge] = await Promise.all([
      edge.client({ ...login("reefer"), clean: false }),
      edge.client(login("bridge")),
    ]);
    const got: string[] = [];
    reefer.on("message", (topic, payload, { retain }) =>
      got.push(`${topic} ${payload.toString()}${retain ? " r" : ""}`),
    );
    for (const filter of [commands(OTHER_BOX), "containers/+/commands", "#", `containers/${BOX}/#`, "$SYS/#"]) {
      await expect(reefer.subscribeAsync(filter, { qos: 1 }), filter).rejects.toThrow();
    }
    await reefer.subscribeAsync(commands(BOX), { qos: 1 });
    await bridge.publishAsync(commands(BOX), "defrost", { qos: 1 });
    expect(await edge.texts("bigblue.commands")).toEqual(["defrost"]);
    await until(() => got.length === 1);
    await reefer.endAsync();
    await bridge.publishAsync(commands(BOX), "setpoint 4", { qos: 1, retain: true });
    await bridge.publishAsync(commands(OTHER_BOX), "not for it", { qos: 1 });
    const again = await edge.client({ ...login("reefer"), clean: false });
    again.on("message", (_topic, payload) => got.push(payload.toString()));
    await until(() => got.length === 2);
    expect(got).toEqual([`${commands(BOX)} defrost`, "setpoint 4"]);
    // The node starts again: sessions are gone, what is retained is not.
    await edge.close();
    const next = await harness.start({
      folder: edge.folder,
      mqtt: { anonymous: false, devices: `${edge.folder}/devices.yaml` },
    });
    const fresh = await next.client(login("reefer"));
    const kept: string[] = [];
    fresh.on("message", (_topic, payload, { retain }) => kept.push(`${payload.toString()} ${String(retain)}`));
    await fresh.subscribeAsync(commands(BOX), { qos: 1 });
    await until(() => kept.length === 1);
    expect(kept).toEqual(["setpoint 4 true"]);
  });

  test("operations see $SYS and every container's commands, and write readings of none", async () => {
    const { edge } = await fleet();
    const bridge = await edge.client(login("bridge"));
    await bridge.subscribeAsync("$SYS/#");
    await bridge.subscribeAsync("containers/+/commands", { qos: 1 });
    await expect(bridge.subscribeAsync("containers/#")).rejects.toThrow();
    const topics: string[] = [];
    bridge.on("message", (topic) => topics.push(topic));
    await edge.client(login("reefer"));
    await until(() => topics.some((topic) => topic.endsWith("/new/clients")));
    await bridge.publishAsync(telemetry(BOX), reading(0), { qos: 1 });
    await bridge.publishAsync(commands("CSQU3054384"), "wrong digit", { qos: 1 });
    await until(async () => (await codes(edge)).includes("BAD_COMMAND"));
    expect(edge.node.store.streams().filter((name) => /unassigned|commands/.test(name))).toEqual([]);
    await bridge.publishAsync(commands(BOX), "open", { qos: 2 });
    await until(() => topics.includes(commands(BOX)));
  });

  test("a session's subscription counts for nothing once the right is lost", async () => {
    const { edge, folder, devices } = await fleet();
    const reefer = await edge.client({ ...login("reefer"), clean: false });
    await reefer.subscribeAsync(commands(BOX), { qos: 1 });
    await reefer.endAsync();
    const bridge = await edge.client(login("bridge"));
    await bridge.publishAsync(commands(BOX), "before", { qos: 1 });
    writeDevices(folder, [{ ...devices[0], containers: [OTHER_BOX] }, ...devices.slice(1)]);
    // The change has arrived when the other container's commands may be subscribed to.
    const again = await edge.client({ ...login("reefer", { clientId: "reefer:probe" }) });
    await until(async () =>
      again.subscribeAsync(commands(OTHER_BOX), { qos: 1 }).then(
        () => true,
        () => false,
      ),
    );
    const back = await edge.client({ ...login("reefer"), clean: false });
    const got: string[] = [];
    back.on("message", (_topic, payload) => got.push(payload.toString()));
    await back.subscribeAsync(commands(OTHER_BOX), { qos: 1 });
    await bridge.publishAsync(commands(BOX), "after", { qos: 1 });
    await bridge.publishAsync(commands(OTHER_BOX), "its own", { qos: 1 });
    await until(() => got.length > 0);
    expect(got).toEqual(["its own"]);
  });
});

test("wrong passwords of one address are refused unseen after a while; who was in before comes in again", async () => {
  const folder = harness.folder();
  const file = writeDevices(folder, [await device("reefer", { containers: [BOX] })]);
  const edge = await harness.start({ folder, mqtt: { anonymous: false, devices: file, wrongPasswordsPerMinute: 3 } });
  await edge.client(login("reefer"));
  for (let i = 0; i < 5; i++) {
    await expect(connect(edge.port, { ...login("reefer"), password: `guess ${i}` })).rejects.toThrow(/bad username/i);
  }
  await edge.client(login("reefer"));
});

describe("A2: the audit of sensors", () => {
  const told = async (edge: TestEdge) =>
    (await edge.texts("bigblue.audit")).map((text) => JSON.parse(text) as AuditValue);

  test("tells who signed in, who sent a command, and what was refused to whom; no password, no readings", async () => {
    const { edge } = await fleet();
    const reefer = await edge.client(login("reefer"));
    await reefer.publishAsync(telemetry(BOX), reading(0), { qos: 1 });
    await reefer.subscribeAsync(commands(BOX));
    for (let i = 0; i < 20; i++) await reefer.publishAsync(telemetry(OTHER_BOX), reading(i), { qos: 1 });
    await expect(reefer.subscribeAsync(commands(OTHER_BOX))).rejects.toThrow();
    const bridge = await edge.client(login("bridge"));
    await bridge.subscribeAsync("containers/+/commands");
    await bridge.publishAsync(commands(BOX), "{}", { qos: 1 });
    await expect(connect(edge.port, { username: "reefer", password: "wrong" })).rejects.toThrow();
    await expect(connect(edge.port, { username: "my secret", password: "wrong" })).rejects.toThrow();
    await edge.close();
    const again = await harness.start({ folder: edge.folder });
    const deeds = (await told(again)).map(({ action, outcome, user, via, subject = "", count }) =>
      [action, outcome, user, via, subject, count].join(" "),
    );
    expect(deeds.toSorted()).toEqual(
      [
        "device.sign-in allowed device.reefer password  1",
        `device.publish refused device.reefer password ${telemetry(OTHER_BOX)} 1`,
        `device.publish refused device.reefer password ${telemetry(OTHER_BOX)} 19`,
        `device.subscribe refused device.reefer password ${commands(OTHER_BOX)} 1`,
        "device.sign-in allowed device.bridge password  1",
        "device.subscribe allowed device.bridge password containers/+/commands 1",
        `device.command allowed device.bridge password ${commands(BOX)} 1`,
        "device.sign-in refused  nobody reefer 1",
        "device.sign-in refused  nobody  1",
      ].toSorted(),
    );
    expect(JSON.stringify(await told(again))).not.toMatch(/secret|wrong/);
  });

  test("a flood of refusals from anywhere takes a bounded number of records", () => {
    const deeds: Deed[] = [];
    const fold = new Fold(SENSOR_AUDIT_FOLD_MS);
    const trail = { soon: (deed: Deed) => void (fold.add(deed, 0).told && deeds.push(deed)) };
    const audit = new SensorAudit({ trail, owner: "bigblue" });
    for (let i = 0; i < 20 * AUDIT_STRANGERS_MAX; i++) {
      const remote = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1883`;
      audit.tell({ action: "device.sign-in", status: 401, sensor: undefined, remote });
    }
    expect(deeds).toHaveLength(AUDIT_STRANGERS_MAX + 1);
  });
});
