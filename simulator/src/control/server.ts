import type { LinkPatch, Problem } from "@landfall/proto/api";
import fastify, { type FastifyError, type FastifyInstance } from "fastify";
import { Type } from "typebox";
import { SimulatorError } from "../errors.js";
import { LINK_JITTER_MS_MAX, LINK_KBPS_MAX, LINK_LATENCY_MS_MAX, LINK_LOSS_PCT_MAX, OVERBOARD_MAX } from "../limits.js";
import type { Command } from "../world/state.js";

/** What the voyage controls steer. */
export interface Controls {
  state(): unknown;
  /** Why the simulation is not ready, or undefined. */
  notReady(): string | undefined;
  /** @throws SimulatorError */
  command(command: Command): void;
  /** Resolves when commands given so far have taken effect, or soon after. */
  settled(): Promise<void>;
  arrivalMs(): number;
  /** @throws SimulatorError */
  patchLink(id: string, patch: LinkPatch): unknown;
  /** Unless it is to `stay` down, it is started again. @throws SimulatorError */
  killNode(site: string, stay: boolean): Promise<void>;
  /** @throws SimulatorError */
  startNode(site: string): Promise<void>;
  viewer(): void;
  metrics(): string;
  /** Something went wrong inside; for the log. */
  failed(error: unknown): void;
}

const CLOSED = { additionalProperties: false } as const;
const ShipParams = Type.Object({ imo: Type.String({ pattern: "^[0-9]{1,10}$" }) });
const ArriveBody = Type.Object({ port: Type.String({ maxLength: 20 }) }, CLOSED);
const DepartBody = Type.Object({ to: Type.String({ maxLength: 20 }) }, CLOSED);
const OverboardBody = Type.Object({ count: Type.Integer({ minimum: 1, maximum: OVERBOARD_MAX }) }, CLOSED);
const NodeParams = Type.Object({ site: Type.String({ maxLength: 64 }) });
const KillBody = Type.Object({ stay: Type.Boolean() }, CLOSED);
const LinkParams = Type.Object({ id: Type.String({ maxLength: 200 }) });
const LinkBody = Type.Object(
  {
    state: Type.Optional(Type.Enum(["up", "down", "half-open"])),
    latencyMs: Type.Optional(Type.Number({ minimum: 0, maximum: LINK_LATENCY_MS_MAX })),
    kbps: Type.Optional(Type.Number({ minimum: 0, maximum: LINK_KBPS_MAX })),
    lossPct: Type.Optional(Type.Number({ minimum: 0, maximum: LINK_LOSS_PCT_MAX })),
    jitterMs: Type.Optional(Type.Number({ minimum: 0, maximum: LINK_JITTER_MS_MAX })),
  },
  { ...CLOSED, minProperties: 1 },
);

/** The control interface of the demo's simulation. */
export function controlServer(controls: Controls): FastifyInstance {
  const app = fastify({
    bodyLimit: 16 * 1024,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  });
  app.setErrorHandler((error, _request, reply) => {
    const problem = toProblem(error);
    if (problem.status >= 500) controls.failed(error);
    return reply.code(problem.status).type("application/problem+json").send(problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const detail = `nothing answers ${request.method} ${request.url.slice(0, 100)}; there are GET /state, POST /ships/{imo}/arrive, POST /ships/{imo}/depart, POST /ships/{imo}/overboard, POST /nodes/{site}/kill, POST /nodes/{site}/start, PATCH /links/{id}, POST /viewer`;
    return reply
      .code(404)
      .type("application/problem+json")
      .send(problemOf(404, "NOT_FOUND", detail));
  });

  app.get("/healthz", () => ({ status: "ok" }));
  app.get("/readyz", (_request, reply) => {
    const reason = controls.notReady();
    return reason === undefined ? { status: "ready" } : reply.code(503).send({ status: "not ready", reason });
  });
  app.get("/metrics", (_request, reply) => reply.type("text/plain; version=0.0.4").send(controls.metrics()));
  app.get("/state", () => controls.state());
  app.post("/viewer", () => {
    controls.viewer();
    return controls.state();
  });
  app.post("/ships/:imo/arrive", { schema: { params: ShipParams, body: ArriveBody } }, async (request) => {
    const { imo } = request.params as { imo: string };
    const { port } = request.body as { port: string };
    controls.command({ type: "arrive", imo, port: port.toUpperCase(), withinMs: controls.arrivalMs() });
    await controls.settled();
    return controls.state();
  });
  app.post("/ships/:imo/depart", { schema: { params: ShipParams, body: DepartBody } }, async (request) => {
    const { imo } = request.params as { imo: string };
    const { to } = request.body as { to: string };
    controls.command({ type: "depart", imo, to: to.toUpperCase() });
    await controls.settled();
    return controls.state();
  });
  app.post("/ships/:imo/overboard", { schema: { params: ShipParams, body: OverboardBody } }, async (request) => {
    const { imo } = request.params as { imo: string };
    const { count } = request.body as { count: number };
    controls.command({ type: "overboard", imo, count });
    await controls.settled();
    return controls.state();
  });
  app.post("/nodes/:site/kill", { schema: { params: NodeParams, body: KillBody } }, async (request) => {
    const { site } = request.params as { site: string };
    await controls.killNode(site, (request.body as { stay: boolean }).stay);
    return controls.state();
  });
  app.post("/nodes/:site/start", { schema: { params: NodeParams } }, async (request) => {
    await controls.startNode((request.params as { site: string }).site);
    return controls.state();
  });
  app.patch("/links/:id", { schema: { params: LinkParams, body: LinkBody } }, (request) => {
    const { id } = request.params as { id: string };
    return controls.patchLink(id, request.body as LinkPatch);
  });
  return app;
}

function toProblem(error: unknown): Problem {
  if (error instanceof SimulatorError) return problemOf(error.status, error.code, error.message);
  const { validation, validationContext, statusCode, message } = error as Partial<FastifyError>;
  const first = validation?.[0];
  if (first !== undefined) {
    const extra = first.params["missingProperty"] ?? first.params["additionalProperty"];
    const allowed = first.params["allowedValues"];
    const field = `${validationContext ?? "request"}${first.instancePath}`;
    const what = typeof extra === "string" ? ` (${extra})` : Array.isArray(allowed) ? `: ${allowed.join(", ")}` : "";
    return problemOf(400, "INVALID_ARGUMENT", `${field} ${first.message ?? "is not valid"}${what}`);
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return problemOf(statusCode, "INVALID_ARGUMENT", message ?? "the request is not valid");
  }
  return problemOf(500, "INTERNAL", "something went wrong inside the simulator; its log says what");
}

const TITLES: Readonly<Record<string, string>> = {
  NOT_FOUND: "Not found",
  CONFLICT: "Not possible now",
  INVALID_ARGUMENT: "The request is not valid",
  OVERLOADED: "Too much at once",
  INTERNAL: "Something went wrong inside the simulator",
};

function problemOf(status: number, code: string, detail: string): Problem {
  return { type: "about:blank", title: TITLES[code] ?? code, status, code, detail };
}
