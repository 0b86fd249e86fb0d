import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import { streamName } from "../../model/names.js";
import type { LandfallNode } from "../../node/node.js";
import type { Readiness } from "../../node/readiness.js";
import { noSuchRoute } from "../problem.js";
import { problemResponses, ReadinessSchema } from "../schemas.js";

export interface HealthParts extends Pick<LandfallNode, "self" | "policy" | "principals" | "registry"> {
  readonly readiness: Readiness;
}

/**
 * What machines ask: is it alive, may it be sent work (open to everybody), how is it doing. The last tells of links, peers and
 * backlog as the records of `<owner>.metrics` do, and is for who may read these.
 */
export function addHealthRoutes(http: FastifyInstance, parts: HealthParts): void {
  const { self, policy, principals, readiness, registry } = parts;
  const metrics = streamName(`${self.owner}.metrics`);
  const app = http.withTypeProvider<TypeBoxTypeProvider>();
  const tags = ["health"];
  app.get("/healthz", { config: { audit: "nothing" }, schema: { tags, summary: "Alive" } }, (_request, reply) =>
    reply.type("text/plain; charset=utf-8").send("ok\n"),
  );
  app.get(
    "/readyz",
    {
      config: { audit: "nothing" },
      schema: {
        tags,
        summary: "Ready; 503 with the reasons when not",
        response: { 200: ReadinessSchema, 503: ReadinessSchema },
      },
    },
    (_request, reply) => {
      const reasons = readiness.reasons();
      void reply.code(reasons.length === 0 ? 200 : 503);
      const warnings = readiness.warnings();
      return { ready: reasons.length === 0, reasons, ...(warnings.length > 0 && { warnings }) };
    },
  );
  http.get(
    "/metrics",
    {
      config: { audit: { action: "site.metrics", kind: "read" } },
      schema: { tags, summary: "For Prometheus, where it may read the site's metrics", response: problemResponses },
    },
    async (request, reply) => {
      const principal = await principals.resolve(request);
      if (!policy.allows(principal, "read", metrics)) throw noSuchRoute(request);
      return reply
        .type(registry.contentType)
        .header("cache-control", "no-store")
        .send(await registry.metrics());
    },
  );
}
