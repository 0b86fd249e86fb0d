import { createHash, timingSafeEqual } from "node:crypto";
import type { SiteEntry } from "../settings/node-settings.js";
import type { Credentials } from "./transport.js";

/** SHA-256 of a site's token, hex, as the fleet's settings hold it. */
export function tokenDigest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** Why a dialler is refused, or undefined. An unknown site and a wrong token are one answer. */
export function refusalOf(sites: readonly SiteEntry[], credentials: Credentials): string | undefined {
  const entry = sites.find((site) => site.site === credentials.site);
  const expected = Buffer.from(entry?.tokenSha256 ?? "0".repeat(64), "hex");
  const given = createHash("sha256").update(credentials.token).digest();
  const matches = expected.length === given.length && timingSafeEqual(expected, given);
  return entry !== undefined && matches ? undefined : "this site does not know you, or the token is wrong";
}
