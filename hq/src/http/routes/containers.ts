import type {
  ContainerHistoryReply,
  ContainersReply,
  ContainerState,
  ContainerStatus,
  Excursion,
  ExcursionsReply,
  VoyagesReply,
} from "@landfall/proto/api";
import { LandfallError } from "@landfall/streams/model/errors";
import { ownerOfStream, type StreamName } from "@landfall/streams/model/names";
import type { FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";
import { excursionsOf, type Limit } from "../../history/excursions.js";
import type { History } from "../../history/container-history.js";
import { toPoint } from "../../history/read.js";
import { readableHistory } from "../../history/readable-history.js";
import { CONTAINERS_LIMIT_DEFAULT, CONTAINERS_LIMIT_MAX, EXCURSIONS_MAX, ZOOM_MAX } from "../../limits.js";
import { voyagesFor } from "../../grants/voyages.js";
import { parseBoundingBox } from "../../map/bbox.js";
import { NUMBER_FIELDS } from "../../view/measurements.js";
import { STATUSES } from "../../view/status.js";
import type { HqApp, HqContext } from "../context.js";
import { checkContainer, notFound } from "../refusals.js";
import {
  answers,
  answersIn,
  ContainerHistorySchema,
  ContainersReplySchema,
  ContainerStateSchema,
  ExcursionsSchema,
  VoyagesReplySchema,
} from "../schemas.js";
import { HistoryQuery, RangeQuery, actionOf, rangeOf, sendHistory, EXPORT_TYPES } from "../send-history.js";

const tags = ["containers"];
const containerOf = (request: FastifyRequest): string => (request.params as { readonly id: string }).id;
const Params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 32 }) });
const STATUS_PATTERN = `(${STATUSES.join("|")})`;
const STATUSES_PATTERN = `^${STATUS_PATTERN}(,${STATUS_PATTERN})*$`;
const ExcursionsQuery = Type.Object(
  {
    ...RangeQuery.properties,
    field: Type.String({ enum: [...NUMBER_FIELDS], default: "temperatureC" }),
    above: Type.Optional(Type.Number({ description: "In the field's own unit; this or `below`" })),
    below: Type.Optional(Type.Number()),
  },
  { additionalProperties: false },
);
const Words = (description: string) => Type.String({ minLength: 1, maxLength: 64, description });

/** The map's containers, one container, its history. */
export function addContainerRoutes(
  app: HqApp,
  { node, view, perspectives, finder, histories, historyParts }: HqContext,
): void {
  const streamsOf = (container: string, readable: ReadonlySet<StreamName>): StreamName[] =>
    [...(view.containers.get(container)?.keys() ?? [])].filter((stream) => readable.has(stream));
  /** Whose readings the answer holds. */
  const ownersOf = (request: FastifyRequest): string[] =>
    streamsOf(containerOf(request), perspectives.of(request.principal).readable).map(ownerOfStream);

  /** As much of it as the asking person may read. */
  const historyOf = async (request: FastifyRequest, container: string): Promise<History<ContainerHistoryReply>> => {
    checkContainer(container);
    const range = rangeOf(request.query as Static<typeof RangeQuery>);
    const perspective = perspectives.of(request.principal);
    if (!perspective.containers.has(container)) throw notFound("container");
    const parts = { view, policy: node.policy, histories, historyParts };
    return readableHistory(parts, request.principal, container, range);
  };

  app.get(
    "/api/containers",
    {
      config: { audit: { action: "container.list", kind: "read" } },
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
            status: Type.Optional(
              Type.String({
                maxLength: 100,
                pattern: STATUSES_PATTERN,
                description: "Only those in one of these states, separated by commas: lost,door-open",
              }),
            ),
            owner: Type.Optional(Words("Only this company's")),
            limit: Type.Integer({ minimum: 1, maximum: CONTAINERS_LIMIT_MAX, default: CONTAINERS_LIMIT_DEFAULT }),
            after: Type.Optional(Words("`next` of the page before")),
          },
          { additionalProperties: false },
        ),
        response: answers(ContainersReplySchema),
      },
    },
    (request): ContainersReply => {
      const { bbox, status, ...search } = request.query;
      return finder.find(perspectives.of(request.principal), {
        ...search,
        ...(bbox !== undefined && { bbox: parseBoundingBox(bbox) }),
        ...(status !== undefined && { statuses: new Set(status.split(",") as ContainerStatus[]) }),
      });
    },
  );

  app.get(
    "/api/containers/:id",
    {
      config: { audit: { action: "container.show", kind: "read", subject: containerOf, owners: ownersOf } },
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
    "/api/containers/:id/voyages",
    {
      config: { audit: { action: "container.voyages", kind: "read", subject: containerOf, owners: ownersOf } },
      schema: {
        tags,
        summary: "Stays of a container between two gates, or bookings, as far as you may know them; the newest first",
        params: Params,
        response: answers(VoyagesReplySchema),
      },
    },
    (request): VoyagesReply => {
      const container = request.params.id;
      checkContainer(container);
      const { containers, readable } = perspectives.of(request.principal);
      if (!containers.has(container)) throw notFound("container");
      return { voyages: voyagesFor(view, container, readable) };
    },
  );

  app.get(
    "/api/containers/:id/history",
    {
      config: { audit: { action: actionOf("container"), kind: "read", subject: containerOf, owners: ownersOf } },
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
      const history = await historyOf(request, container);
      return sendHistory(reply, request.query, { kind: "container", id: container, name: container }, history);
    },
  );

  app.get(
    "/api/containers/:id/excursions",
    {
      config: { audit: { action: "container.excursions", kind: "read", subject: containerOf, owners: ownersOf } },
      schema: {
        tags,
        summary: "When one of its measurements was above or below a limit, how far, and where: out of every reading",
        params: Params,
        querystring: ExcursionsQuery,
        response: answers(ExcursionsSchema),
      },
    },
    async (request): Promise<ExcursionsReply> => {
      const container = request.params.id;
      const limit = limitOf(request.query);
      const { readings, events, gaps } = await historyOf(request, container);
      const measured = readings.filter((reading) => reading[limit.field] !== undefined);
      const all = excursionsOf(measured.map(toPoint), gaps, events, limit);
      return {
        container,
        field: limit.field,
        [limit.side]: limit.value,
        readings: measured.length,
        total: all.length,
        excursions: longest(all, EXCURSIONS_MAX),
        gaps,
      };
    },
  );
}

/** @throws LandfallError INVALID_ARGUMENT unless there is one limit */
function limitOf({ field, above, below }: Static<typeof ExcursionsQuery>): Limit {
  const known = NUMBER_FIELDS.find((one) => one === field);
  const value = above ?? below;
  if (known === undefined || value === undefined || (above !== undefined && below !== undefined)) {
    throw new LandfallError("INVALID_ARGUMENT", "querystring: want one limit, above or below, e.g. above=-15");
  }
  return { field: known, side: above === undefined ? "below" : "above", value };
}

/** Those of most readings, in their order. */
function longest(all: readonly Excursion[], max: number): readonly Excursion[] {
  if (all.length <= max) return all;
  const kept = new Set(all.toSorted((a, b) => b.readings - a.readings).slice(0, max));
  return all.filter((one) => kept.has(one));
}
