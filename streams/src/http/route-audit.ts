import type { FastifyRequest } from "fastify";

/** What a request to a route is, to whoever reads the audit later. */
export interface RouteAudit {
  /** `container.history`, `person.change`; two words, and the same for ever: people filter by it. */
  readonly action: string | ((request: FastifyRequest) => string);
  /** Reads are written in batches and folded; the others are on disk before they are answered. */
  readonly kind: "read" | "change" | "sign-in";
  /** What it was about: a container, a stream, a person. Nothing that is secret. */
  readonly subject?: (request: FastifyRequest) => string | undefined;
  /** Whose it was: owners that are told, besides the site's own where something was changed. The site's own, when left out. */
  readonly owners?: (request: FastifyRequest) => readonly string[];
  /** What else a change says. Nothing that is secret. */
  readonly detail?: (request: FastifyRequest) => Readonly<Record<string, unknown>>;
  /** Whether there is anything to tell of this request; there is, when left out. */
  readonly when?: (request: FastifyRequest) => boolean;
  /** It stays open: written when it begins. */
  readonly isFeed?: true;
}

/** `nothing`: who asks is of no interest, because the answer is the same for everybody. */
export type AuditDeclaration = RouteAudit | "nothing";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What the route declares for the audit; none can be added without. */
    audit?: AuditDeclaration;
  }
}

/** @throws Error for a route that does not say what of it belongs into the audit */
export function assertDeclared(route: {
  readonly method: string | string[];
  readonly url: string;
  readonly config?: { readonly audit?: AuditDeclaration };
}): void {
  if (route.config?.audit !== undefined) return;
  throw new Error(
    `${String(route.method)} ${route.url} declares nothing for the audit: give the route a config.audit, ` +
      `{ action, kind, subject } or "nothing" (streams/src/http/route-audit.ts)`,
  );
}
