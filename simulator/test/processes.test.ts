import { fork, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, freePorts } from "@landfall/brokers/ports";
import type { SimulationNode } from "@landfall/proto/api";
import { Aedes, type PublishPacket } from "aedes";
import { afterEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { DemoFolder, defaultShape } from "../src/demo/folder.js";
import { ONE_MACHINE, planDemo, type DemoPlan } from "../src/demo/plan.js";
import type { NodeAnswer } from "../src/control/nodes.js";
import type { Progress } from "../src/demo/progress.js";
import { ROOT } from "../src/demo/root.js";
import { placeholderSecrets } from "../src/demo/secrets.js";
import { Supervisor } from "../src/demo/supervisor.js";
import { topology } from "../src/demo/topology.js";
import { listening, START_MS, until } from "./support.js";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "landfall-processes-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Stands in for the real command line: answers /readyz on the port of its settings, and leaves with its parent. */
const STAND_IN = `
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
const file = process.argv[4];
const text = readFileSync(file, "utf8");
if (text.includes("broken")) { console.error("landfall: the settings are broken"); process.exit(1); }
const [, port] = /(?:http|control):\\n  host: [0-9.]+\\n  port: (\\d+)/.exec(text);
console.log(JSON.stringify({ level: "warn", msg: "here is " + process.argv[2] }));
const heard = [];
process.on("message", (message) => heard.push(message));
createServer((request, reply) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    // What is posted here is said to the parent, as the simulator's controls do.
    if (body !== "") process.send(JSON.parse(body));
    reply.end(JSON.stringify(heard));
  });
}).listen(Number(port), "127.0.0.1");
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
`;

async function standIns(): Promise<{ root: string; plan: DemoPlan; folder: DemoFolder }> {
  const root = newFolder();
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "bin", "landfall.mjs"), STAND_IN);
  const names = ["tokyo", "ship-9321483", "simulator"];
  const [web = 0, ...free] = await freePorts(1 + names.length);
  const shape = { ...defaultShape(), ships: 3, ports: { web, base: 0 } };
  const secrets = placeholderSecrets(shape);
  const whole = planDemo(shape, secrets, ONE_MACHINE);
  // Three processes tell as much as thirteen; each on a port of its own.
  const services = whole.services
    .filter(({ name }) => names.includes(name))
    .map((service, i) => {
      const http = free[i] as number;
      const listens = { host: "127.0.0.1", port: http };
      const settings = service.name === "simulator" ? { control: listens } : { http: listens };
      return { ...service, http, settings };
    });
  const plan = { ...whole, services };
  const folder = new DemoFolder(join(root, "data"));
  folder.write(shape, secrets, plan, ONE_MACHINE);
  return { root, plan, folder };
}

function recorder(): { progress: Progress; told: string[] } {
  const told: string[] = [];
  const silent = (): void => undefined;
  return {
    told,
    progress: { step: silent, detail: silent, done: silent, fail: silent, tell: (text) => told.push(text) },
  };
}

describe("supervisor", () => {
  it("starts all, restarts what dies and says so, stops all", async () => {
    const { root, plan, folder } = await standIns();
    const { progress, told } = recorder();
    const supervisor = new Supervisor(plan, folder, root, progress, true);
    closing.push(() => supervisor.stop());
    await supervisor.start();
    const before = supervisor.pids();
    expect(before).toHaveLength(3);
    process.kill(before[1] ?? 0, "SIGKILL");
    await until(() => supervisor.pids().length === 3 && supervisor.pids()[1] !== before[1]);
    expect(told).toContainEqual(expect.stringMatching(/^ship-9321483 ended \(SIGKILL\); starting it again in 0\.5 s$/));
    expect(told).toContainEqual("[tokyo] here is shore");
    const after = supervisor.pids();
    await supervisor.stop();
    expect(after.filter(isAlive)).toEqual([]);
    expect(readFileSync(join(folder.logs, "tokyo.log"), "utf8")).toContain("here is shore");
  });

  it("kills and starts nodes when the simulator asks for it, and tells it what runs", async () => {
    const { root, plan, folder } = await standIns();
    const { progress, told } = recorder();
    const supervisor = new Supervisor(plan, folder, root, progress, true);
    closing.push(() => supervisor.stop());
    await supervisor.start();
    const { http = 0 } = plan.services.find(({ name }) => name === "simulator") ?? {};
    /** What the simulator was told so far; `body` is what it says first. */
    const heard = async (body?: object): Promise<NodeAnswer[]> => {
      const post = body && { method: "POST", body: JSON.stringify(body) };
      const reply = await fetch(`http://127.0.0.1:${http}/`, post ?? {});
      return (await reply.json()) as NodeAnswer[];
    };
    const untilTold = (what: NodeAnswer) =>
      until(async () => (await heard()).some((answer) => JSON.stringify(answer) === JSON.stringify(what)));
    const states = (tokyo: SimulationNode["state"]): NodeAnswer => ({
      type: "nodes/state",
      nodes: [
        { site: "tokyo", state: tokyo },
        { site: "ship-9321483", state: "up" },
      ],
    });
    const [before] = supervisor.pids();
    await heard({ type: "nodes/kill", id: 1, site: "tokyo", stay: true });
    await untilTold({ type: "nodes/done", id: 1 });
    await untilTold(states("down"));
    expect(isAlive(before ?? 0)).toBe(false);
    expect(supervisor.pids()).toHaveLength(2);
    expect(told).toContainEqual("tokyo was killed, and stays so until somebody starts it");
    await heard({ type: "nodes/start", id: 2, site: "tokyo" });
    await untilTold({ type: "nodes/done", id: 2 });
    await until(() => supervisor.pids().length === 3);
    const second = supervisor.pids().find((pid) => pid !== before);
    await heard({ type: "nodes/kill", id: 3, site: "tokyo", stay: false });
    await untilTold(states("restarting"));
    await until(() => supervisor.pids().length === 3 && !supervisor.pids().includes(second ?? 0));
    await heard({ type: "nodes/start", id: 4, site: "tokyo" });
    await heard({ type: "nodes/kill", id: 5, site: "kobe", stay: true });
    await until(async () => {
      const answers = (await heard()).flatMap((answer) => (answer.type === "nodes/done" ? [answer] : []));
      const codes = answers.filter(({ id }) => id > 3).map(({ problem }) => problem?.code);
      return codes.join() === "CONFLICT,NOT_FOUND";
    });
  });

  it("gives up on a service that cannot start, with its last words", async () => {
    const { root, plan, folder } = await standIns();
    writeFileSync(join(folder.settings, "tokyo.yaml"), "broken: true\n");
    const { progress } = recorder();
    const supervisor = new Supervisor(plan, folder, root, progress, true);
    closing.push(() => supervisor.stop());
    await expect(supervisor.start()).rejects.toThrow(/tokyo does not start: landfall: the settings are broken/);
  });

  it("kill -9 of the demo leaves no orphans", async () => {
    const { root, plan, folder } = await standIns();
    const script = join(root, "demo.mjs");
    const module = (name: string): string =>
      JSON.stringify(new URL(`../dist/src/demo/${name}.js`, import.meta.url).href);
    writeFileSync(
      script,
      `import { Supervisor } from ${module("supervisor")};
       import { DemoFolder } from ${module("folder")};
       const silent = () => undefined;
       const progress = { step: silent, detail: silent, done: silent, fail: silent, tell: silent };
       const plan = ${JSON.stringify(plan)};
       const supervisor = new Supervisor(plan, new DemoFolder(${JSON.stringify(folder.path)}), ${JSON.stringify(root)}, progress, true);
       await supervisor.start();
       process.send(supervisor.pids());`,
    );
    const demo = fork(script);
    const pids = await new Promise<number[]>((resolve) =>
      demo.once("message", (message) => resolve(message as number[])),
    );
    expect(pids.filter(isAlive)).toHaveLength(3);
    demo.kill("SIGKILL");
    await until(() => pids.every((pid) => !isAlive(pid)));
  });
});

/** A broker that remembers what it acknowledged, as one topic after the other. */
async function rememberingBroker(): Promise<{
  port: number;
  got: Map<string, Map<number, Set<string>>>;
  count: () => number;
  /** Messages, repetitions not counted. */
  different: () => number;
}> {
  const aedes = await Aedes.createBroker();
  const got = new Map<string, Map<number, Set<string>>>();
  let count = 0;
  aedes.authorizePublish = (_client, packet: PublishPacket, done): void => {
    const payload = packet.payload.toString();
    const time = Date.parse((JSON.parse(payload) as { time: string }).time);
    const topic = got.get(packet.topic) ?? new Map<number, Set<string>>();
    got.set(packet.topic, topic.set(time, (topic.get(time) ?? new Set()).add(payload)));
    count++;
    done(null);
  };
  const server: Server = createServer(aedes.handle);
  const port = await listening(server);
  closing.push(
    () => new Promise<void>((resolve) => aedes.close(() => resolve())),
    () => server.close(),
  );
  const different = (): number => [...got.values()].reduce((sum, times) => sum + times.size, 0);
  return { port, got, count: () => count, different };
}

describe("landfall simulate", () => {
  async function simulate(folder: string, brokerPort: number, control: number): Promise<() => ChildProcess> {
    const sites = topology(3, { web: 1, base: 0 }).sites.filter(({ mqtt }) => mqtt !== undefined);
    const file = join(folder, "simulator.yaml");
    const settings = {
      data: "state",
      seed: 3,
      ships: 3,
      containers: 40,
      speed: 5_000,
      waitSeconds: 0,
      start: new Date(START_MS).toISOString(),
      control: { host: "127.0.0.1", port: control },
      brokers: sites.map(({ site }) => ({ site, mqtt: `mqtt://127.0.0.1:${brokerPort}` })),
    };
    writeFileSync(file, stringify(settings));
    return () => {
      const child = spawn(process.execPath, ["bin/landfall.mjs", "simulate", "--config", file], {
        cwd: ROOT,
        stdio: ["ignore", "ignore", "inherit", "ipc"],
      });
      closing.push(() => child.kill("SIGKILL"));
      return child;
    };
  }
  const gone = (child: ChildProcess): Promise<number | null> =>
    new Promise((resolve) =>
      child.exitCode === null && child.signalCode === null ? child.once("exit", resolve) : resolve(child.exitCode),
    );

  it("killed with kill -9 again and again, it leaves neither a gap nor a second version of anything", async () => {
    const folder = newFolder();
    const { port, got, count, different } = await rememberingBroker();
    const start = await simulate(folder, port, await freePort());
    for (let life = 1; life <= 3; life++) {
      const child = start();
      const before = count();
      await until(() => count() > before + 2_000);
      child.kill("SIGKILL");
      await gone(child);
    }
    // The last one lives until it is days further.
    const last = start();
    await until(() => different() > 6_000);
    last.disconnect();
    // Its parent is gone, as far as it knows: it saves and leaves.
    expect(await gone(last)).toBe(0);
    let readings = 0;
    for (const [topic, times] of got) {
      for (const versions of times.values()) expect(versions.size, topic).toBe(1);
      if (!topic.endsWith("/telemetry")) continue;
      const sorted = [...times.keys()].sort((a, b) => a - b);
      readings += sorted.length;
      sorted.forEach((time, i) => i > 0 && expect(time - (sorted[i - 1] ?? 0), topic).toBe(15 * 60_000));
    }
    expect(readings).toBeGreaterThan(2_000);
  }, 90_000);

  it("says what is wrong with its settings, and ends", async () => {
    const file = join(newFolder(), "bad.yaml");
    writeFileSync(file, "data: x\nspeed: fast\n");
    const child = spawn(process.execPath, ["bin/landfall.mjs", "simulate", "--config", file], { cwd: ROOT });
    let text = "";
    child.stderr.on("data", (data: Buffer) => (text += data.toString()));
    expect(await gone(child)).toBe(1);
    expect(text).toMatch(/bad\.yaml:2: speed/);
  });
});
