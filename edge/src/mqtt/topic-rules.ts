import type { DeviceList, KnownDevice } from "../devices/device-list.js";

/** Who a connection is, as it proved when it signed in. */
export interface Sensor {
  /** Undefined: somebody who said no name, where settings allow that. */
  readonly device: string | undefined;
  /** Of the password that proved it: with another one it has to sign in again. */
  readonly passwordHash?: string | undefined;
  /** SHA-256 of the certificate that proved it, if one did, and when that is no longer good (milliseconds since 1970). */
  readonly certificate?: { readonly fingerprint: string; readonly expiresAt: number };
}

export const ANONYMOUS: Sensor = { device: undefined };

/** What becomes of a message on a topic: a reading or a command is stored, and a command is passed on to who subscribed. */
export type TopicKind = "reading" | "command" | "forwarded" | "reserved";

/** Asked with every CONNECT (will), PUBLISH, SUBSCRIBE and delivery: the rights of that moment count. */
export interface TopicRules {
  kindOf(topic: string): TopicKind;
  mayPublish(sensor: Sensor, topic: string): boolean;
  /** Only filters all of whose topics the sensor may be sent. */
  maySubscribe(sensor: Sensor, filter: string): boolean;
  mayReceive(sensor: Sensor, topic: string): boolean;
}

const COMMANDS = "/commands";

/**
 * The rules of an edge. A device publishes what its own containers and ships say and is sent their commands, and nothing else.
 * Who said no name may publish readings, of any container. Operations send commands, follow them, and alone see
 * `$SYS`, which nobody may write.
 */
export class DeviceRules implements TopicRules {
  readonly #devices: () => DeviceList;

  /** @param devices those of the moment */
  constructor(devices: () => DeviceList) {
    this.#devices = devices;
  }

  kindOf(topic: string): TopicKind {
    if (topic.startsWith("$")) return "reserved";
    return isCommands(topic) ? "command" : "reading";
  }

  mayPublish(sensor: Sensor, topic: string): boolean {
    const kind = this.kindOf(topic);
    if (kind === "reserved") return false;
    if (sensor.device === undefined) return kind === "reading";
    const device = this.#devices().get(sensor.device);
    if (device === undefined) return false;
    if (device.role === "operations") return kind === "command";
    return kind === "reading" && isOwn(device, topic);
  }

  maySubscribe(sensor: Sensor, filter: string): boolean {
    const device = sensor.device === undefined ? undefined : this.#devices().get(sensor.device);
    if (device === undefined) return false;
    if (device.role === "operations" && /^\$SYS(\/|$)/.test(filter)) return true;
    return isCommands(filter) && isOwn(device, filter);
  }

  mayReceive(sensor: Sensor, topic: string): boolean {
    return this.maySubscribe(sensor, topic);
  }
}

/** `containers/<id>/commands`, `ships/<id>/commands`; as a filter also with `+` for the id. */
function isCommands(topic: string): boolean {
  return topic.endsWith(COMMANDS) && /^(containers|ships)\/[^/#]+\/commands$/.test(topic);
}

/** Whether a topic, or every topic of a filter, is about something that this device reports for. */
function isOwn({ role, containers, ships }: KnownDevice, topic: string): boolean {
  const [root = "", id = ""] = topic.split("/", 2);
  if (root !== "containers" && root !== "ships") return false;
  if (role === "operations") return true;
  const own = root === "containers" ? containers : ships;
  return own === undefined || own.has(id);
}
