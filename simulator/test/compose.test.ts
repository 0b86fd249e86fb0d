import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseDocument } from "yaml";
import { COMPOSE, composeFile, composeText } from "../src/demo/compose.js";
import { defaultShape } from "../src/demo/folder.js";
import { planDemo, serviceArguments } from "../src/demo/plan.js";
import { ROOT } from "../src/demo/root.js";
import { placeholderSecrets } from "../src/demo/secrets.js";

interface Container {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, Container>>;
  readonly volumes: Readonly<Record<string, null>>;
}

const FILE = join(ROOT, "docker-compose.yml");
/** What Compose knows of a service, as far as the file uses it: a key that is misspelt is not among them. */
const KEYS = [
  "image",
  "build",
  "command",
  "environment",
  "volumes",
  "restart",
  "init",
  "stop_grace_period",
  "depends_on",
  "ports",
  "healthcheck",
];
const DURATION = /^\d+s$/;

describe("docker-compose.yml", () => {
  const text = readFileSync(FILE, "utf8");
  const shape = { ...defaultShape(), kafka: "voyage" };
  const plan = planDemo(shape, placeholderSecrets(shape), COMPOSE);
  const file = parse(text) as ComposeFile;
  const { services } = file;

  it("is valid YAML and is what the plan says (npm run compose -w simulator writes it)", () => {
    const document = parseDocument(text, { strict: true, uniqueKeys: true });
    expect(document.errors).toEqual([]);
    expect(document.warnings).toEqual([]);
    expect(document.toJS()).toEqual(JSON.parse(JSON.stringify(composeFile(plan))));
    expect(text).toBe(composeText(plan));
  });

  it("runs what the supervisor runs, and every host is a service", () => {
    for (const service of plan.services) {
      expect(services[service.name]?.command).toEqual(["node", ...serviceArguments(service, "/demo/settings")]);
    }
    const hosts = JSON.stringify(plan.services.map(({ settings }) => settings)).matchAll(
      /"(?:https?:\/\/|mqtt:\/\/)?([a-z0-9-]+):\d+"/g,
    );
    for (const [, host] of hosts) expect(services).toHaveProperty(host ?? "");
    expect(JSON.stringify(plan.services)).not.toContain("127.0.0.1");
  });

  it("has a Kafka broker behind each port, on which the port waits, under the name by which the port knows it", () => {
    const ports = plan.services.filter(({ command }) => command === "shore");
    expect(ports.map(({ name }) => name)).toEqual(["tokyo", "singapore", "sydney"]);
    for (const { name, settings } of ports) {
      const broker = services[`${name}-kafka`];
      expect(broker?.image).toMatch(/^apache\/kafka:4\.\d+\.\d+$/);
      expect(settings["log"]).toEqual({
        kafka: { brokers: [`${name}-kafka:9092`], topicPrefix: `voyage.${name}.` },
      });
      expect(broker?.environment).toMatchObject({
        KAFKA_PROCESS_ROLES: "broker,controller",
        KAFKA_CONTROLLER_QUORUM_VOTERS: `1@${name}-kafka:9093`,
        KAFKA_LOG_DIRS: "/var/lib/kafka/data",
      });
      expect(broker?.environment?.["KAFKA_ADVERTISED_LISTENERS"]).toContain(`PLAINTEXT://${name}-kafka:9092`);
      expect(broker?.volumes).toEqual([`${name}-kafka:/var/lib/kafka/data`]);
      expect(services[name]?.depends_on?.[`${name}-kafka`]).toEqual({ condition: "service_healthy" });
    }
  });

  it("says of each service what Compose understands, and names nothing that is not there", () => {
    expect(Object.keys(file).toSorted()).toEqual(["name", "services", "volumes"]);
    for (const [name, service] of Object.entries(services)) {
      expect(Object.keys(service).filter((key) => !KEYS.includes(key))).toEqual([]);
      for (const volume of service.volumes) expect(file.volumes).toHaveProperty(volume.split(":")[0] ?? "");
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(services).toHaveProperty(other);
        expect(["service_healthy", "service_completed_successfully"]).toContain(condition);
        if (condition === "service_healthy") expect(services[other]?.healthcheck?.test[0]).toBe("CMD");
      }
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/);
      for (const value of Object.values(service.environment ?? {})) expect(typeof value).toBe("string");
      const { stop_grace_period: grace = "1s" } = service as { stop_grace_period?: string };
      expect(`${name} ${grace}`).toMatch(new RegExp(`^${name} ${DURATION.source.slice(1)}`));
    }
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(new Set(published).size).toBe(published.length);
  });
});
