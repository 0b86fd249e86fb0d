import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from "node:fs";
import type { Env } from "@landfall/streams/env";
import { FollowedFiles } from "@landfall/streams/identity/followed-files";
import { readFiles } from "@landfall/streams/identity/pem-files";
import { LandfallError } from "@landfall/streams/model/errors";
import { loadSettings } from "@landfall/streams/settings/load";
import { stringify } from "yaml";
import { checkDevices, DevicesFileSchema, type Device } from "./device.js";
import { DeviceList } from "./device-list.js";

const HEAD = `# Who may report here over MQTT. Written by \`landfall device\`; an edge that runs follows every change within a second.\n`;

/** @throws LandfallError INVALID_SETTINGS whose message lists every problem with its place */
export function readDevices(file: string): readonly Device[] {
  const { devices } = loadSettings(DevicesFileSchema, {
    file,
    check: ({ devices }, report) => checkDevices(devices, (at, message) => report(["devices", ...at], message)),
  });
  return devices;
}

/** Changes the list as a whole; a file that is not there is an empty list. @throws LandfallError INVALID_SETTINGS, INVALID_ARGUMENT */
export function changeDevices(file: string, change: (devices: readonly Device[]) => readonly Device[]): void {
  const devices = change(existsSync(file) ? readDevices(file) : []);
  checkDevices(devices, (_at, message) => {
    throw new LandfallError("INVALID_ARGUMENT", message);
  });
  const mode = existsSync(file) ? statSync(file).mode & 0o777 : 0o600;
  const next = `${file}.next`;
  writeFileSync(next, HEAD + stringify({ devices: devices.map(withoutDefaults) }, { lineWidth: 0 }), { mode });
  chmodSync(next, mode);
  // Whole or not at all: a node may read it at any moment.
  renameSync(next, file);
}

/** The devices of a file that may change at any time. @throws LandfallError INVALID_SETTINGS */
export function followDevices(
  file: string,
  env: Env,
  trouble: (message: string) => void,
): FollowedFiles<"devices", DeviceList> {
  const named = { setting: "mqtt", files: { devices: file } };
  return new FollowedFiles({
    read: () => readFiles(named, ["devices"]),
    check: () => new DeviceList(readDevices(file)),
    env,
    trouble,
  });
}

function withoutDefaults({ certificate, role, containers, ships, ...device }: Device): object {
  return {
    ...device,
    ...(certificate && { certificate }),
    ...(role !== "sensor" && { role }),
    ...(containers.length > 0 && { containers }),
    ...(ships.length > 0 && { ships }),
  };
}
