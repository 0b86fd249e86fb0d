import type { Principal } from "@landfall/streams/access/policy";
import { isOperator } from "@landfall/streams/http/principals";
import type { SiteEntry } from "@landfall/streams/settings/node-settings";
import type { HqSettings } from "../settings.js";

/** Whether somebody may use the voyage controls: only where a simulation runs. */
export function mayControl(principal: Principal, settings: Pick<HqSettings, "simulation">): boolean {
  return settings.simulation !== undefined && isOperator(principal);
}

/** Whether somebody may say who comes in here, and read the audit as far as its streams are theirs: administrators. */
export function mayManagePeople(principal: Principal): boolean {
  return principal.roles.includes("admin");
}

/**
 * Whether somebody may book containers here. Booking is the carrier's business: a customer that could book would take
 * other customers' readings for itself. A carrier is who runs ships, ports or yards.
 */
export function mayBook(principal: Principal, self: SiteEntry, sites: readonly SiteEntry[]): boolean {
  return isOperator(principal) && sites.some((site) => site.owner === self.owner && site.kind !== "hq");
}
