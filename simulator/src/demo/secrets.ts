import { randomBytes } from "node:crypto";
import { hash } from "@node-rs/argon2";
import type { DemoShape } from "./plan.js";
import { DEMO_PASSWORD, topology, USERS } from "./topology.js";

/** Made once for each demo folder and kept in it. */
export interface DemoSecrets {
  /** Site → token of the operator at that node's own HTTP. */
  readonly operators: Readonly<Record<string, string>>;
  /** `<site>/<user>` → argon2id hash of the demo's password. */
  readonly passwordHashes: Readonly<Record<string, string>>;
}

/** Adds what `known` lacks; keeps what it has. */
export async function completeSecrets(known: Partial<DemoSecrets>, sites: readonly string[]): Promise<DemoSecrets> {
  const passwordHashes: Record<string, string> = { ...known.passwordHashes };
  for (const [site, users] of Object.entries(USERS)) {
    for (const { name } of users) passwordHashes[`${site}/${name}`] ??= await hash(DEMO_PASSWORD);
  }
  return { operators: tokens(known.operators, sites), passwordHashes };
}

/** For a plan whose settings nobody will run, such as that of docker-compose.yml. */
export function placeholderSecrets(shape: Pick<DemoShape, "ships" | "ports">): DemoSecrets {
  const names = topology(shape.ships, shape.ports).sites.map(({ site }) => site);
  const fill = (list: readonly string[]): Record<string, string> => Object.fromEntries(list.map((name) => [name, "-"]));
  const people = Object.entries(USERS).flatMap(([site, users]) => users.map(({ name }) => `${site}/${name}`));
  return { operators: fill(names), passwordHashes: fill(people) };
}

function tokens(known: Readonly<Record<string, string>> | undefined, names: readonly string[]): Record<string, string> {
  const all: Record<string, string> = { ...known };
  for (const name of names) all[name] ??= randomBytes(24).toString("base64url");
  return all;
}
