import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import type { Readiness } from "../../node/readiness.js";
import { ReadinessSchema } from "../schemas.js";

/** What machines ask: is it alive, may it be sent work, how is it doing. Open to everybody. */
export function addHealthRoutes(http: FastifyInstance, readiness: Readiness, registry: Registry): void {
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
  app.get(
    "/metrics",
    { config: { audit: "nothing" }, schema: { tags, summary: "For Prometheus" } },
    async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  );
}
