import { EVERY, type Device } from "./device.js";

/** A device as it is asked about with every message. */
export interface KnownDevice extends Pick<Device, "name" | "passwordHash" | "certificate" | "role"> {
  /** Undefined: every one. */
  readonly containers: ReadonlySet<string> | undefined;
  readonly ships: ReadonlySet<string> | undefined;
}

/** All devices of one version of the file. */
export class DeviceList {
  readonly #byName: ReadonlyMap<string, KnownDevice>;

  constructor(devices: readonly Device[]) {
    this.#byName = new Map(devices.map((device) => [device.name, known(device)]));
  }

  get size(): number {
    return this.#byName.size;
  }

  get(name: string): KnownDevice | undefined {
    return this.#byName.get(name);
  }

  /** Any one, for whoever needs to know what its hash costs. */
  get first(): KnownDevice | undefined {
    for (const device of this.#byName.values()) if (device.passwordHash !== undefined) return device;
    return undefined;
  }

  /** The device to which a client id belongs: `name`, or `name:anything`. */
  ownerOf(clientId: string): KnownDevice | undefined {
    const colon = clientId.indexOf(":");
    return this.#byName.get(colon < 0 ? clientId : clientId.slice(0, colon));
  }
}

function known({ containers, ships, ...device }: Device): KnownDevice {
  return { ...device, containers: setOf(containers), ships: setOf(ships) };
}

function setOf(ids: readonly string[]): ReadonlySet<string> | undefined {
  return ids.includes(EVERY) ? undefined : new Set(ids);
}
