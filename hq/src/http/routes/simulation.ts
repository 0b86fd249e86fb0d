import type { SimulationState } from "@landfall/proto/api";
import { problemResponses } from "@landfall/streams/http/schemas";
import { LandfallError } from "@landfall/streams/model/errors";
import { locodeError } from "@landfall/proto/identifiers";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { mayControl } from "../../auth/controls.js";
import { BODY_BYTES_MAX, OVERBOARD_MAX } from "../../limits.js";
import { withoutControls } from "../../simulation/feed.js";
import type { SimulatorAnswer, SimulatorClient } from "../../simulation/client.js";
import type { HqApp, HqContext } from "../context.js";
import { checkShip, notFound } from "../refusals.js";
import { answers, SimulationStateSchema } from "../schemas.js";

const tags = ["simulation"];
const ShipParams = Type.Object({ imo: Type.String({ minLength: 1, maxLength: 16 }) });
const Locode = Type.String({ minLength: 5, maxLength: 5, description: "UN/LOCODE" });
const NodeParams = Type.Object({ site: Type.String({ minLength: 1, maxLength: 64, pattern: "^[a-z0-9-]+$" }) });
const siteOf = ({ params }: FastifyRequest) => (params as { readonly site: string }).site;
const detail = ({ body }: FastifyRequest) => body as Readonly<Record<string, unknown>>;
const done = { 200: Type.Object({}, { description: "What the simulator answered" }), ...problemResponses };

/** The demo's voyage controls, passed on to the simulator. Where none runs, and for all others, there is no such route. */
export function addSimulationRoutes(app: HqApp, { settings, simulator }: HqContext): void {
  const controllersOnly = (request: FastifyRequest, _reply: FastifyReply, next: (error?: Error) => void): void =>
    next(mayControl(request.principal, settings) ? undefined : notFound("route"));
  const control = (): SimulatorClient => {
    if (!simulator) throw notFound("route");
    return simulator;
  };
  const guarded = { onRequest: controllersOnly, bodyLimit: BODY_BYTES_MAX };

  app.get(
    "/api/simulation",
    {
      config: { audit: "nothing" },
      schema: { tags, summary: "The simulated voyage", response: answers(SimulationStateSchema) },
    },
    async (request): Promise<SimulationState> => {
      const state = await control().state();
      return mayControl(request.principal, settings) ? state : withoutControls(state);
    },
  );

  app.post(
    "/api/simulation/ships/:imo/arrive",
    {
      ...guarded,
      config: {
        audit: {
          action: "simulation.arrive",
          kind: "change",
          subject: ({ params }) => (params as { readonly imo: string }).imo,
          detail,
        },
      },
      schema: {
        tags,
        summary: "Let a ship arrive in port",
        params: ShipParams,
        body: Type.Object({ port: Locode }, { additionalProperties: false }),
        response: done,
      },
    },
    async (request, reply) => {
      checkShip(request.params.imo);
      checkPlace("port", request.body.port);
      return pass(reply, await control().ask("POST", `/ships/${request.params.imo}/arrive`, request.body));
    },
  );

  app.post(
    "/api/simulation/ships/:imo/depart",
    {
      ...guarded,
      config: {
        audit: {
          action: "simulation.depart",
          kind: "change",
          subject: ({ params }) => (params as { readonly imo: string }).imo,
          detail,
        },
      },
      schema: {
        tags,
        summary: "Let a ship leave for a port",
        params: ShipParams,
        body: Type.Object({ to: Locode }, { additionalProperties: false }),
        response: done,
      },
    },
    async (request, reply) => {
      checkShip(request.params.imo);
      checkPlace("to", request.body.to);
      return pass(reply, await control().ask("POST", `/ships/${request.params.imo}/depart`, request.body));
    },
  );

  app.post(
    "/api/simulation/ships/:imo/overboard",
    {
      ...guarded,
      config: {
        audit: {
          action: "simulation.overboard",
          kind: "change",
          subject: ({ params }) => (params as { readonly imo: string }).imo,
          detail,
        },
      },
      schema: {
        tags,
        summary: "Throw containers of a ship at sea over the side",
        params: ShipParams,
        body: Type.Object(
          { count: Type.Integer({ minimum: 1, maximum: OVERBOARD_MAX }) },
          { additionalProperties: false },
        ),
        response: done,
      },
    },
    async (request, reply) => {
      checkShip(request.params.imo);
      return pass(reply, await control().ask("POST", `/ships/${request.params.imo}/overboard`, request.body));
    },
  );

  app.post(
    "/api/simulation/nodes/:site/kill",
    {
      ...guarded,
      config: { audit: { action: "simulation.kill", kind: "change", subject: siteOf, detail } },
      schema: {
        tags,
        summary: "Kill a node of the demo; it is started again unless it is to stay down",
        params: NodeParams,
        body: Type.Object({ stay: Type.Boolean() }, { additionalProperties: false }),
        response: done,
      },
    },
    async (request, reply) => {
      const { site } = request.params;
      // Whoever has just said it would not see how to undo it.
      if (site === settings.site && request.body.stay) {
        const how = `kill it without stay, or \`npx landfall kill ${site} --stay\``;
        throw new LandfallError("CONFLICT", `this headquarters serves the map that you look at: ${how}`);
      }
      return pass(reply, await control().ask("POST", `/nodes/${site}/kill`, request.body));
    },
  );

  app.post(
    "/api/simulation/nodes/:site/start",
    {
      ...guarded,
      config: { audit: { action: "simulation.start", kind: "change", subject: siteOf } },
      schema: { tags, summary: "Start a node of the demo that was killed", params: NodeParams, response: done },
    },
    async (request, reply) => pass(reply, await control().ask("POST", `/nodes/${request.params.site}/start`)),
  );

  app.patch(
    "/api/simulation/links/:id",
    {
      ...guarded,
      config: {
        audit: {
          action: "simulation.link",
          kind: "change",
          subject: ({ params }) => (params as { readonly id: string }).id,
          detail,
        },
      },
      schema: {
        tags,
        summary: "Cut, slow down or restore a link",
        params: Type.Object({ id: Type.String({ minLength: 1, maxLength: 200, pattern: "^[a-z0-9~-]+$" }) }),
        body: Type.Object(
          {
            state: Type.Optional(Type.String({ enum: ["up", "down", "half-open"] })),
            latencyMs: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
            kbps: Type.Optional(Type.Number({ minimum: 0, maximum: 10_000_000, description: "0: unlimited" })),
            lossPct: Type.Optional(Type.Number({ minimum: 0, maximum: 50 })),
            jitterMs: Type.Optional(Type.Number({ minimum: 0, maximum: 10_000 })),
          },
          { additionalProperties: false, minProperties: 1 },
        ),
        response: done,
      },
    },
    async (request, reply) =>
      pass(reply, await control().ask("PATCH", `/links/${encodeURIComponent(request.params.id)}`, request.body)),
  );
}

function checkPlace(field: string, locode: string): void {
  const error = locodeError(locode);
  if (error) throw new LandfallError("INVALID_ARGUMENT", `body/${field}: ${error}`);
}

function pass(reply: FastifyReply, { status, contentType, body }: SimulatorAnswer): FastifyReply {
  // Only what it says for people and programs; never another kind of page.
  const type = /^application\/(problem\+)?json\b/.test(contentType) ? contentType : "application/json";
  return reply
    .code(status)
    .type(type)
    .send(body === "" ? "{}" : body);
}
