import { DemoFolder, type DemoWishes } from "./folder.js";
import { planDemo, type Placement } from "./plan.js";

/** Each service in a container that bears its name; only the HTTP ports are published to the machine. */
export const COMPOSE: Placement = {
  bind: "0.0.0.0",
  host: (service) => service,
  publicUrl: (_site, port) => `http://127.0.0.1:${port}`,
};

/** Writes the settings of every service of docker-compose.yml into a folder, once: it keeps tokens that are there. */
export async function writeComposeSettings(path: string, wishes: DemoWishes): Promise<void> {
  const folder = DemoFolder.at(path);
  const shape = folder.shape(wishes);
  const secrets = await folder.secrets(shape);
  folder.write(shape, secrets, planDemo(shape, secrets, COMPOSE), COMPOSE);
  process.stdout.write(
    `Settings of ${shape.ships} ships and ${shape.containers} containers are in ${folder.settings}\n`,
  );
}
