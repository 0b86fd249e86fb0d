import type { Principal } from "@landfall/streams/access/policy";
import { LandfallError } from "@landfall/streams/model/errors";
import { containerNumberError, imoNumberError } from "@landfall/proto/identifiers";

/**
 * The same words whether a thing does not exist or the asking person may not know of it (A3): they name nothing that
 * was asked for.
 */
export function notFound(what: "container" | "ship" | "site" | "alert" | "route"): LandfallError {
  return new LandfallError(
    "NOT_FOUND",
    what === "route" ? "this is not part of this site's API" : `there is no such ${what} here`,
  );
}

/** A wrong check digit tells nothing about the fleet: it may be named. @throws LandfallError INVALID_ARGUMENT */
export function checkContainer(container: string): void {
  const error = containerNumberError(container);
  if (error) throw new LandfallError("INVALID_ARGUMENT", `params/container: ${error}`);
}

/** @throws LandfallError INVALID_ARGUMENT */
export function checkShip(imo: string): void {
  const error = imoNumberError(imo);
  if (error) throw new LandfallError("INVALID_ARGUMENT", `params/imo: ${error}`);
}

/** Lets a request pass before anything else of it is looked at: to others, the route does not exist. */
export function forThose(may: (principal: Principal) => boolean) {
  return (request: { readonly principal: Principal }, _reply: unknown, done: (error?: Error) => void): void =>
    done(may(request.principal) ? undefined : notFound("route"));
}
