import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { SimulatorError } from "../errors.js";

/** Where positions go: an address, or a site of the demo. */
export interface TargetWishes {
  readonly mqtt?: string;
  readonly site?: string;
  readonly data: string;
}

/**
 * Address of the broker that is meant.
 * @throws SimulatorError INVALID_ARGUMENT, NOT_FOUND
 */
export function brokerOf({ mqtt, site, data }: TargetWishes): string {
  if (mqtt !== undefined) {
    if (!/^mqtts?:\/\/[^/\s]+$/.test(mqtt)) {
      throw new SimulatorError(
        "INVALID_ARGUMENT",
        `--mqtt ${mqtt} is no address of a broker: want mqtt://127.0.0.1:1883`,
      );
    }
    return mqtt;
  }
  if (site === undefined) {
    throw new SimulatorError(
      "INVALID_ARGUMENT",
      "say which broker takes the positions: --mqtt mqtt://127.0.0.1:1883, or a site of the demo, --site tokyo-yard",
    );
  }
  const file = join(data, "settings", `${site}.yaml`);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new SimulatorError("NOT_FOUND", `the demo in ${data} has no site ${site} (there is no ${file})`, {
      cause: error,
    });
  }
  const { mqtt: listens } = parse(text) as { readonly mqtt?: { readonly host?: string; readonly port?: number } };
  if (listens?.port === undefined) {
    throw new SimulatorError("INVALID_ARGUMENT", `${site} has no MQTT broker: name a ship or a yard, e.g. tokyo-yard`);
  }
  const host = listens.host === undefined || listens.host === "0.0.0.0" ? "127.0.0.1" : listens.host;
  return `mqtt://${host}:${listens.port}`;
}
