import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { verify } from "@node-rs/argon2";
import { afterEach, describe, expect, test } from "vitest";
import { deviceCommand } from "../src/devices/command.js";
import { readDevices } from "../src/devices/devices-file.js";
import { BOX, Harness } from "./support/edge-harness.js";

const harness = new Harness();
afterEach(async () => {
  process.exitCode = 0;
  await harness.dispose();
});

describe("landfall device", () => {
  async function run(words: readonly string[], stdin = ""): Promise<{ out: string; code: number }> {
    let out = "";
    process.exitCode = 0;
    const stdout = { write: (text: string) => ((out += text), true) };
    await deviceCommand({ stdin: Readable.from([stdin]), stdout }).parseAsync([...words], {
      from: "user",
    });
    return { out, code: process.exitCode };
  }

  test("adds a device with a new password, shows it once, and keeps its argon2id hash alone", async () => {
    const file = join(harness.folder(), "devices.yaml");
    const { out, code } = await run(["add", "reefer", "--file", file, "--containers", BOX]);
    expect(code).toBe(0);
    const password = /password: +(\S+)/.exec(out)?.[1] ?? "";
    const [device] = readDevices(file);
    expect(device).toMatchObject({ name: "reefer", role: "sensor", containers: [BOX], certificate: false });
    expect(device?.passwordHash).toMatch(/^\$argon2id\$/);
    expect(await verify(device?.passwordHash ?? "", password)).toBe(true);
    expect(readFileSync(file, "utf8")).not.toContain(password);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.next`)).toBe(false);
  });

  test("takes a password from standard input, replaces, lists without hashes, removes", async () => {
    const file = join(harness.folder(), "devices.yaml");
    await run(["add", "reefer", "-f", file, "--containers", BOX, "--password-stdin"], "of my own\n");
    expect(await verify(readDevices(file)[0]?.passwordHash ?? "", "of my own")).toBe(true);
    await run(["add", "gate", "-f", file, "--certificate", "--containers", "*", "--ships", "9321483"]);
    await run(["add", "bridge", "-f", file, "--operations"]);
    expect((await run(["add", "reefer", "-f", file, "--containers", BOX])).code).toBe(1);
    await run(["add", "reefer", "-f", file, "--containers", BOX, "MSKU9070323", "--replace"]);
    const { out } = await run(["list", "-f", file, "--json"]);
    expect(JSON.parse(out)).toMatchObject([
      { name: "reefer", password: true, containers: [BOX, "MSKU9070323"] },
      { name: "gate", password: false, certificate: true, ships: ["9321483"] },
      { name: "bridge", password: true, role: "operations" },
    ]);
    expect(out).not.toContain("argon2");
    await run(["remove", "gate", "-f", file]);
    expect(readDevices(file).map(({ name }) => name)).toEqual(["reefer", "bridge"]);
    expect((await run(["remove", "gate", "-f", file])).code).toBe(1);
    expect((await run(["list", "-f", file])).out).toMatch(/device +role[\s\S]*bridge +operations/);
  });

  test("finds the file by an edge's settings", async () => {
    const folder = harness.folder();
    const config = join(folder, "edge.yaml");
    const sites = "sites: [{ site: yard, kind: yard, name: Yard, owner: bigblue }]";
    writeFileSync(
      config,
      `site: yard\ndata: d\nhttp: { port: 0 }\nmqtt: { port: 0, devices: sensors.yaml }\n${sites}\n`,
    );
    expect((await run(["add", "reefer", "-c", config, "--containers", BOX])).code).toBe(0);
    expect(readDevices(join(folder, "sensors.yaml"))).toHaveLength(1);
  });

  test.each([
    ["a name with a colon", ["add", "a:b", "--containers", BOX]],
    ["a wrong check digit", ["add", "reefer", "--containers", "CSQU3054384"]],
    ["nothing to report for", ["add", "reefer"]],
    ["an unknown ship", ["add", "reefer", "--ships", "9321484"]],
  ])("%s is refused, and nothing is written", async (_, words) => {
    const file = join(harness.folder(), "devices.yaml");
    expect((await run([...words, "-f", file])).code).toBe(1);
    expect(existsSync(file)).toBe(false);
  });
});

test.each([
  ["devices: [{ name: a, containers: [CSQU3054383] }]", /neither a password nor certificate/],
  ["devices: [{ name: a, certificate: true, containers: [CSQU3054384] }]", /check digit/],
  ["devices: [{ name: 'a:b', certificate: true, containers: ['*'] }]", /devices\[0\]\.name/],
  ["devices: [{ name: a, passwordHash: secret, containers: ['*'] }]", /not shown/],
  [
    "devices: [{ name: a, certificate: true, containers: ['*'] }, { name: a, certificate: true, ships: ['*'] }]",
    /there twice/,
  ],
  ["- name: a", /not a list/],
])("a file with %s is told with its place", (text, message) => {
  const file = join(harness.folder(), "devices.yaml");
  writeFileSync(file, text);
  expect(() => readDevices(file)).toThrow(message);
});
