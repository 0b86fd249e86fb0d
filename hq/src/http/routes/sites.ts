import type { SiteHealthReply, SitesReply } from "@landfall/proto/api";
import { Type } from "typebox";
import { HEALTH_HOURS_DEFAULT, HEALTH_HOURS_MAX } from "../../limits.js";
import { healthStreams, siteHealth } from "../../sites/site-health.js";
import type { HqApp, HqContext } from "../context.js";
import { notFound } from "../refusals.js";
import { answers, SiteHealthReplySchema, SitesReplySchema } from "../schemas.js";

const HOUR_MS = 3_600_000;

export function addSiteRoutes(app: HqApp, { sitesFor, node, settings }: HqContext): void {
  app.get(
    "/api/sites",
    {
      config: { audit: { action: "site.list", kind: "read" } },
      schema: {
        tags: ["sites"],
        summary: "Sites and links, what each holds and lacks, as far as you may know them",
        response: answers(SitesReplySchema),
      },
    },
    (request): SitesReply => sitesFor(request.principal),
  );

  app.get(
    "/api/sites/:site/health",
    {
      config: {
        audit: {
          action: "site.health",
          kind: "read",
          subject: ({ params }) => (params as { readonly site: string }).site,
        },
      },
      schema: {
        tags: ["sites"],
        summary: "What the nodes of a site wrote of themselves: metrics, thinned without losing peaks, and exceptions",
        params: Type.Object({ site: Type.String({ minLength: 1, maxLength: 64 }) }),
        querystring: Type.Object(
          { hours: Type.Number({ minimum: 0.1, maximum: HEALTH_HOURS_MAX, default: HEALTH_HOURS_DEFAULT }) },
          { additionalProperties: false },
        ),
        response: answers(SiteHealthReplySchema),
      },
    },
    async (request): Promise<SiteHealthReply> => {
      const entry = settings.sites.find(({ site }) => site === request.params.site);
      const { metrics, exceptions } = healthStreams(entry?.owner ?? "nobody");
      const mayRead = [metrics, exceptions].every((stream) => node.policy.allows(request.principal, "read", stream));
      if (!entry || !mayRead) throw notFound("site");
      return siteHealth(node.store, entry.site, entry.owner, node.env.now() - request.query.hours * HOUR_MS);
    },
  );
}
