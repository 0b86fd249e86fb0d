import { randomBytes } from "node:crypto";
import { hash } from "@node-rs/argon2";
import { DEMO_PASSWORD, USERS } from "./topology.js";

/** Made once for each demo folder and kept in it. */
export interface DemoSecrets {
  /** Site → token with which it dials others. */
  readonly sites: Readonly<Record<string, string>>;
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
  return { sites: tokens(known.sites, sites), operators: tokens(known.operators, sites), passwordHashes };
}

function tokens(known: Readonly<Record<string, string>> | undefined, names: readonly string[]): Record<string, string> {
  const all: Record<string, string> = { ...known };
  for (const name of names) all[name] ??= randomBytes(24).toString("base64url");
  return all;
}
