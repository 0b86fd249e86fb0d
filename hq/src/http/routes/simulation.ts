import type { SimulationState } from "@landfall/proto/api";
import { problemResponses } from "@landfall/streams/http/schemas";
import { LandfallError } from "@landfall/streams/model/errors";
import { locodeError } from "@landfall/proto/identifiers";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { mayControl } from "../../auth/controls.js";
import { BODY_BYTES_MAX } from "../../limits.js";
import { withoutControls } from "../../simulation/feed.js";
import type { SimulatorAnswer, SimulatorClient } from "../../simulation/client.js";
import type { HqApp, HqContext } from "../context.js";
import { checkShip, notFound } from "../refusals.js";
import { answers, SimulationStateSchema } from "../schemas.js";

const tags = ["simulation"];
const ShipParams = Type.Object({ imo: Type.String({ minLength: 1, maxLength: 16 }) });
const Locode = Type.String({ minLength: 5, maxLength: 5, description: "UN/LOCODE" });
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
    { schema: { tags, summary: "The simulated voyage", response: answers(SimulationStateSchema) } },
    async (request): Promise<SimulationState> => {
      const state = await control().state();
      return mayControl(request.principal, settings) ? state : withoutControls(state);
    },
  );

  app.post(
    "/api/simulation/ships/:imo/arrive",
    {
      ...guarded,
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

  app.patch(
    "/api/simulation/links/:id",
    {
      ...guarded,
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
