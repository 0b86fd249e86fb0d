import type { GrantReply, GrantRequest, GrantsReply, VoyagesReply } from "@landfall/proto/api";
import { systemEnv } from "../env.js";
import { LINK_SUBJECT } from "../settings/fleet/grant-document.js";
import { CommandError, withErrors } from "./command-error.js";
import { askNode } from "./node-client.js";
import { formatTable } from "./table.js";
import { oneTarget, type Target, type TargetOptions } from "./target.js";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A link that nobody gave an end lasts so long. */
const LINK_DAYS = 14;

export interface GrantOptions extends TargetOptions {
  readonly json?: boolean;
}

/** How long, and for what time: `--voyage`, or `--from` and `--to`; `--until`, or `--days` or `--minutes` from now. */
export interface GiveOptions extends GrantOptions {
  readonly voyage?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly until?: string;
  readonly days?: number;
  readonly minutes?: number;
  readonly streams?: readonly string[];
  readonly note?: string;
}

/** Prints grants and links of an owner, or of all whose streams one administers. @returns the exit code */
export function listGrants(owner: string | undefined, options: GrantOptions): Promise<number> {
  return withErrors("grant", async () => {
    const target = oneTarget(options);
    const query = owner === undefined ? "" : `?owner=${encodeURIComponent(owner)}`;
    const reply = await askNode<GrantsReply>(target, `/api/grants${query}`);
    print(options, reply, () => (reply.grants.length === 0 ? "no grants\n" : formatGrants(reply.grants)));
    return 0;
  });
}

/** Prints the voyages of a container, as far as one may know them. */
export function listVoyages(container: string, options: GrantOptions): Promise<number> {
  return withErrors("grant", async () => {
    const target = oneTarget(options);
    const reply = await askNode<VoyagesReply>(target, `/api/containers/${encodeURIComponent(container)}/voyages`);
    const rows = reply.voyages.map(({ owner, from, to = "lasts", source, vessels }) => [
      owner,
      from,
      to,
      source,
      vessels.join(" "),
    ]);
    print(options, reply, () => formatTable(["OWNER", "FROM", "TO", "KNOWN BY", "SHIPS"], rows));
    return 0;
  });
}

/** Shows somebody containers of an owner. */
export function giveGrant(
  subject: string,
  owner: string,
  containers: readonly string[],
  options: GiveOptions,
): Promise<number> {
  return withErrors("grant", async () => {
    const target = oneTarget(options);
    const grant = await make(target, { owner, subject, topics: containers }, options);
    print(options, grant, () => formatGrants([grant]));
    return 0;
  });
}

/** Makes a link to one container and prints it: it is shown this once. */
export function makeLink(owner: string, container: string, options: GiveOptions): Promise<number> {
  return withErrors("grant", async () => {
    const target = oneTarget(options);
    const { until, days, minutes } = options;
    const hasEnd = [until, days, minutes].some((end) => end !== undefined);
    const what = { owner, subject: LINK_SUBJECT, topics: [container] };
    const link = await make(target, what, hasEnd ? options : { ...options, days: LINK_DAYS });
    print(options, link, () => `${formatGrants([link])}\n${target.url}/share#${link.token ?? ""}\n`);
    return 0;
  });
}

/** Takes a grant or a link back. */
export function revokeGrant(owner: string, id: string, options: GrantOptions): Promise<number> {
  return withErrors("grant", async () => {
    const target = oneTarget(options);
    const path = `/api/grants?owner=${encodeURIComponent(owner)}&id=${encodeURIComponent(id)}`;
    const grant = await askNode<GrantReply>(target, path, undefined, { method: "DELETE" });
    print(options, grant, () => formatGrants([grant]));
    return 0;
  });
}

function make(target: Target, what: GrantRequest, options: GiveOptions): Promise<GrantReply> {
  const { voyage, from, to, until, days, minutes, streams, note } = options;
  if ([until, days, minutes].filter((end) => end !== undefined).length > 1) {
    throw new CommandError("say only one of --until, --days and --minutes");
  }
  if (voyage === true && (from !== undefined || to !== undefined)) {
    throw new CommandError("say either --voyage, or --from and --to");
  }
  if (voyage !== true && from === undefined && to === undefined) {
    throw new CommandError("for what time? Say --voyage, or --from, --to or both");
  }
  const lastsMs = days !== undefined ? days * DAY_MS : minutes !== undefined ? minutes * MINUTE_MS : undefined;
  const validUntil = lastsMs === undefined ? until : new Date(systemEnv.now() + lastsMs).toISOString();
  return askNode<GrantReply>(target, "/api/grants", {
    ...what,
    ...(voyage === true && { voyage }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(validUntil !== undefined && { validUntil }),
    ...(streams !== undefined && { streams }),
    ...(note !== undefined && { note }),
  });
}

function formatGrants(grants: readonly GrantReply[]): string {
  const rows = grants.map((grant) => [
    grant.owner,
    grant.id,
    grant.subject,
    grant.topics?.join(" ") ?? "everything",
    `${grant.from ?? "…"} to ${grant.untilGateOut ? "gate-out" : (grant.to ?? "…")}`,
    grant.validUntil ?? "",
    grant.state,
  ]);
  return formatTable(["OWNER", "ID", "WHO", "WHAT", "MEASURED", "ENDS", "STATE"], rows);
}

function print(options: GrantOptions, reply: object, format: () => string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(reply)}\n` : format());
}
