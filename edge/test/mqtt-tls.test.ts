import { appendFileSync, copyFileSync, readFileSync } from "node:fs";
import { connect as tcp } from "node:net";
import { connect as tls } from "node:tls";
import { isLandfallError } from "@landfall/streams/model/errors";
import { TestAuthority } from "@landfall/streams/testing/test-authority";
import { until } from "@landfall/streams/testing/until";
import type { IClientOptions } from "mqtt";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { device, login, writeDevices } from "./support/devices.js";
import { BOX, closed, connect, Harness, type TestEdge } from "./support/edge-harness.js";

const harness = new Harness();
let authority: TestAuthority;
let stranger: TestAuthority;
let ca: Buffer;
beforeAll(async () => {
  authority = await TestAuthority.create("sensors of a test");
  ca = readFileSync((await authority.issue({ site: "anyone" })).ca);
  stranger = await TestAuthority.create("somebody else's sensors");
});
afterEach(() => harness.dispose());
afterAll(() => {
  authority.close();
  stranger.close();
});

const TOPIC = `containers/${BOX}/telemetry`;
const reading = (n: number) => JSON.stringify({ time: Date.UTC(2026, 2, 1) + n, temperatureC: 4.5 });
const codes = async (edge: TestEdge) => (await edge.exceptions()).map(({ code }) => code);

async function secure(more: object = {}) {
  const folder = harness.folder();
  const server = await authority.issue({ site: "ship" });
  const devices = writeDevices(folder, [
    await device("reefer", { containers: [BOX] }),
    { name: "sealed", certificate: true, containers: [BOX] },
  ]);
  const files = { port: 0, cert: server.cert, key: server.key, ca: server.ca, revoked: server.revoked };
  const mqtt = { anonymous: false, port: undefined, devices, tls: files, ...more };
  const edge = await harness.start({ folder, mqtt });
  return { edge, server, folder };
}

/** Like a stranger's client that trusts the authority; the test's certificates name sites, not hosts. */
function over(more: IClientOptions = {}): IClientOptions {
  // Handed on to node:tls, though the type does not say so.
  const anyName = { checkServerIdentity: () => undefined };
  return { protocol: "mqtts", ca, ...anyName, ...more };
}

const proof = ({ cert, key }: { cert: string; key: string }) => ({ cert: readFileSync(cert), key: readFileSync(key) });

test("over TLS by password or by certificate; in plain text nothing listens where settings name no port", async () => {
  const { edge } = await secure();
  expect(edge.mqttPort).toBeUndefined();
  const reefer = await harness.connect(edge.mqttTlsPort, over(login("reefer")));
  await reefer.publishAsync(TOPIC, reading(0), { qos: 1 });
  const sealed = await authority.issue({ site: "sealed" });
  const client = await harness.connect(edge.mqttTlsPort, over({ ...proof(sealed), clientId: "sealed" }));
  await client.publishAsync(TOPIC, reading(1), { qos: 1 });
  expect(await edge.texts("bigblue.unassigned")).toEqual([reading(0), reading(1)]);
});

test("a certificate counts when this authority issued it, its subject is a listed device, and it is not revoked", async () => {
  const { edge, server } = await secure();
  const refused = async (options: IClientOptions) =>
    expect(connect(edge.mqttTlsPort as number, over(options))).rejects.toThrow(/not authorized/i);
  await refused({ clientId: "sealed" });
  await refused({ ...proof(await stranger.issue({ site: "sealed" })), clientId: "sealed" });
  await refused({ ...proof(await authority.issue({ site: "sealed" }, { days: -1, as: "old" })), clientId: "sealed" });
  await refused({ ...proof(await authority.issue({ site: "unlisted" })), clientId: "unlisted" });
  // A listed device that is to use its password.
  await refused({ ...proof(await authority.issue({ site: "reefer" })), clientId: "reefer" });
  const sealed = await authority.issue({ site: "sealed" });
  await refused({ ...proof(sealed), ...login("reefer") });
  const client = await harness.connect(edge.mqttTlsPort, over({ ...proof(sealed), clientId: "sealed" }));
  const gone = closed(client);
  appendFileSync(server.revoked, `${sealed.fingerprint} # lost\n`);
  await gone;
  await refused({ ...proof(sealed), clientId: "sealed" });
  await until(async () => (await codes(edge)).includes("CERTIFICATE_REFUSED"));
  await until(async () => (await codes(edge)).includes("DISMISSED"));
});

test("plain text and TLS side by side; the server's certificate is replaced without a restart", async () => {
  const { edge, server } = await secure({ port: 0 });
  const plain = await edge.client(login("reefer"));
  const fingerprint = () =>
    new Promise<string>((resolve, reject) => {
      const socket = tls({ port: edge.mqttTlsPort ?? 0, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "").toLowerCase() ?? "");
        socket.destroy();
      });
      socket.on("error", reject);
    });
  expect(await fingerprint()).toBe(server.fingerprint);
  const next = await authority.issue({ site: "ship" }, { as: "next" });
  copyFileSync(next.cert, server.cert);
  copyFileSync(next.key, server.key);
  await until(async () => (await fingerprint()) === next.fingerprint);
  await plain.publishAsync(TOPIC, reading(0), { qos: 1 });
  // What is no TLS is told, and costs the others nothing.
  const noise = tcp(edge.mqttTlsPort as number, "127.0.0.1");
  noise.on("error", () => undefined).resume();
  noise.write("GET / HTTP/1.1\r\n\r\n");
  await new Promise((resolve) => noise.once("close", resolve));
  await until(async () => (await codes(edge)).includes("TLS_FAILED"));
  await plain.publishAsync(TOPIC, reading(1), { qos: 1 });
});

test("a handshake that does not come ends with the deadline of CONNECT", async () => {
  const { edge } = await secure({ connectSeconds: 0.3 });
  const silent = tcp(edge.mqttTlsPort as number, "127.0.0.1");
  silent.on("error", () => undefined).resume();
  await new Promise((resolve) => silent.once("close", resolve));
  await until(async () => /landfall_edge_waiting\{[^}]*\} 0/.test(await edge.node.registry.metrics()));
});

test("settings that let nobody in, or everybody without a word, are refused with what is wanted", async () => {
  const refused = async (mqtt: object, text: RegExp) => {
    const error: unknown = await harness.start({ mqtt }).catch((reason: unknown) => reason);
    expect(isLandfallError(error, "INVALID_SETTINGS"), String(error)).toBe(true);
    expect(String(error)).toMatch(text);
  };
  await refused({ anonymous: false }, /mqtt\.devices is missing.*landfall device/);
  await refused({ port: undefined }, /mqtt\.port is missing/);
  const { cert, key } = await authority.issue({ site: "ship" });
  await refused({ tls: { port: 0, cert, key: `${key}.not-there` } }, /mqtt\.tls\.key.*no such file/);
  await refused({ tls: { port: 0, cert: key, key } }, /mqtt\.tls\.cert/);
  await refused({ anonymous: false, devices: `${key}.not-there` }, /devices/);
});
