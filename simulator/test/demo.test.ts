import { createHash, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verify } from "@node-rs/argon2";
import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { DemoFolder, defaultShape, type DemoWishes } from "../src/demo/folder.js";
import { LineLimiter, worthTelling } from "../src/demo/log-lines.js";
import { ONE_MACHINE, planDemo, type DemoShape } from "../src/demo/plan.js";
import { checkPorts } from "../src/demo/ports.js";
import { progressOn } from "../src/demo/progress.js";
import { completeCertificates } from "../src/demo/certificates.js";
import { completeSecrets, placeholderSecrets } from "../src/demo/secrets.js";
import { loadSimulatorSettings, linkSpecs } from "../src/settings/simulator-settings.js";
import { listening } from "./support.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "landfall-demo-"));
  folders.push(folder);
  return folder;
}
const code = (name: string): unknown => expect.objectContaining({ code: name });
const wishes = (more: Partial<DemoWishes> = {}): DemoWishes => ({ wait: true, ...more });
const planOf = (shape: DemoShape) => planDemo(shape, placeholderSecrets(shape), ONE_MACHINE);

describe("plan", () => {
  it("is the fleet of the contract", () => {
    const plan = planOf(defaultShape());
    const commands = Object.fromEntries(plan.services.map(({ name, command }) => [name, command]));
    expect(commands).toMatchObject({
      tokyo: "shore",
      singapore: "shore",
      sydney: "shore",
      "los-angeles": "hq",
      duckworks: "hq",
      "tokyo-yard": "edge",
      "singapore-yard": "edge",
      "sydney-yard": "edge",
      "ship-9321483": "edge",
      simulator: "simulate",
    });
    const mqtt = plan.topology.sites.filter((site) => site.mqtt !== undefined).map((site) => [site.kind, site.mqtt]);
    expect(mqtt).toEqual([
      ["yard", 2883],
      ["yard", 2884],
      ["yard", 2885],
      ["ship", 1883],
      ["ship", 1884],
      ["ship", 1885],
      ["ship", 1886],
    ]);
    const links = plan.topology.links.map(({ id }) => id);
    expect(new Set(links).size).toBe(links.length);
    expect(links).toEqual(expect.arrayContaining(["tokyo~singapore", "duckworks~tokyo", "ship-9321483~singapore"]));
    const satellite = plan.topology.links.filter((link) => link.class === "satellite");
    expect(satellite.map(({ carries }) => carries)).toEqual(satellite.map(() => ["*.alerts", "*.ships"]));
    // Every satellite link has a budget, and nothing else has one.
    const nodes = plan.services.filter(({ command }) => command !== "simulate");
    const budgets = nodes.flatMap(({ settings }) =>
      ((settings["links"] ?? []) as { class: string; budget?: { bytesPerDay: number } }[]).map((link) => [
        link.class,
        link.budget?.bytesPerDay,
      ]),
    );
    const metered = new Set(budgets.filter(([, bytes]) => bytes !== undefined).map(([kind]) => kind));
    expect(metered).toEqual(new Set(["satellite"]));
    expect(budgets.filter(([kind]) => kind === "satellite")).toEqual(satellite.map(() => ["satellite", 20_000_000]));
  });

  it("gives every listener a port of its own, all but the map's moved by the base", () => {
    for (const ships of [3, 4, 12]) {
      const ports = (base: number): number[] =>
        planOf({ ...defaultShape(), ships, ports: { web: 8080, base } }).services.flatMap(({ listens }) =>
          listens.map(({ port }) => port),
        );
      const plain = ports(0);
      expect(new Set(plain).size).toBe(plain.length);
      expect(ports(20_000)).toEqual(plain.map((port) => (port === 8080 ? port : port + 20_000)));
    }
  });

  it("puts Kafka behind the ports alone, on a port of its own, under names of each port's own", () => {
    const plan = planOf({ ...defaultShape(), ports: { web: 8080, base: 20_000 }, kafka: "voyage" });
    const logs = plan.services.flatMap(({ name, settings }) =>
      settings["log"] === undefined ? [] : [[name, settings["log"]]],
    );
    expect(logs).toEqual(
      ["tokyo", "singapore", "sydney"].map((site) => [
        site,
        { kafka: { brokers: ["127.0.0.1:29092"], topicPrefix: `voyage.${site}.` } },
      ]),
    );
    const taken = plan.services.flatMap(({ listens }) => listens.map(({ port }) => port));
    expect(taken).not.toContain(plan.topology.kafka);
    expect(JSON.stringify(planOf(defaultShape()))).not.toContain('"log"');
  });

  it("keeps tokens and hashes that are there, and makes none twice", async () => {
    const sites = ["tokyo", "sydney"];
    const first = await completeSecrets({}, sites);
    const again = await completeSecrets(first, [...sites, "ship-1"]);
    expect(again.operators).toMatchObject(first.operators);
    expect(new Set(Object.values(again.operators)).size).toBe(3);
    expect(again.passwordHashes).toEqual(first.passwordHashes);
    for (const hash of Object.values(first.passwordHashes)) {
      expect(hash).toMatch(/^\$argon2id\$/);
      expect(await verify(hash, "landfall")).toBe(true);
    }
  });
});

describe("folder", () => {
  async function write(path: string, more: Partial<DemoWishes> = {}): Promise<DemoShape> {
    const folder = new DemoFolder(path);
    const shape = folder.shape(wishes(more));
    const secrets = await folder.secrets(shape);
    folder.write(shape, secrets, planDemo(shape, secrets, ONE_MACHINE), ONE_MACHINE);
    return shape;
  }

  it("is written for the services and the command line, for its owner's eyes", async () => {
    const path = join(newFolder(), "new", "demo");
    await write(path, { base: 20_000, web: 28_080 });
    const { nodes } = JSON.parse(readFileSync(join(path, "access.json"), "utf8")) as {
      nodes: { site: string; url: string; token: string }[];
    };
    expect(nodes.find(({ site }) => site === "los-angeles")?.url).toBe("http://127.0.0.1:28080");
    const tokyo = parse(readFileSync(join(path, "settings", "tokyo.yaml"), "utf8")) as {
      tokens: Record<string, unknown>[];
    };
    const { token = "" } = nodes.find(({ site }) => site === "tokyo") ?? {};
    const tokenSha256 = createHash("sha256").update(token).digest("hex");
    expect(tokyo.tokens).toEqual([{ tokenSha256, user: "ops", groups: ["bigblue-ops"], roles: ["admin"] }]);
    expect(statSync(join(path, "secrets.json")).mode & 0o077).toBe(0);
    expect(statSync(join(path, "settings", "tokyo.yaml")).mode & 0o077).toBe(0);
    const settings = loadSimulatorSettings(join(path, "settings", "simulator.yaml"));
    expect(settings.data).toBe(join(path, "simulator"));
    expect(linkSpecs(settings)[0]?.listen).toEqual({ host: "127.0.0.1", port: 29_201 });
  });

  it("has an authority of its own, and a certificate for every site; both are kept", async () => {
    const path = newFolder();
    await completeCertificates(path, ["tokyo", "ship-9321483"]);
    const file = (name: string) => join(path, "authority", name);
    const before = ["ca.pem", "tokyo/cert.pem", "ship-9321483/cert.pem"].map((name) =>
      readFileSync(file(name), "utf8"),
    );
    const [ca = "", ...issued] = before;
    for (const text of issued) {
      expect(new X509Certificate(text).verify(new X509Certificate(ca).publicKey)).toBe(true);
    }
    for (const key of ["ca.key.pem", "tokyo/key.pem"]) expect(statSync(file(key)).mode & 0o077).toBe(0);
    await completeCertificates(path, ["tokyo", "ship-9321483", "sydney"]);
    expect(
      ["ca.pem", "tokyo/cert.pem", "ship-9321483/cert.pem"].map((name) => readFileSync(file(name), "utf8")),
    ).toEqual(before);
    expect(new X509Certificate(readFileSync(file("sydney/cert.pem"))).subjectAltName).toBe(
      "URI:landfall://site/sydney",
    );
  });

  it("goes on with what it was made with; pace and ports may change, size and seed may not", async () => {
    const path = newFolder();
    await write(path, { ships: 3, containers: 80, seed: 5, base: 100, web: 9_090 });
    const before = readFileSync(join(path, "secrets.json"), "utf8");
    expect(await write(path, { speed: 50 })).toMatchObject({
      ships: 3,
      containers: 80,
      seed: 5,
      speed: 50,
      ports: { web: 9_090, base: 100 },
    });
    expect(readFileSync(join(path, "secrets.json"), "utf8")).toBe(before);
    expect((await write(path, { base: 200 })).ports).toEqual({ web: 9_090, base: 200 });
    await expect(write(path, { ships: 4 })).rejects.toThrow(code("CONFLICT"));
    await expect(write(path, { seed: 6 })).rejects.toThrow(/--seed 5, which cannot become 6/);
  });

  it("stays on Kafka, or off it, under the same name", async () => {
    const path = newFolder();
    const { kafka } = await write(path, { kafka: true });
    expect(kafka).toMatch(/^landfall-demo-[0-9a-f]{8}$/);
    expect((await write(path)).kafka).toBe(kafka);
    expect((await write(path, { kafka: true })).kafka).toBe(kafka);
    const disks = newFolder();
    expect((await write(disks)).kafka).toBeUndefined();
    await expect(write(disks, { kafka: true })).rejects.toThrow(code("CONFLICT"));
  });

  it("refuses folders that are not its own, of another version, or in use", async () => {
    const foreign = newFolder();
    writeFileSync(join(foreign, "holiday.jpg"), "");
    expect(() => new DemoFolder(foreign).shape(wishes())).toThrow(/holiday\.jpg/);
    const old = newFolder();
    await write(old);
    writeFileSync(join(old, "demo.json"), '{"format":99}');
    expect(() => new DemoFolder(old).shape(wishes())).toThrow(/of format 99, this version of Landfall reads 1/);
    writeFileSync(join(old, "demo.json"), "{");
    expect(() => new DemoFolder(old).shape(wishes())).toThrow(code("UNSUPPORTED_FORMAT"));
    const used = newFolder();
    // The parent of this process lives for as long as the test.
    writeFileSync(join(used, "running.pid"), String(process.ppid));
    expect(() => new DemoFolder(used).lock()).toThrow(code("FOLDER_IN_USE"));
    writeFileSync(join(used, "running.pid"), "999999999");
    new DemoFolder(used).lock();
    expect(readFileSync(join(used, "running.pid"), "utf8")).toBe(String(process.pid));
  });

  it("starts anew where the first start was interrupted", async () => {
    const path = newFolder();
    mkdirSync(join(path, "settings"));
    writeFileSync(join(path, "secrets.json"), "{}");
    expect(new DemoFolder(path).isNew).toBe(true);
    await write(path);
    expect(new DemoFolder(path).isNew).toBe(false);
  });
});

describe("ports", () => {
  it("names each taken port, what it is for, and the option that moves it", async () => {
    const server = createServer();
    const port = await listening(server);
    const services = [
      { listens: [{ port, what: "HTTP of los-angeles", option: "--port" }] },
      { listens: [{ port: 70_000, what: "the link a~b", option: "--port-base" }] },
    ];
    await expect(checkPorts(services, "127.0.0.1")).rejects.toThrow(
      new RegExp(
        `port ${port} for HTTP of los-angeles is in use: free it, or move it with --port\nport 70000 .*--port-base`,
      ),
    );
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await checkPorts([{ listens: [{ port, what: "", option: "" }] }], "127.0.0.1");
  });
});

describe("settings of the simulator", () => {
  it("names every problem with its line", () => {
    const file = join(newFolder(), "simulator.yaml");
    writeFileSync(file, "data: .\nspeed: -1\ncontrol:\n  port: 8099\nbrokers:\n  - site: a\n    mqtt: http://x\n");
    expect(() => loadSimulatorSettings(file)).toThrow(
      /simulator\.yaml:2: speed [^]*simulator\.yaml:7: brokers\.0\.mqtt/,
    );
    writeFileSync(file, "data: .\ncontrol: {port: 8099}\nbrokers: [{site: a, mqtt: 'mqtt://x'}]\nstart: tomorrow\n");
    expect(() => loadSimulatorSettings(file)).toThrow(/:4: start/);
    writeFileSync(file, "data: [\n");
    expect(() => loadSimulatorSettings(file)).toThrow(/is no YAML/);
    expect(() => loadSimulatorSettings(join(file, "nowhere"))).toThrow(code("INVALID_SETTINGS"));
  });
});

describe("progress", () => {
  it("is a line for each step where there is no terminal, or one without a width", () => {
    for (const terminal of [{ isTTY: false }, { isTTY: true, columns: 0 }, { isTTY: true, columns: undefined }]) {
      const written: string[] = [];
      const output = { ...terminal, write: (text: string) => written.push(text) };
      const progress = progressOn(output as unknown as NodeJS.WriteStream);
      progress.step("Starting");
      progress.detail("1 of 2");
      progress.tell("tokyo ended");
      progress.done();
      expect(written).toEqual(["Starting …\n", "tokyo ended\n"]);
    }
  });
});

describe("output of services", () => {
  it("passes on warnings and errors, whole sentences only", () => {
    const line = (entry: object): string => JSON.stringify(entry);
    expect(worthTelling(line({ level: 30, msg: "link up" }), false)).toBeUndefined();
    expect(worthTelling(line({ level: "info", msg: "link up" }), false)).toBeUndefined();
    expect(worthTelling(line({ level: "warn", msg: "disk", err: { message: "ENOSPC" } }), false)).toBe("disk: ENOSPC");
    expect(worthTelling(line({ level: 50, msg: "broken" }), false)).toBe("broken");
    const alert = (type: string, state: string) => line({ level: "warn", msg: "duck", alert: { type, state } });
    expect(worthTelling(alert("LOST", "raised"), false)).toBe("duck");
    expect(worthTelling(alert("NO_POWER", "raised"), false)).toBeUndefined();
    expect(worthTelling("landfall edge: cannot start", true)).toBe("landfall edge: cannot start");
    expect(worthTelling("chatter", false)).toBeUndefined();
    expect(worthTelling("null", true)).toBeUndefined();
  });

  it("tells a few of many, and how many more there were", () => {
    const limiter = new LineLimiter();
    const told = Array.from({ length: 100 }, (_, i) => limiter.pass(`line ${i}`, i)).flat();
    expect(told).toHaveLength(5);
    expect(limiter.pass("later", 60_000)).toEqual(["(95 more lines are in the log)", "later"]);
  });
});
