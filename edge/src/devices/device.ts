import { containerNumberError, imoNumberError } from "@landfall/proto/identifiers";
import { Type, type Static } from "typebox";
import { DEVICES_MAX, DEVICE_NAME_CHARS_MAX } from "../limits.js";

/** A name has no `:`, so that client ids `name:anything` belong to exactly one device. */
export const DEVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** Stands for every container, or every ship: gateways report for whatever is in reach. */
export const EVERY = "*";

const numbers = (what: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 11, wanted: `${what}, or "*" for every one` }), { default: [] });

/**
 * Whoever speaks MQTT to an edge: a sensor in one container, a gateway that reports for many, or `operations`, people and
 * programs of the carrier that send commands and may look at `$SYS`.
 */
export const DeviceSchema = Type.Object({
  name: Type.String({
    pattern: DEVICE_NAME.source,
    maxLength: DEVICE_NAME_CHARS_MAX,
    wanted: "a device's name: letters, digits, '.', '_' and '-'",
  }),
  /** argon2id; left out: no password is good. */
  passwordHash: Type.Optional(
    Type.String({
      pattern: "^\\$argon2id\\$",
      maxLength: 512,
      isSecret: true,
      wanted: "an argon2id hash, as landfall device writes it",
    }),
  ),
  /** Whether a certificate of `mqtt.tls.ca` whose common name is this name proves it. */
  certificate: Type.Boolean({ default: false }),
  role: Type.Enum(["sensor", "operations"], { default: "sensor" }),
  /** Containers and ships (IMO numbers) that it reports for, and whose commands it gets. */
  containers: numbers("a container's number, e.g. CSQU3054383"),
  ships: numbers("a ship's IMO number, e.g. 9321483"),
});
export type Device = Readonly<Static<typeof DeviceSchema>>;

export const DevicesFileSchema = Type.Object({
  devices: Type.Array(DeviceSchema, { default: [], maxItems: DEVICES_MAX }),
});

/** What is wrong with a list of devices beyond its shape: `at` is the device's position and key. */
export function checkDevices(
  devices: readonly Device[],
  report: (at: readonly [number, keyof Device], message: string) => void,
): void {
  const names = new Set<string>();
  devices.forEach(({ name, role, containers, ships, passwordHash, certificate }, i) => {
    if (names.has(name)) report([i, "name"], `the device ${name} is there twice`);
    names.add(name);
    if (passwordHash === undefined && !certificate) {
      report([i, "passwordHash"], `${name} has neither a password nor certificate: true, so it could never sign in`);
    }
    if (role === "operations") return;
    if (containers.length === 0 && ships.length === 0) {
      report([i, "containers"], `${name} reports for no container and no ship, want at least one, or "*"`);
    }
    for (const id of containers) {
      const wrong = id === EVERY ? undefined : containerNumberError(id);
      if (wrong !== undefined) report([i, "containers"], `${name}: ${wrong}`);
    }
    for (const id of ships) {
      const wrong = id === EVERY ? undefined : imoNumberError(id);
      if (wrong !== undefined) report([i, "ships"], `${name}: ${wrong}`);
    }
  });
}
