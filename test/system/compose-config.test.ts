import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "@landfall/simulator/demo/root";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { skipWithout } from "../support/required.js";

const FILE = join(ROOT, "docker-compose.yml");

/** As a plug-in of Docker's, or by itself: it needs no engine to read a file. */
const WAYS = [["docker", "compose"], ["docker-compose"]] as const;

function findCompose(): readonly string[] | undefined {
  return WAYS.find(([command, ...args]) => {
    try {
      execFileSync(command, [...args, "version"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

const compose = findCompose();

interface Service {
  readonly command?: readonly string[] | null;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly host_ip: string; readonly published: string; readonly target: number }[];
}

describe.skipIf(skipWithout("compose", compose !== undefined))("docker compose config", () => {
  const config = (file: string, input?: string): Readonly<Record<string, Service>> => {
    const [command = "", ...args] = compose ?? [];
    const said = execFileSync(command, [...args, "--file", file, "config", "--format", "json"], {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "pipe"],
      ...(input !== undefined && { input }),
    });
    return (JSON.parse(said) as { services: Record<string, Service> }).services;
  };
  const text = readFileSync(FILE, "utf8");

  it("takes the file, and understands of each service what it says", () => {
    const { services } = parse(text) as {
      services: Record<string, Omit<Service, "ports"> & { readonly ports?: readonly string[] }>;
    };
    const read = config(FILE);
    expect(Object.keys(read).toSorted()).toEqual(Object.keys(services).toSorted());
    for (const [name, { command, depends_on: waits, environment, ports = [] }] of Object.entries(services)) {
      const made = read[name];
      expect(made?.command ?? undefined, name).toEqual(command);
      expect(made?.environment ?? undefined, name).toEqual(environment);
      for (const [other, { condition }] of Object.entries(waits ?? {})) {
        expect(made?.depends_on?.[other]?.condition, `${name} waits for ${other}`).toBe(condition);
      }
      const published = made?.ports?.map((port) => `${port.host_ip}:${port.published}:${port.target}`) ?? [];
      expect(published, name).toEqual(ports);
    }
  });

  it("would refuse it with a word that it does not know, and with a service that is not there", () => {
    expect(() => config("-", text.replace("stop_grace_period:", "stop_grace_time:"))).toThrow(/stop_grace_time/);
    expect(() =>
      config("-", text.replace("tokyo-kafka:\n        condition", "kyoto-kafka:\n        condition")),
    ).toThrow(/kyoto-kafka/);
  });
});
