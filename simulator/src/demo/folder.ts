import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { messageOf, SimulatorError } from "../errors.js";
import type { DemoPlan, DemoShape, Placement } from "./plan.js";
import { completeSecrets, type DemoSecrets } from "./secrets.js";
import { topology } from "./topology.js";

/** Raised when a folder of before can no longer be continued. */
export const DEMO_FORMAT = 1;

interface DemoFile {
  readonly format: number;
  readonly ships: number;
  readonly containers: number;
  readonly seed: number;
  readonly web: number;
  readonly base: number;
  /** What its topics in Kafka begin with; absent where every site keeps its own log. */
  readonly kafka?: string;
}

/** What the command line said; absent is the folder's own, or the default. */
export interface DemoWishes {
  readonly ships?: number;
  readonly containers?: number;
  readonly seed?: number;
  readonly speed?: number;
  readonly web?: number;
  readonly base?: number;
  readonly wait: boolean;
  /** Ports keep their log in Kafka. */
  readonly kafka?: boolean;
}

const DEFAULTS = { ships: 4, containers: 300, seed: 1883, speed: 1000, web: 8080, base: 0, waitSeconds: 120 } as const;

/** The demo as it is when nobody says otherwise. */
export function defaultShape(): DemoShape {
  const { web, base, ...rest } = DEFAULTS;
  return { ...rest, ports: { web, base } };
}

/** A demo's data folder: one subfolder per service, their settings, their logs, and what ties them together. */
export class DemoFolder {
  readonly settings: string;
  readonly logs: string;
  private readonly demoFile: string;
  private readonly secretsFile: string;
  private readonly lockFile: string;

  constructor(readonly path: string) {
    this.settings = join(path, "settings");
    this.logs = join(path, "logs");
    this.demoFile = join(path, "demo.json");
    this.secretsFile = join(path, "secrets.json");
    this.lockFile = join(path, "running.pid");
  }

  static at(path: string): DemoFolder {
    return new DemoFolder(resolve(path));
  }

  /**
   * Shape of the demo in this folder: what the folder was made with, and what may differ at each start.
   * @throws SimulatorError UNSUPPORTED_FORMAT for somebody else's folder, CONFLICT for another size or seed
   */
  shape(wishes: DemoWishes): DemoShape {
    const made = this.made();
    for (const key of ["ships", "containers", "seed"] as const) {
      const wish = wishes[key];
      if (made === undefined || wish === undefined || wish === made[key]) continue;
      const text = `the demo in ${this.path} was made with --${key} ${made[key]}, which cannot become ${wish}: name another --data, or remove the folder`;
      throw new SimulatorError("CONFLICT", text);
    }
    if (made !== undefined && made.kafka === undefined && wishes.kafka === true) {
      const text = `the demo in ${this.path} was made without --kafka, and its ports have their records on their own disks: name another --data, or remove the folder`;
      throw new SimulatorError("CONFLICT", text);
    }
    const kafka = made === undefined && wishes.kafka === true ? newKafkaName() : made?.kafka;
    return {
      ships: made?.ships ?? wishes.ships ?? DEFAULTS.ships,
      containers: made?.containers ?? wishes.containers ?? DEFAULTS.containers,
      seed: made?.seed ?? wishes.seed ?? DEFAULTS.seed,
      speed: wishes.speed ?? DEFAULTS.speed,
      waitSeconds: wishes.wait ? DEFAULTS.waitSeconds : 0,
      ports: { web: wishes.web ?? made?.web ?? DEFAULTS.web, base: wishes.base ?? made?.base ?? DEFAULTS.base },
      ...(kafka !== undefined && { kafka }),
    };
  }

  /** Whether a demo was made here before. */
  get isNew(): boolean {
    return !existsSync(this.demoFile);
  }

  /** Takes the folder for this process. @throws SimulatorError FOLDER_IN_USE */
  lock(): void {
    mkdirSync(this.path, { recursive: true });
    const holder = Number(readIfThere(this.lockFile) ?? "0");
    if (holder > 0 && holder !== process.pid && isAlive(holder)) {
      const text = `a demo runs in ${this.path} already (process ${holder}): stop it with Ctrl-C, or name another --data`;
      throw new SimulatorError("FOLDER_IN_USE", text);
    }
    writeFileSync(this.lockFile, String(process.pid));
  }

  unlock(): void {
    rmSync(this.lockFile, { force: true });
  }

  /** Secrets of this folder; made where there are none yet. */
  async secrets(shape: DemoShape): Promise<DemoSecrets> {
    const text = readIfThere(this.secretsFile);
    const known = text === undefined ? {} : (parse(text, this.secretsFile) as Partial<DemoSecrets>);
    const sites = topology(shape.ships, shape.ports).sites.map(({ site }) => site);
    return completeSecrets(known, sites);
  }

  /** Writes everything that the services and the command line read. */
  write(shape: DemoShape, secrets: DemoSecrets, plan: DemoPlan, placement: Placement): void {
    for (const folder of [this.path, this.settings, this.logs]) mkdirSync(folder, { recursive: true });
    const { ships, containers, seed, ports, kafka } = shape;
    const demo: DemoFile = {
      format: DEMO_FORMAT,
      ships,
      containers,
      seed,
      ...ports,
      ...(kafka !== undefined && { kafka }),
    };
    const nodes = plan.topology.sites.map(({ site, http }) => ({
      site,
      url: placement.publicUrl(site, http),
      token: secrets.operators[site],
    }));
    secret(this.secretsFile, JSON.stringify(secrets, undefined, 2));
    secret(join(this.path, "access.json"), JSON.stringify({ nodes }, undefined, 2));
    for (const service of plan.services) {
      const head = `# Written by \`landfall demo\` at every start; changes are lost.\n`;
      secret(join(this.settings, `${service.name}.yaml`), head + stringify(service.settings, { lineWidth: 0 }));
    }
    // Last: a folder with this file is complete.
    writeFileSync(this.demoFile, `${JSON.stringify(demo, undefined, 2)}\n`);
  }

  private made(): DemoFile | undefined {
    const text = readIfThere(this.demoFile);
    if (text === undefined) {
      const found = existsSync(this.path) ? readdirSync(this.path).filter((name) => name !== "running.pid") : [];
      const ours = ["settings", "logs", "secrets.json", "access.json"];
      if (found.every((name) => ours.includes(name))) return undefined;
      const text = `${this.path} holds something that is no demo of Landfall (${found.slice(0, 3).join(", ")}): name another --data`;
      throw new SimulatorError("UNSUPPORTED_FORMAT", text);
    }
    const demo = parse(text, this.demoFile) as DemoFile;
    if (demo.format !== DEMO_FORMAT) {
      const found = `of format ${String(demo.format)}, this version of Landfall reads ${DEMO_FORMAT}`;
      throw new SimulatorError("UNSUPPORTED_FORMAT", `${this.path} is ${found}: move it away, or name another --data`);
    }
    return demo;
  }
}

/** Of its own for each demo: brokers that are shared may hold the topics of an earlier one. */
function newKafkaName(): string {
  return `landfall-demo-${randomBytes(4).toString("hex")}`;
}

/** Only for the person who runs the demo. */
function secret(file: string, text: string): void {
  writeFileSync(file, `${text.trimEnd()}\n`, { mode: 0o600 });
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SimulatorError("UNSUPPORTED_FORMAT", `${file} is damaged (${messageOf(error)}): name another --data`);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
