import type { DigestsReply, HoldingsReply, RepairReply } from "@landfall/proto/api";
import { Type } from "typebox";
import {
  CURSOR_CHARS_MAX,
  DIGEST_RANGES_MAX,
  HOLDINGS_STREAMS_MAX,
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
  streams: Type.Array(Type.Object({ name: Type.String(), records: Type.Optional(Type.Integer()) })),
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

const Seqs = {
  from: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "First seq" }),
  to: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "First seq behind" }),
};
const HoleSchema = Type.Object({ ...Seqs, reason: Type.Enum([...GAP_REASONS]) });
const SeqRangeSchema = Type.Array(Type.Integer(), { minItems: 2, maxItems: 2, description: "Seqs [from, to)" });

export const HoldingsBody = Type.Object(
  {
    streams: Type.Optional(
      Type.Array(Name, { maxItems: HOLDINGS_STREAMS_MAX, description: "Only these; otherwise all, page by page" }),
    ),
    peer: Type.Optional(Type.String({ description: "A site: the answer says which streams it may hold" })),
    after: Type.Optional(Type.String({ description: "`next` of the page before" })),
    limit: Type.Integer({ minimum: 1, maximum: HOLDINGS_STREAMS_MAX, default: HOLDINGS_STREAMS_MAX }),
  },
  { additionalProperties: false },
);

export const HoldingsReplySchema = Type.Unsafe<HoldingsReply>(
  Type.Object({
    site: Type.String(),
    node: Type.String(),
    digest: Type.String({ description: "Name of the digests' function: only the same can be compared" }),
    streams: Type.Array(
      Type.Object({
        stream: Type.String(),
        wanted: Type.Boolean({ description: "This site takes in what others wrote to it" }),
        replicates: Type.Boolean({ description: "The peer that was named may hold it" }),
        compact: Type.Boolean({ description: "What newer records of their topics superseded is dropped here" }),
        origins: Type.Array(
          Type.Object({
            origin: Type.String(),
            next: Type.Integer({ description: "First seq of which nothing is known here" }),
            gaps: Type.Array(HoleSchema),
          }),
        ),
      }),
    ),
    next: Type.Optional(Type.String({ description: "Pass as `after`; absent on the last page" })),
  }),
);

const KeyRange = { stream: Name, origin: Name, ...Seqs };

export const DigestsBody = Type.Object(
  {
    ranges: Type.Array(
      Type.Object(
        {
          ...KeyRange,
          step: Type.Integer({
            minimum: 1,
            maximum: Number.MAX_SAFE_INTEGER,
            description: "A digest is made of the records between each two multiples of it; 65,536 costs least",
          }),
        },
        { additionalProperties: false },
      ),
      { maxItems: DIGEST_RANGES_MAX },
    ),
    deep: Type.Optional(Type.Boolean({ description: "Read every byte instead of adding up what is stored" })),
  },
  { additionalProperties: false },
);

export const DigestsReplySchema = Type.Unsafe<DigestsReply>(
  Type.Object({
    ranges: Type.Array(
      Type.Object({
        next: Type.Integer({ description: "What lies behind was not looked at: ask again from there" }),
        digests: Type.Array(Type.Array(Type.Integer(), { minItems: 3, maxItems: 3 }), {
          description: "Of each cell up to `next`: records, and two sums of their hashes modulo 2^32",
        }),
        damaged: Type.Array(SeqRangeSchema, { description: "Met, and cannot be read" }),
        records: Type.Optional(
          Type.Array(
            Type.Object({
              seq: Type.Integer(),
              topic: Type.String(),
              offset: Type.Integer(),
              high: Type.Integer(),
              low: Type.Integer(),
            }),
            { description: "With a step of 1, instead of `digests`" },
          ),
        ),
        absent: Type.Optional(Type.Array(HoleSchema, { description: "With a step of 1: what is not here, and why" })),
      }),
    ),
  }),
);

export const RepairBody = Type.Object(
  {
    ranges: Type.Array(Type.Object(KeyRange, { additionalProperties: false }), { maxItems: DIGEST_RANGES_MAX }),
  },
  { additionalProperties: false },
);

export const RepairReplySchema = Type.Unsafe<RepairReply>(
  Type.Object({
    ranges: Type.Array(
      Type.Object({
        lacking: Type.Array(HoleSchema, { description: "Taken in as soon as a peer turns up that holds it" }),
      }),
    ),
  }),
);

export const ReadReplySchema = Type.Object({
  records: Type.Array(ApiRecordSchema),
  gaps: { ...GapsSchema, description: "Gaps that the cursor has passed: what fills one is read later" },
  cursor: Type.String({ description: "Where to go on, at this site or any other" }),
});

export const ReadinessSchema = Type.Object({
  ready: Type.Boolean(),
  reasons: Type.Array(Type.Object({ name: Type.String(), reason: Type.String() })),
  /** Of a node that is ready: what an operator should know. */
  warnings: Type.Optional(Type.Array(Type.Object({ name: Type.String(), reason: Type.String() }))),
});
