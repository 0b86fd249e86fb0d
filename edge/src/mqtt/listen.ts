import type { AddressInfo, Server } from "node:net";
import { LandfallError } from "@landfall/streams/model/errors";

/** Starts to listen. Returns the port taken. @throws LandfallError PORT_IN_USE, INVALID_SETTINGS */
export function listen(server: Server, host: string, port: number, setting = "mqtt"): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(explain(error, host, port, setting));
    server.once("error", failed);
    server.listen({ host, port }, () => {
      server.off("error", failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const VARIABLES: Readonly<Record<string, string>> = {
  mqtt: "LANDFALL_MQTT_PORT",
  "mqtt.tls": "LANDFALL_MQTT_TLS_PORT",
};

function explain(cause: NodeJS.ErrnoException, host: string, port: number, setting: string): LandfallError {
  const where = `mqtt ${host}:${port}`;
  if (cause.code === "EADDRINUSE") {
    const remedy = `stop the other program, or set ${setting}.port (${VARIABLES[setting]}) to a free one`;
    return new LandfallError("PORT_IN_USE", `${where} is in use by another program: ${remedy}`, { cause });
  }
  if (cause.code === "EACCES") {
    return new LandfallError("PORT_IN_USE", `${where} may not be used by this user: choose a port above 1023`, {
      cause,
    });
  }
  if (cause.code === "EADDRNOTAVAIL" || cause.code === "ENOTFOUND") {
    return new LandfallError("INVALID_SETTINGS", `${where}: this machine has no such address, see mqtt.host`, {
      cause,
    });
  }
  return new LandfallError("INVALID_SETTINGS", `${where}: cannot listen (${cause.message})`, { cause });
}
