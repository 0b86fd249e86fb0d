import { Type } from "typebox";
import {
  CURSOR_CHARS_MAX,
  PAGE_RECORDS_DEFAULT,
  PAGE_RECORDS_MAX,
  PAGE_TOPICS_DEFAULT,
  PAGE_TOPICS_MAX,
} from "./http-limits.js";
import { GAP_REASONS } from "../model/gap.js";
import { PROBLEM_TYPE } from "./problem.js";

export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: "What programs look at; the list is closed" }),
    detail: Type.Optional(Type.String()),
    field: Type.Optional(Type.String({ description: "Part of the request that is wrong" })),
  },
  { description: "RFC 9457 problem details" },
);

/** For the `response` of every route: whatever fails is a problem. */
export const problemResponses = {
  "4xx": { description: "The request cannot be answered", content: { [PROBLEM_TYPE]: { schema: ProblemSchema } } },
  "5xx": { description: "The node cannot answer", content: { [PROBLEM_TYPE]: { schema: ProblemSchema } } },
} as const;

const Name = Type.String({ minLength: 1 });
export const StreamParams = Type.Object({ stream: Name });
export const TopicParams = Type.Object({ stream: Name, topic: Name });

export const TopicsQuery = Type.Object(
  {
    prefix: Type.Optional(Type.String({ description: "Only topics that begin so" })),
    after: Type.Optional(Type.String({ description: "`next` of the page before" })),
    limit: Type.Integer({ minimum: 1, maximum: PAGE_TOPICS_MAX, default: PAGE_TOPICS_DEFAULT }),
  },
  { additionalProperties: false },
);

export const RecordsQuery = Type.Object(
  {
    offset: Type.Optional(
      Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "First offset wanted" }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: PAGE_RECORDS_MAX, default: PAGE_RECORDS_DEFAULT }),
  },
  { additionalProperties: false },
);

export const ReadBody = Type.Object(
  {
    cursor: Type.Optional(
      Type.String({
        maxLength: CURSOR_CHARS_MAX,
        description: "From the reply before; without it, from the beginning",
      }),
    ),
    from: Type.Optional(
      Type.Enum(["beginning", "now"], { description: "Where to begin without a cursor; the beginning by default" }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: PAGE_RECORDS_MAX, default: PAGE_RECORDS_DEFAULT }),
  },
  { additionalProperties: false },
);

export const StreamsReplySchema = Type.Object({
  streams: Type.Array(Type.Object({ name: Type.String(), records: Type.Integer() })),
});

export const TopicsReplySchema = Type.Object({
  topics: Type.Array(Type.String()),
  next: Type.Optional(Type.String({ description: "Pass as `after`; absent on the last page" })),
});

const Time = Type.String({ description: "RFC 3339, UTC" });

export const ApiRecordSchema = Type.Object({
  topic: Type.String(),
  offset: Type.Integer({ description: "Position in the topic, the same at every site" }),
  origin: Type.String(),
  seq: Type.Integer(),
  timestamp: { ...Time, description: "When it was measured" },
  received: { ...Time, description: "When its origin first stored it" },
  arrived: { ...Time, description: "When this site got it" },
  headers: Type.Record(Type.String(), Type.String()),
  value: Type.Optional(Type.String({ description: "UTF-8 text as it came" })),
  valueBase64: Type.Optional(Type.String({ description: "Where the bytes are no UTF-8" })),
});

export const RecordsReplySchema = Type.Object({
  records: Type.Array(ApiRecordSchema),
  next: Type.Optional(Type.Integer({ description: "Pass as `offset`; absent when there is nothing more for now" })),
});

const GapsSchema = Type.Array(
  Type.Object({
    origin: Type.String(),
    from: Type.Integer({ description: "First seq that is not here" }),
    to: Type.Integer({ description: "First seq behind the gap" }),
    reason: Type.Enum([...GAP_REASONS]),
  }),
);

export const GapsReplySchema = Type.Object({ gaps: GapsSchema });

export const ReadReplySchema = Type.Object({
  records: Type.Array(ApiRecordSchema),
  gaps: { ...GapsSchema, description: "Gaps that the cursor has passed: what fills one is read later" },
  cursor: Type.String({ description: "Where to go on, at this site or any other" }),
});

export const ReadinessSchema = Type.Object({
  ready: Type.Boolean(),
  reasons: Type.Array(Type.Object({ name: Type.String(), reason: Type.String() })),
});
