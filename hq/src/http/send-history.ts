import { Readable } from "node:stream";
import type { HistoryGap } from "@landfall/proto/api";
import { LandfallError } from "@landfall/streams/model/errors";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";
import { toCsv } from "../history/csv.js";
import { toGeoJson } from "../history/geojson.js";
import { toGpx } from "../history/gpx.js";
import { toPoint, type HistoryReading, type TimeRange } from "../history/read.js";
import { thin } from "../history/thin.js";
import { EXPORT_PIECE_CHARS, HISTORY_POINTS_DEFAULT, HISTORY_POINTS_MAX, HISTORY_POINTS_MIN } from "../limits.js";

export const RangeQuery = Type.Object({
  from: Type.Optional(Type.String({ format: "date-time", description: "Measured at or after" })),
  to: Type.Optional(Type.String({ format: "date-time", description: "Measured before" })),
});

export const HistoryQuery = Type.Object(
  {
    ...RangeQuery.properties,
    maxPoints: Type.Optional(
      Type.Integer({
        minimum: HISTORY_POINTS_MIN,
        maximum: HISTORY_POINTS_MAX,
        description: `Thinned without losing extremes; ${HISTORY_POINTS_DEFAULT} by default for json, everything for the others`,
      }),
    ),
    format: Type.String({ enum: ["json", "geojson", "csv", "gpx"], default: "json" }),
  },
  { additionalProperties: false },
);

export const EXPORT_TYPES = ["application/geo+json", "text/csv", "application/gpx+xml"] as const;

export interface HistorySubject {
  readonly kind: "container" | "ship";
  readonly id: string;
  /** For people: the container's number, the ship's name. */
  readonly name: string;
}

/** What the audit calls it: a file leaves the house, a history is looked at. */
export const actionOf =
  (kind: HistorySubject["kind"]) =>
  (request: FastifyRequest): string =>
    isExport(request) ? `${kind}.export` : `${kind}.history`;

export function isExport({ query }: Pick<FastifyRequest, "query">): boolean {
  const { format } = query as { readonly format?: string };
  return format !== undefined && format !== "json";
}

/** @throws LandfallError INVALID_ARGUMENT */
export function rangeOf({ from, to }: Static<typeof RangeQuery>): TimeRange {
  const range = {
    ...(from !== undefined && { from: Date.parse(from) }),
    ...(to !== undefined && { to: Date.parse(to) }),
  };
  if (range.from !== undefined && range.to !== undefined && range.from > range.to) {
    throw new LandfallError("INVALID_ARGUMENT", "querystring/to: the time ends before it begins");
  }
  return range;
}

/** Sends a history in the format asked for; what is for other programs comes as a file. */
export function sendHistory(
  reply: FastifyReply,
  { format, maxPoints }: Pick<Static<typeof HistoryQuery>, "format" | "maxPoints">,
  subject: HistorySubject,
  {
    readings,
    ...history
  }: {
    readonly readings: readonly HistoryReading[];
    readonly gaps: readonly HistoryGap[];
    readonly total: number;
  },
): FastifyReply {
  const wanted = maxPoints ?? (format === "json" ? HISTORY_POINTS_DEFAULT : HISTORY_POINTS_MAX);
  const points = thin(readings, wanted).map(toPoint);
  const { kind, id, name } = subject;
  switch (format) {
    case "csv":
      return file("csv", "text/csv; charset=utf-8; header=present").send(
        inPieces(toCsv({ column: kind, value: id }, points)),
      );
    case "gpx":
      return file("gpx", "application/gpx+xml").send(inPieces(toGpx(name, points, history.gaps)));
    case "geojson":
      return file("geojson", "application/geo+json").send(
        inPieces(toGeoJson(id, { kind, [kind]: id, name, total: history.total }, points, history.gaps)),
      );
    default:
      return reply.send({ ...history, points });
  }

  function file(extension: string, type: string): FastifyReply {
    return reply.type(type).header("content-disposition", `attachment; filename="landfall-${id}.${extension}"`);
  }
}

/** Lines in pieces that are worth sending. As bytes, since to text a charset would be added, which GeoJSON does not have. */
function inPieces(lines: Iterable<string>): Readable {
  return Readable.from(
    (function* () {
      let piece = "";
      for (const line of lines) {
        piece += line;
        if (piece.length < EXPORT_PIECE_CHARS) continue;
        yield Buffer.from(piece);
        piece = "";
      }
      if (piece !== "") yield Buffer.from(piece);
    })(),
  );
}
