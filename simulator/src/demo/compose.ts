import { brokerService } from "@landfall/brokers/container";
import { stringify } from "yaml";
import { completeCertificates } from "./certificates.js";
import { DemoFolder, type DemoWishes } from "./folder.js";
import { planDemo, serviceArguments, SIMULATOR, type DemoPlan, type Placement, type Service } from "./plan.js";

/** Each service in a container that bears its name. */
export const COMPOSE: Placement = {
  bind: "0.0.0.0",
  host: (service) => service,
  publicUrl: (_site, port) => `http://127.0.0.1:${port}`,
  brokers: (site) => [brokerService(brokerOf(site)).address],
};

/** The demo's folder inside the containers. */
const FOLDER = "/demo";
const SETUP = "setup";
/** A service closes itself within ten seconds. */
const STOP_SECONDS = 15;

/** A broker for each port, as each port would have a cluster of its own. */
function brokerOf(site: string): string {
  return `${site}-kafka`;
}

/** Writes the settings of every service of docker-compose.yml into a folder; keeps the tokens that are there. */
export async function writeComposeSettings(path: string, wishes: DemoWishes): Promise<void> {
  const folder = DemoFolder.at(path);
  const shape = folder.shape({ ...wishes, kafka: true });
  const secrets = await folder.secrets(shape);
  const plan = planDemo(shape, secrets, COMPOSE);
  folder.write(shape, secrets, plan, COMPOSE);
  await completeCertificates(
    folder.path,
    plan.topology.sites.map(({ site }) => site),
  );
  process.stdout.write(
    `Settings of ${shape.ships} ships and ${shape.containers} containers are in ${folder.settings}\n`,
  );
}

/** docker-compose.yml: the processes that the demo's supervisor runs, each in a container. */
export function composeFile(plan: DemoPlan): Record<string, unknown> {
  const image = { image: "landfall", build: ".", volumes: ["demo:/demo"] };
  const services = plan.services.map((service): [string, unknown] => [
    service.name,
    {
      ...image,
      command: ["node", ...serviceArguments(service, `${FOLDER}/settings`)],
      // Restarts what dies, as the supervisor does.
      restart: "unless-stopped",
      init: true,
      stop_grace_period: `${STOP_SECONDS}s`,
      depends_on: {
        [SETUP]: { condition: "service_completed_successfully" },
        ...(service.command === "shore" && { [brokerOf(service.name)]: { condition: "service_healthy" } }),
      },
      ports: publishedPorts(service, plan).map((port) => `127.0.0.1:${port}:${port}`),
      healthcheck: {
        test: ["CMD", "node", "-e", healthcheck(service.http)],
        interval: "5s",
        timeout: "3s",
        retries: 12,
        start_period: "20s",
      },
    },
  ]);
  const ports = plan.services.filter(({ command }) => command === "shore").map(({ name }) => brokerOf(name));
  return {
    name: "landfall",
    services: {
      [SETUP]: { ...image, command: ["node", "bin/landfall.mjs", "demo", "--write-compose", FOLDER] },
      ...Object.fromEntries(ports.map((name) => [name, kafkaContainer(name)])),
      ...Object.fromEntries(services),
    },
    volumes: { demo: null, ...Object.fromEntries(ports.map((name) => [name, null])) },
  };
}

function kafkaContainer(name: string): Record<string, unknown> {
  const { image, environment, data, healthcheck } = brokerService(name);
  return {
    image,
    environment,
    volumes: [`${name}:${data}`],
    restart: "unless-stopped",
    stop_grace_period: "30s",
    healthcheck: { test: healthcheck, interval: "5s", timeout: "3s", retries: 12, start_period: "30s" },
  };
}

export function composeText(plan: DemoPlan): string {
  const head = [
    "# Landfall's demo, each process in a container of its own, the ports' logs in Kafka: docker compose up --build",
    "# Written by `npm run compose -w simulator`; the settings come from the service `setup`, once, into the volume.",
  ];
  return `${head.join("\n")}\n${stringify(composeFile(plan), { lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** What a person on the machine talks to: HTTP and MQTT; sites talk to each other inside. */
function publishedPorts(service: Service, plan: DemoPlan): number[] {
  const mqtt = plan.topology.sites.find(({ site }) => site === service.name)?.mqtt;
  // The controls have no sign-in; headquarters passes on what its operations may.
  const http = service.name === SIMULATOR ? [] : [service.http];
  return mqtt === undefined ? http : [...http, mqtt];
}

function healthcheck(port: number): string {
  return `fetch("http://127.0.0.1:${port}/readyz").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`;
}
