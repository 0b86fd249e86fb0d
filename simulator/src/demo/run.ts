import { relative } from "node:path";
import pc from "picocolors";
import { messageOf } from "../errors.js";
import { brokersGiven, DemoBroker } from "./broker.js";
import { openInBrowser } from "./browser.js";
import { completeCertificates } from "./certificates.js";
import { DemoFolder, type DemoWishes } from "./folder.js";
import { ONE_MACHINE, planDemo, type DemoPlan, type DemoShape } from "./plan.js";
import { checkPorts } from "./ports.js";
import { progressOn } from "./progress.js";
import { ROOT } from "./root.js";
import { Supervisor } from "./supervisor.js";
import { DEMO_PASSWORD, USERS } from "./topology.js";

export interface DemoOptions extends DemoWishes {
  readonly data: string;
  /** Open the map in a browser when there is one and somebody sits at the terminal. */
  readonly open: boolean;
}

/**
 * Runs the demo until it is told to stop. Sets the exit code of this process.
 * @throws SimulatorError before anything was started
 */
export async function runDemo(options: DemoOptions): Promise<void> {
  const folder = DemoFolder.at(options.data);
  const shape = folder.shape(options);
  const isNew = folder.isNew;
  folder.lock();
  const progress = progressOn(process.stdout);
  try {
    const given = shape.kafka === undefined ? undefined : await brokersGiven();
    const placement = given === undefined ? ONE_MACHINE : { ...ONE_MACHINE, brokers: () => given };
    const secrets = await folder.secrets(shape);
    const plan = planDemo(shape, secrets, placement);
    const { kafka } = plan.topology;
    const ownBroker = shape.kafka !== undefined && given === undefined;
    const broker = ownBroker ? new DemoBroker(folder.path, kafka, progress) : undefined;
    const brokerPort = { listens: [{ port: kafka, what: "Kafka", option: "--port-base" }] };
    await checkPorts(ownBroker ? [...plan.services, brokerPort] : plan.services, placement.bind);
    folder.write(shape, secrets, plan, placement);
    await completeCertificates(
      folder.path,
      plan.topology.sites.map(({ site }) => site),
    );
    progress.tell(isNew ? `A new voyage in ${shown(folder.path)}` : `The voyage in ${shown(folder.path)} goes on`);
    await supervise(new Supervisor(plan, folder, ROOT, progress, isNew, broker), () => {
      for (const line of farewell(plan, shape, folder, isNew)) progress.tell(line);
      if (options.open) openInBrowser(`http://127.0.0.1:${shape.ports.web}`);
    });
  } catch (error) {
    progress.fail();
    throw error;
  } finally {
    folder.unlock();
  }
}

/** Starts, then waits for the signal to stop. The second signal does not ask any more. */
async function supervise(supervisor: Supervisor, started: () => void): Promise<void> {
  let signalled: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (signalled = resolve));
  let firstMs = 0;
  const onSignal = (): void => {
    // A terminal and npm may both hand on the same Ctrl-C.
    if (firstMs === 0) {
      firstMs = performance.now();
      process.stdout.write("\nStopping …\n");
      signalled();
    } else if (performance.now() - firstMs > 1_000) {
      supervisor.kill();
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  // Whoever reads our output may go first.
  for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);
  // Without anything else to wait for, Node would end while services are still starting again.
  const alive = setInterval(() => undefined, 60_000);
  try {
    const run = async (): Promise<void> => {
      await supervisor.start();
      if (firstMs === 0) started();
      await told;
    };
    await Promise.race([told, run()]);
  } finally {
    await supervisor.stop().catch((error: unknown) => process.stderr.write(`${messageOf(error)}\n`));
    clearInterval(alive);
    if (firstMs !== 0) process.stdout.write("Stopped. The same command goes on from here.\n");
  }
}

interface KafkaLog {
  readonly log?: { readonly kafka: { readonly brokers: readonly string[] } };
}

/** What a newcomer needs to know, once everything runs. */
function farewell(plan: DemoPlan, shape: DemoShape, folder: DemoFolder, isNew: boolean): string[] {
  const mqtt = plan.topology.sites.filter(({ mqtt }) => mqtt !== undefined);
  const portsOf = (kind: string): string =>
    mqtt
      .filter((site) => site.kind === kind)
      .map((site) => site.mqtt)
      .join(", ");
  const duckworks = plan.topology.sites.find(({ site }) => site === "duckworks");
  const name = (text: string): string => pc.bold(text.padEnd(14));
  const tokyo = plan.services.find((service) => service.name === "tokyo")?.settings as KafkaLog | undefined;
  const kafka = tokyo?.log?.kafka;
  return [
    "",
    pc.green(
      `Landfall is running. ${isNew ? "Open the map, and the first ship makes landfall within seconds." : "The voyage goes on where it stopped."}`,
    ),
    "",
    `  ${name("Map")}${pc.cyan(`http://127.0.0.1:${shape.ports.web}`)}   Big Blue, Los Angeles`,
    `  ${name("")}${pc.cyan(`http://127.0.0.1:${duckworks?.http ?? 0}`)}   Duckworks, the manufacturer's own site`,
    ...USERS["los-angeles"].map(
      (user, i) => `  ${name(i === 0 ? "Sign in as" : "")}${user.name.padEnd(8)} sees ${user.sees}`,
    ),
    `  ${name("Password")}${DEMO_PASSWORD}   (everybody's, demo only)`,
    `  ${name("MQTT")}ships on ${portsOf("ship")}; yards on ${portsOf("yard")}`,
    ...(kafka === undefined
      ? []
      : [`  ${name("Kafka")}${kafka.brokers.join(", ")}   holds the ports' records, in topics ${shape.kafka}.*`]),
    `  ${name("Data")}${shown(folder.path)}   logs in ${shown(folder.logs)}`,
    "",
    "Ctrl-C stops everything; the same command goes on where it stopped.",
    "",
  ];
}

function shown(path: string): string {
  const here = relative(process.cwd(), path);
  return here === "" || here.startsWith("..") ? path : `./${here}`;
}
