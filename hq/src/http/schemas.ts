import { GAP_REASONS } from "@landfall/streams/model/gap";
import { PROBLEM_TYPE } from "@landfall/streams/http/problem";
import { ProblemSchema, problemResponses } from "@landfall/streams/http/schemas";
import { Type, type TSchema } from "typebox";
import { FLAG_FIELDS, NUMBER_FIELDS } from "../view/measurements.js";
import { STATUSES } from "../view/status.js";

const opt = Type.Optional;
const Text = (description?: string) => Type.String(description === undefined ? {} : { description });
const Time = (description?: string) =>
  Type.String({ format: "date-time", ...(description !== undefined && { description }) });
const words = () => Type.Array(Type.String());
const oneOf = (...values: string[]) => Type.String({ enum: values });

const measurementFields = Object.fromEntries([
  ...NUMBER_FIELDS.map((field) => [field, opt(Type.Number())]),
  ...FLAG_FIELDS.map((field) => [field, opt(Type.Boolean())]),
]) as Record<string, TSchema>;
const MeasurementsSchema = Type.Object(measurementFields, { additionalProperties: false });

const sessionFields = {
  user: Text(),
  displayName: Text(),
  groups: words(),
  roles: words(),
  site: Text(),
  owner: Text(),
  mayControl: Type.Boolean(),
  expires: Time(),
  tiles: opt(
    Type.Object(
      { url: Text(), attribution: Text(), maxZoom: Type.Integer() },
      { additionalProperties: false, description: "A server of map tiles that browsers may ask" },
    ),
  ),
  mayShare: opt(Type.Boolean({ description: "Whether they may make grants and links here" })),
  seenBy: opt(Text("The administrator who looks as this person")),
  mayRule: opt(Type.Boolean({ description: "Whether they may change rules here" })),
  shared: opt(Text("Container that a link shows, where that is how somebody came")),
  token: opt(Text("Only in the answer to POST: a bearer token for programs")),
};
export const SessionReplySchema = Type.Object(sessionFields, { additionalProperties: false });
export const SignedOutSchema = Object.assign(
  Type.Object({
    ...ProblemSchema.properties,
    setup: opt(Type.Boolean({ description: "The first administrator is still to be made, at /setup" })),
    provider: opt(Type.Object({ name: Text(), path: Text() }, { description: "Where else to sign in" })),
    demo: opt(Type.Object({ password: Text(), users: Type.Array(Type.Object({ username: Text(), sees: Text() })) })),
  }),
  { description: "Nobody is signed in" },
);

const personFields = {
  name: Text(),
  displayName: Text(),
  groups: words(),
  roles: words(),
  disabled: Type.Boolean(),
  signsIn: oneOf("password", "provider", "never"),
  source: oneOf("settings", "kept"),
};
export const PersonSchema = Type.Object(personFields, { additionalProperties: false });
export const PeopleReplySchema = Type.Object({ people: Type.Array(PersonSchema) }, { additionalProperties: false });

const tokenFields = {
  id: Text(),
  user: Text("As whom it speaks"),
  label: Text(),
  by: Text(),
  created: Time(),
  expires: Time(),
};
export const TokenSchema = Type.Object(
  { ...tokenFields, token: opt(Text("Only in the answer to POST: shown once")) },
  { additionalProperties: false },
);
export const TokensReplySchema = Type.Object(
  { tokens: Type.Array(Type.Object(tokenFields, { additionalProperties: false })) },
  { additionalProperties: false },
);

export const AuditReplySchema = Type.Object(
  {
    entries: Type.Array(
      Type.Object(
        {
          kind: oneOf("audit"),
          owner: Text("Whose audit it stands in"),
          site: Text("Where it was done"),
          offset: Type.Integer(),
          action: Text(),
          outcome: oneOf("allowed", "refused", "failed"),
          status: Type.Integer(),
          user: Text("Empty for somebody who has not said who they are"),
          as: opt(Text("As whom they looked, where they looked as somebody else")),
          via: oneOf("session", "token", "password", "certificate", "nobody"),
          credential: opt(Text("Names the session or the token")),
          address: Text(),
          subject: opt(Text()),
          detail: opt(Type.Object({})),
          count: Type.Integer(),
          first: Time(),
          last: Time(),
        },
        { additionalProperties: false },
      ),
    ),
    next: opt(Text("Pass as `before` for the next page")),
  },
  { additionalProperties: false },
);

const ContainerEventSchema = Type.Object(
  {
    type: oneOf("LOAD", "DISC", "GTIN", "GTOT"),
    time: Time(),
    location: opt(Text("UN/LOCODE")),
    vessel: opt(Text("IMO number")),
    voyage: opt(Text()),
    knownSince: Time(),
  },
  { additionalProperties: false },
);

const containerFields = {
  container: Text("ISO 6346"),
  owner: Text("Empty where the asking person may not know it"),
  status: oneOf(...STATUSES),
  time: Time("When the newest reading was measured"),
  knownSince: Time("When this site got it"),
  latitude: opt(Type.Number()),
  longitude: opt(Type.Number()),
  measurements: MeasurementsSchema,
  vessel: opt(Text("IMO number of the ship it is aboard of")),
  location: opt(Text("UN/LOCODE of the terminal it stands in")),
  lastEvent: opt(ContainerEventSchema),
};
export const ContainerStateSchema = Type.Object(containerFields, { additionalProperties: false });

const PointSchema = Type.Object({
  type: oneOf("Point"),
  coordinates: Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }),
});
const ContainerFeatureSchema = Type.Object({
  type: oneOf("Feature"),
  id: Text(),
  geometry: Type.Union([PointSchema, Type.Null()]),
  properties: Type.Object({ kind: oneOf("container"), ...containerFields }, { additionalProperties: false }),
});
const ClusterFeatureSchema = Type.Object({
  type: oneOf("Feature"),
  id: Text(),
  geometry: PointSchema,
  properties: Type.Object(
    {
      kind: oneOf("cluster"),
      count: Type.Integer(),
      statuses: Type.Object(Object.fromEntries(STATUSES.map((status) => [status, opt(Type.Integer())]))),
      expansionZoom: Type.Integer(),
      vessel: opt(Text()),
      location: opt(Text()),
    },
    { additionalProperties: false },
  ),
});
export const ContainersReplySchema = Type.Object(
  {
    type: oneOf("FeatureCollection"),
    features: Type.Array(Type.Union([ContainerFeatureSchema, ClusterFeatureSchema])),
    matched: Type.Integer({ description: "Containers in view" }),
    total: Type.Integer({ description: "All that you may see" }),
    next: opt(Text("Pass as `after` for the next page")),
  },
  { additionalProperties: false },
);

const HistoryPointSchema = Type.Object(
  {
    time: Time(),
    knownSince: Time(),
    received: opt(Time()),
    offset: Type.Integer(),
    origin: Text(),
    stream: Text(),
    ...measurementFields,
  },
  { additionalProperties: false },
);
const HistoryGapSchema = Type.Object(
  {
    stream: Text(),
    origin: Text(),
    fromSeq: opt(Type.Integer({ description: "Absent, as the next two, where a part of the stream is shown" })),
    toSeq: opt(Type.Integer({ description: "Exclusive" })),
    records: opt(Type.Integer({ description: "Missing, of all topics of that origin; some may belong here" })),
    reason: oneOf(...GAP_REASONS),
    from: opt(Time()),
    to: opt(Time()),
  },
  { additionalProperties: false },
);
export const ContainerHistorySchema = Type.Object(
  {
    container: Text(),
    points: Type.Array(HistoryPointSchema),
    events: Type.Array(ContainerEventSchema),
    gaps: Type.Array(HistoryGapSchema),
    total: Type.Integer({ description: "Readings before thinning" }),
  },
  { additionalProperties: false },
);

export const ExcursionsSchema = Type.Object(
  {
    container: Text(),
    field: Text(),
    above: opt(Type.Number()),
    below: opt(Type.Number()),
    readings: Type.Integer({ description: "That say anything about it" }),
    total: Type.Integer({ description: "How often it was out; where that is too much, the longest are listed" }),
    excursions: Type.Array(
      Type.Object(
        {
          from: Time(),
          to: Time(),
          readings: Type.Integer(),
          value: Type.Number({ description: "The furthest that it went" }),
          time: Time(),
          knownSince: Time(),
          latitude: opt(Type.Number()),
          longitude: opt(Type.Number()),
          vessel: opt(Text()),
          location: opt(Text()),
          defrosting: opt(Type.Boolean()),
        },
        { additionalProperties: false },
      ),
    ),
    gaps: Type.Array(HistoryGapSchema),
  },
  { additionalProperties: false },
);

export const ShipStateSchema = Type.Object(
  {
    imo: Text(),
    name: Text(),
    time: opt(Time()),
    knownSince: opt(Time()),
    latitude: opt(Type.Number()),
    longitude: opt(Type.Number()),
    speedKn: opt(Type.Number()),
    courseDeg: opt(Type.Number()),
    headingDeg: opt(Type.Number()),
    lastLink: opt(oneOf("lan", "wan", "port", "satellite")),
    voyage: opt(Text()),
    nextPort: opt(Text()),
    docked: opt(Text("UN/LOCODE while it lies in port")),
    containersAboard: Type.Integer(),
    environment: opt(Type.Object({ ...measurementFields, time: Time() }, { additionalProperties: false })),
  },
  { additionalProperties: false },
);
export const ShipsReplySchema = Type.Object({ ships: Type.Array(ShipStateSchema) }, { additionalProperties: false });
export const ShipHistorySchema = Type.Object(
  {
    imo: Text(),
    points: Type.Array(HistoryPointSchema),
    events: Type.Array(
      Type.Object(
        {
          type: oneOf("ARRI", "DEPA"),
          time: Time(),
          location: opt(Text()),
          voyage: opt(Text()),
          nextPort: opt(Text()),
          knownSince: Time(),
        },
        { additionalProperties: false },
      ),
    ),
    gaps: Type.Array(HistoryGapSchema),
    total: Type.Integer(),
  },
  { additionalProperties: false },
);

const AlertReadingSchema = Type.Object({ time: Time(), ...measurementFields }, { additionalProperties: false });
export const ApiAlertSchema = Type.Object({
  id: Text(),
  type: oneOf("LOST", "SILENT", "OUT_OF_RANGE", "NO_POWER", "DOOR_OPEN", "SHOCK"),
  severity: oneOf("warning", "critical"),
  state: oneOf("raised", "cleared"),
  container: opt(Text()),
  vessel: opt(Text()),
  time: Time(),
  latitude: opt(Type.Number()),
  longitude: opt(Type.Number()),
  message: Text(),
  evidence: opt(Type.Object({})),
  rule: opt(
    Type.Object(
      {
        limits: Type.Record(Type.String(), Type.Number()),
        version: opt(Type.Integer({ description: "Of the rules that travelled: their offset" })),
      },
      { description: "By which it was raised, as it was in force on board then" },
    ),
  ),
  before: opt(Type.Array(AlertReadingSchema, { description: "Readings that led to it, as the ship sent them along" })),
  owner: Text(),
  knownSince: Time(),
  clearedAt: opt(Time()),
  acknowledgements: opt(
    Type.Array(Type.Object({ by: Text(), site: Text(), time: Time(), message: Text(), knownSince: Time() })),
  ),
});
export const AlertReplySchema = Type.Object(
  { alert: ApiAlertSchema, readings: Type.Array(AlertReadingSchema), mayAcknowledge: Type.Boolean() },
  { additionalProperties: false },
);
export const AlertsReplySchema = Type.Object({ alerts: Type.Array(ApiAlertSchema) }, { additionalProperties: false });

const bookingFields = {
  kind: oneOf("booking"),
  container: Text(),
  owner: Text(),
  from: Time(),
  to: opt(Time()),
  version: Type.Integer({ description: "Offset of its settings record" }),
};
export const BookingReplySchema = Type.Object(bookingFields, { additionalProperties: false });
export const BookingsReplySchema = Type.Object(
  { bookings: Type.Array(BookingReplySchema) },
  { additionalProperties: false },
);

export const VoyagesReplySchema = Type.Object(
  {
    voyages: Type.Array(
      Type.Object(
        { owner: Text(), from: Time(), to: opt(Time()), source: oneOf("gate", "booking"), vessels: words() },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

const grantFields = {
  owner: Text(),
  id: Text(),
  subject: Text("u:name, g:group, r:role, or link"),
  streams: words(),
  topics: opt(words()),
  from: opt(Time("Measured at or after")),
  to: opt(Time("Measured before")),
  untilGateOut: opt(Type.Boolean({ description: "`to` is written when the container leaves the terminal" })),
  validUntil: opt(Time("When the right ends")),
  by: opt(Text()),
  note: opt(Text()),
  state: oneOf("in-force", "expired", "revoked"),
  recordOffset: Type.Integer({ description: "Of its record in the owner's settings" }),
  token: opt(Text("Of a link, only in the answer to POST: what opens it")),
};
export const GrantReplySchema = Type.Object(grantFields, { additionalProperties: false });
export const GrantsReplySchema = Type.Object({ grants: Type.Array(GrantReplySchema) }, { additionalProperties: false });

const LinkDirectionSchema = Type.Object(
  {
    backlogRecords: Type.Integer(),
    recordsPerSecond: opt(Type.Number()),
    bytesPerSecond: opt(Type.Number()),
  },
  { additionalProperties: false },
);
export const SitesReplySchema = Type.Object(
  {
    sites: Type.Array(
      Type.Object(
        {
          site: Text(),
          kind: oneOf("ship", "yard", "port", "hq"),
          name: Text(),
          owner: Text(),
          imo: opt(Text()),
          locode: opt(Text()),
          latitude: opt(Type.Number()),
          longitude: opt(Type.Number()),
          lastContact: opt(Time()),
          notAshore: Type.Integer({ description: "Records written there that are not here yet" }),
          streams: Type.Array(Type.Object({ stream: Text(), has: Type.Integer(), lacks: Type.Integer() })),
          nodes: opt(
            Type.Array(Type.Object({ node: Text(), lastContact: Time(), notReady: Type.Array(Text()) }), {
              description: "Where a site has several",
            }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
    links: Type.Array(
      Type.Object(
        {
          id: Text(),
          from: Text(),
          to: Text(),
          fromNode: opt(Text()),
          toNode: opt(Text()),
          class: oneOf("lan", "wan", "port", "satellite"),
          state: oneOf("up", "degraded", "down"),
          backlogRecords: opt(Type.Integer()),
          backlogBytes: opt(Type.Integer()),
          secondsToGo: opt(Type.Integer()),
          certificateExpires: opt(Type.String()),
          problem: opt(Type.String()),
          budget: opt(
            Type.Object(
              { bytesPerDay: Type.Integer(), usedBytes: Type.Integer(), leftBytes: Type.Integer() },
              { additionalProperties: false },
            ),
          ),
          recordsPerSecond: opt(Type.Number()),
          bytesPerSecond: opt(Type.Number()),
          there: opt(LinkDirectionSchema),
          back: opt(LinkDirectionSchema),
          roundTripMs: opt(Type.Number()),
          lastContact: opt(Time()),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export const SiteHealthReplySchema = Type.Object(
  {
    site: Text(),
    nodes: Type.Array(
      Type.Object({
        node: Text(),
        points: Type.Array(
          Type.Object({
            time: Time(),
            waitingRecords: Type.Number(),
            bytesPerSecond: Type.Number(),
            recordsPerSecond: Type.Number(),
            bytesOnDisk: Type.Number(),
            rssBytes: Type.Number(),
          }),
        ),
      }),
    ),
    exceptions: Type.Array(
      Type.Object({
        node: Text(),
        code: Text(),
        source: Text(),
        message: Text(),
        time: Time(),
        suppressed: opt(Type.Number()),
      }),
    ),
  },
  { additionalProperties: false },
);

export const SimulationStateSchema = Type.Object(
  {
    time: Time(),
    speed: Type.Number(),
    waiting: Type.Boolean(),
    ships: Type.Array(Type.Object({ imo: Text(), name: Text() })),
    links: Type.Array(Type.Object({ id: Text() })),
    nodes: opt(Type.Array(Type.Object({ site: Text(), state: Text() }))),
    story: Type.Array(Type.Object({ time: Time(), text: Text() })),
  },
  { description: "The demo's simulator; empty lists for who may not control it" },
);

/**
 * Answers of a route: for the OpenAPI document. What is sent is typed by the contract (`@landfall/proto/api`) and
 * written as it is; tests hold real answers against these schemas.
 */
export function answers(schema: TSchema): Record<string | number, unknown> {
  return { 200: schema, ...problemResponses };
}

/** As `answers`, with problem details of its own shape for one status. */
export function answersOr(
  schema: TSchema,
  status: number,
  problem: TSchema & { description: string },
): Record<string | number, unknown> {
  return {
    ...answers(schema),
    [status]: { description: problem.description, content: { [PROBLEM_TYPE]: { schema: problem } } },
  };
}

/** 204, or a problem. */
export function answersNothing(description: string): Record<string | number, unknown> {
  return { 204: Type.Null({ description }), ...problemResponses };
}

/** Answers in several formats, the JSON one described. */
export function answersIn(schema: TSchema, ...others: readonly string[]): Record<string | number, unknown> {
  const content = Object.fromEntries(others.map((type) => [type, { schema: Type.String() }]));
  return {
    200: { description: "In the format asked for", content: { "application/json": { schema }, ...content } },
    ...problemResponses,
  };
}
