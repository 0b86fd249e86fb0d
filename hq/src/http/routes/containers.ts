import type { ContainersReply, ContainerState } from "@landfall/proto/api";
import { Type } from "typebox";
import { containerHistory } from "../../history/container-history.js";
import { CONTAINERS_LIMIT_DEFAULT, CONTAINERS_LIMIT_MAX, ZOOM_MAX } from "../../limits.js";
import { parseBoundingBox } from "../../map/bbox.js";
import type { HqApp, HqContext } from "../context.js";
import { checkContainer, notFound } from "../refusals.js";
import { answers, answersIn, ContainerHistorySchema, ContainersReplySchema, ContainerStateSchema } from "../schemas.js";
import { HistoryQuery, rangeOf, sendHistory, EXPORT_TYPES } from "../send-history.js";

const tags = ["containers"];
const Params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 32 }) });
const Words = (description: string) => Type.String({ minLength: 1, maxLength: 64, description });

/** The map's containers, one container, its history. */
export function addContainerRoutes(
  app: HqApp,
  { view, perspectives, finder, histories, historyParts }: HqContext,
): void {
  app.get(
    "/api/containers",
    {
      schema: {
        tags,
        summary: "Latest states as GeoJSON: clustered for a zoom level, or single ones page by page",
        querystring: Type.Object(
          {
            bbox: Type.Optional(Words("west,south,east,north in degrees; west > east or east > 180 across 180°")),
            zoom: Type.Optional(Type.Integer({ minimum: 0, maximum: ZOOM_MAX })),
            q: Type.Optional(Words("Part of a container number")),
            vessel: Type.Optional(Words("Only those aboard this ship (IMO number)")),
            location: Type.Optional(Words("Only those in this terminal (UN/LOCODE)")),
            limit: Type.Integer({ minimum: 1, maximum: CONTAINERS_LIMIT_MAX, default: CONTAINERS_LIMIT_DEFAULT }),
            after: Type.Optional(Words("`next` of the page before")),
          },
          { additionalProperties: false },
        ),
        response: answers(ContainersReplySchema),
      },
    },
    (request): ContainersReply => {
      const { bbox, ...search } = request.query;
      const box = bbox === undefined ? {} : { bbox: parseBoundingBox(bbox) };
      return finder.find(perspectives.of(request.principal), { ...search, ...box });
    },
  );

  app.get(
    "/api/containers/:id",
    {
      schema: {
        tags,
        summary: "Latest state of one container",
        params: Params,
        response: answers(ContainerStateSchema),
      },
    },
    (request): ContainerState => {
      checkContainer(request.params.id);
      const state = perspectives.of(request.principal).containers.get(request.params.id);
      if (!state) throw notFound("container");
      return state;
    },
  );

  app.get(
    "/api/containers/:id/history",
    {
      schema: {
        tags,
        summary: "Readings and events of one container, out of every stream that you may read",
        params: Params,
        querystring: HistoryQuery,
        response: answersIn(ContainerHistorySchema, ...EXPORT_TYPES),
      },
    },
    async (request, reply) => {
      const container = request.params.id;
      checkContainer(container);
      const range = rangeOf(request.query);
      const perspective = perspectives.of(request.principal);
      if (!perspective.containers.has(container)) throw notFound("container");
      const streams = [...(view.containers.get(container)?.keys() ?? [])].filter((stream) =>
        perspective.readable.has(stream),
      );
      const history = await histories.run(() => containerHistory(historyParts, streams, container, range));
      return sendHistory(reply, request.query, { kind: "container", id: container, name: container }, history);
    },
  );
}
