import type { FastifyInstance } from "fastify";
import { LandfallError } from "../model/errors.js";

/** How to choose another address, in the words of the person who starts the program. */
export interface AddressHint {
  /** `http.port (LANDFALL_HTTP_PORT, --http-port)` */
  readonly setting: string;
}

/**
 * Starts listening. @returns the address that was taken, which differs from the asked one for port 0.
 * @throws LandfallError PORT_IN_USE or INVALID_SETTINGS, saying which address and how to change it
 */
export async function listen(
  app: FastifyInstance,
  host: string,
  port: number,
  hint: AddressHint = { setting: "http.port (LANDFALL_HTTP_PORT, --http-port)" },
): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    throw listenError(error, `${host}:${port}`, hint);
  }
}

/** What a failed `listen` means, for any kind of server; an error that is none of these comes back as it was. */
export function listenError(error: unknown, address: string, hint: AddressHint): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const change = `set ${hint.setting} to another`;
  if (code === "EADDRINUSE") {
    const message = `${address} is in use by another program: stop that one, or ${change}`;
    return new LandfallError("PORT_IN_USE", message, { cause: error });
  }
  if (code === "EACCES") {
    const message = `not allowed to listen on ${address} (ports below 1024 are privileged): ${change}`;
    return new LandfallError("INVALID_SETTINGS", message, { cause: error });
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    const message = `this machine has no address ${address}: ${change}`;
    return new LandfallError("INVALID_SETTINGS", message, { cause: error });
  }
  return error;
}
