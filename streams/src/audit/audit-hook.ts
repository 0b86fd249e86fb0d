import type { FastifyInstance, FastifyRequest } from "fastify";
import type { RouteAudit } from "../http/route-audit.js";
import { AUDIT_DETAIL_CHARS_MAX, AUDIT_OWNERS_MAX, AUDIT_SUBJECT_CHARS_MAX } from "./audit-limits.js";
import type { AuditTrail } from "./audit-trail.js";
import type { Deed } from "./fold.js";

/** `port.ausyd.events`: a port's streams belong to no company. */
const PORTS = "port";

export interface AuditHookParts {
  readonly trail: AuditTrail;
  /** The site's own company. */
  readonly owner: string;
  /** Told when a sign-in or a refusal could not be written: whoever looks after a full disk must get in. */
  readonly onUnwritten: (deed: Deed, error: unknown) => void;
}

/** The one place where requests become records of the audit, by what their routes declare. */
export function addAuditHook(http: FastifyInstance, parts: AuditHookParts): void {
  http.addHook("preHandler", (request, _reply, done) => {
    const audit = declared(request);
    if (audit?.isFeed) for (const deed of deedsOf(request, audit, 200, parts)) parts.trail.soon(deed);
    done();
  });
  http.addHook("onSend", async (request, reply, payload) => {
    const audit = declared(request);
    if (!audit || (audit.isFeed && reply.statusCode < 400)) return payload;
    for (const deed of deedsOf(request, audit, reply.statusCode, parts)) await tell(audit, deed, parts);
    return payload;
  });
}

async function tell(audit: RouteAudit, deed: Deed, { trail, onUnwritten }: AuditHookParts): Promise<void> {
  // Told in a batch: a read that was let, and what failed without having changed anything.
  if (deed.outcome === "failed" || (audit.kind === "read" && deed.outcome === "allowed")) return trail.soon(deed);
  try {
    await trail.now(deed);
  } catch (error) {
    if (audit.kind === "change" && deed.outcome === "allowed") throw error;
    onUnwritten(deed, error);
  }
}

function declared(request: FastifyRequest): RouteAudit | undefined {
  const audit = request.routeOptions.config?.audit;
  return audit === undefined || audit === "nothing" || audit.when?.(request) === false ? undefined : audit;
}

function deedsOf(request: FastifyRequest, audit: RouteAudit, status: number, parts: AuditHookParts): Deed[] {
  const outcome = outcomeOf(status);
  const { identified, proof } = request;
  const user = (identified?.seenBy ?? identified)?.user ?? "";
  const { action } = audit;
  const subject = subjectOf(request, audit);
  const detail = outcome === "allowed" && audit.detail ? bounded(audit.detail(request)) : undefined;
  const deed: Omit<Deed, "owner"> = {
    action: typeof action === "string" ? action : action(request),
    outcome,
    status,
    // Who signs in is nobody until then.
    user: user === "" && audit.kind === "sign-in" && outcome === "allowed" ? (subject ?? "") : user,
    ...(identified?.seenBy && { as: identified.user }),
    via: proof?.kind ?? (user === "" ? "nobody" : "token"),
    ...(proof && { credential: proof.id }),
    address: request.ip,
    ...(subject !== undefined && { subject }),
    ...(detail !== undefined && { detail }),
  };
  return ownersOf(request, audit, outcome, parts).map((owner) => ({ ...deed, owner }));
}

/** What was refused need not be of the shape that its route expects: there may be no body, or any. */
function subjectOf(request: FastifyRequest, audit: RouteAudit): string | undefined {
  let subject: unknown;
  try {
    subject = audit.subject?.(request);
  } catch {
    return undefined;
  }
  return typeof subject === "string" ? subject.slice(0, AUDIT_SUBJECT_CHARS_MAX) : undefined;
}

/**
 * Whose audit tells of it. What was refused is told to the site's own company alone, whatever was asked for: another's audit, and
 * the time that it takes to write it, would say that there is something (A3).
 */
function ownersOf(
  request: FastifyRequest,
  audit: RouteAudit,
  outcome: Deed["outcome"],
  { owner }: AuditHookParts,
): string[] {
  if (outcome !== "allowed" || !audit.owners) return [owner];
  const concerned = audit.owners(request).map((name) => (name === PORTS ? owner : name));
  const all = new Set(audit.kind === "change" ? [owner, ...concerned] : concerned);
  return all.size === 0 ? [owner] : [...all].slice(0, AUDIT_OWNERS_MAX);
}

function outcomeOf(status: number): Deed["outcome"] {
  if (status < 400) return "allowed";
  return status === 401 || status === 403 || status === 404 || status === 429 ? "refused" : "failed";
}

function bounded(detail: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const text = JSON.stringify(detail);
  return text.length <= AUDIT_DETAIL_CHARS_MAX ? detail : { truncated: text.slice(0, AUDIT_DETAIL_CHARS_MAX) };
}
