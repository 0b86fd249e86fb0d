import type { ShipsReply, ShipState } from "@landfall/proto/api";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { shipHistory, type ShipHistorySources } from "../../history/ship-history.js";
import { isExcerpt } from "../../view/excerpt.js";
import { kindOfStream } from "../../view/kinds.js";
import type { HqApp, HqContext } from "../context.js";
import { checkShip, notFound } from "../refusals.js";
import { answers, answersIn, ShipHistorySchema, ShipsReplySchema, ShipStateSchema } from "../schemas.js";
import { actionOf, EXPORT_TYPES, HistoryQuery, rangeOf, sendHistory } from "../send-history.js";

const tags = ["ships"];
const shipOf = (request: FastifyRequest): string => (request.params as { readonly imo: string }).imo;
const Params = Type.Object({ imo: Type.String({ minLength: 1, maxLength: 16 }) });

/** Ships, one ship, its history: as much of them as somebody may know. */
export function addShipRoutes(app: HqApp, { node, view, perspectives, histories, historyParts }: HqContext): void {
  app.get(
    "/api/ships",
    {
      config: { audit: { action: "ship.list", kind: "read" } },
      schema: { tags, summary: "Ships that belong on your map now", response: answers(ShipsReplySchema) },
    },
    (request): ShipsReply => ({ ships: perspectives.of(request.principal).ships() }),
  );

  app.get(
    "/api/ships/:imo",
    {
      config: { audit: { action: "ship.show", kind: "read", subject: shipOf } },
      schema: { tags, summary: "Latest state of one ship", params: Params, response: answers(ShipStateSchema) },
    },
    (request): ShipState => {
      checkShip(request.params.imo);
      const known = perspectives.of(request.principal).ship(request.params.imo);
      if (!known) throw notFound("ship");
      return known.state;
    },
  );

  app.get(
    "/api/ships/:imo/history",
    {
      config: { audit: { action: actionOf("ship"), kind: "read", subject: shipOf } },
      schema: {
        tags,
        summary: "Positions, weather and port calls; for who only has cargo aboard, its positions of that time",
        params: Params,
        querystring: HistoryQuery,
        response: answersIn(ShipHistorySchema, ...EXPORT_TYPES),
      },
    },
    async (request, reply) => {
      const { imo } = request.params;
      checkShip(imo);
      const range = rangeOf(request.query);
      const perspective = perspectives.of(request.principal);
      const known = perspective.ship(imo);
      if (!known) throw notFound("ship");
      const streams = [...(view.ships.get(imo)?.keys() ?? [])].filter((name) => !isExcerpt(name));
      const sources: ShipHistorySources = {
        readable: streams.filter((stream) => perspective.readable.has(stream)),
        positionsOf: streams.filter((stream) => kindOfStream(stream) === "ships" && !perspective.readable.has(stream)),
        cargo: perspective.cargoOn(imo).spans,
        parts: streams
          .filter((stream) => !perspective.readable.has(stream))
          .map((stream) => ({ stream, scope: node.policy.scope(request.principal, stream) })),
      };
      const history = await histories.run(() => shipHistory(historyParts, sources, imo, range));
      return sendHistory(reply, request.query, { kind: "ship", id: imo, name: known.state.name }, history);
    },
  );
}
