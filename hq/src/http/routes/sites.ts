import type { SitesReply } from "@landfall/proto/api";
import type { HqApp, HqContext } from "../context.js";
import { answers, SitesReplySchema } from "../schemas.js";

export function addSiteRoutes(app: HqApp, { sitesFor }: HqContext): void {
  app.get(
    "/api/sites",
    {
      schema: {
        tags: ["sites"],
        summary: "Sites and links, what each holds and lacks, as far as you may know them",
        response: answers(SitesReplySchema),
      },
    },
    (request): SitesReply => sitesFor(request.principal),
  );
}
