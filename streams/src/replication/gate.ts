import { createHash, timingSafeEqual } from "node:crypto";
import type { SiteIdentity } from "../identity/site-identity.js";
import { LandfallError } from "../model/errors.js";
import type { Exceptions } from "../node/node.js";
import type { SiteEntry } from "../settings/node-settings.js";
import type { Caller, Channel } from "./transport.js";

/** SHA-256 of a site's token, hex, as the fleet's settings hold it. */
export function tokenDigest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

export interface GateOptions {
  readonly sites: readonly SiteEntry[];
  readonly identity: SiteIdentity | undefined;
  readonly exceptions: Exceptions;
}

/** Who is let in, and what is told of those who are not: a record in `<owner>.exceptions`, which is logged too. */
export class Gate {
  constructor(private readonly options: GateOptions) {}

  /** Why a dialler is refused, or undefined. An unknown site and a wrong token are one answer. */
  admit(caller: Caller): LandfallError | undefined {
    const entry = this.options.sites.find(({ site }) => site === caller.site);
    const isKnown = entry !== undefined && (caller.certificate !== undefined || hasToken(entry, caller.token));
    if (isKnown) return undefined;
    const name = JSON.stringify(caller.site.slice(0, 64));
    const why =
      caller.certificate === undefined ? "it is unknown, or its token is wrong" : "it is not listed under sites";
    this.#tell("UNAUTHENTICATED", "replication", `refused a site that calls itself ${name}: ${why}`);
    return new LandfallError("UNAUTHENTICATED", "this site does not know you, or the token is wrong");
  }

  /** Somebody was refused before it had said who it is. */
  turnedAway(why: LandfallError, from: string): void {
    this.#tell(why.code, "replication", `refused ${from}: ${why.message}`);
  }

  /** A ship at sea dials ports that do not answer for weeks: nothing to say about that, but about everything else. */
  dialFailed(link: string, why: LandfallError): void {
    if (why.code !== "UNAVAILABLE") this.#tell(why.code, `link ${link}`, why.message);
  }

  /**
   * A link ended. One that the other side dialled is named by the site that it is from: what links are called there it says itself, and
   * reports are limited by source.
   */
  ended(link: string | undefined, peer: string, why: LandfallError): void {
    const source = link === undefined ? `links from ${peer}` : `link ${link}`;
    if (why.code !== "CLOSED") this.#tell(why.code, source, why.message, { peer });
  }

  /** Why the certificate of an open channel is good no longer: it expired or was revoked meanwhile. */
  refusalOf({ certificate }: Channel): LandfallError | undefined {
    return certificate === undefined ? undefined : this.options.identity?.refusalOf(certificate);
  }

  #tell(code: string, source: string, message: string, detail?: Readonly<Record<string, unknown>>): void {
    this.options.exceptions.report({ code, source, message, ...(detail !== undefined && { detail }) });
  }
}

function hasToken(entry: SiteEntry, token: string): boolean {
  const expected = Buffer.from(entry.tokenSha256 ?? "0".repeat(64), "hex");
  const given = createHash("sha256").update(token).digest();
  return expected.length === given.length && timingSafeEqual(expected, given);
}
