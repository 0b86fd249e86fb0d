import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hash } from "@node-rs/argon2";
import type { Device } from "../../src/devices/device.js";

/** The cheapest hash that the library makes: tests check many. */
const CHEAP = { memoryCost: 1024, timeCost: 1, parallelism: 1 };

/** Password of a device of a test. */
export const passwordOf = (name: string) => `secret of ${name}`;

/** An entry of the file of devices, with the password that `passwordOf` says. */
export async function device(name: string, more: Partial<Device> = {}): Promise<Partial<Device>> {
  return { name, passwordHash: await hash(passwordOf(name), CHEAP), ...more };
}

export function writeDevices(folder: string, devices: readonly Partial<Device>[]): string {
  const file = join(folder, "devices.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ devices }));
  return file;
}

/** What a client of that device connects with. */
export function login(name: string, more: { clientId?: string } = {}) {
  return { username: name, password: passwordOf(name), clientId: name, ...more };
}
