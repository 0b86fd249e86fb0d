import type { GapsReply, ReadReply, RecordsReply, StreamsReply, TopicsReply } from "@landfall/proto/api";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isWithin, showsAnything, spansOf, type Scope, type TimeSpan } from "../../access/grant.js";
import type { Principal } from "../../access/policy.js";
import { LandfallError } from "../../model/errors.js";
import type { Gap } from "../../model/gap.js";
import { ownerOfStream, streamName, topicName, type StreamName, type TopicName } from "../../model/names.js";
import type { Cursor, Offset, Seq, StoredRecord, TimestampMs } from "../../model/record.js";
import type { LandfallNode } from "../../node/node.js";
import { toApiRecord } from "../api-record.js";
import { decodeCursor, encodeCursor } from "../cursor.js";
import { PAGE_BYTES_MAX, PAGE_CHUNK_RECORDS } from "../http-limits.js";
import {
  GapsReplySchema,
  problemResponses,
  ReadBody,
  ReadReplySchema,
  RecordsQuery,
  RecordsReplySchema,
  StreamParams,
  StreamsReplySchema,
  TopicParams,
  TopicsQuery,
  TopicsReplySchema,
} from "../schemas.js";

type ReadingParts = Pick<LandfallNode, "store" | "policy" | "principals">;

/** The read API that every node serves: streams, topics, records, and following by cursor. */
export function addStreamRoutes(http: FastifyInstance, { store, policy, principals }: ReadingParts): void {
  const app = http.withTypeProvider<TypeBoxTypeProvider>();
  const tags = ["streams"];

  /** The one door to a stream: what may not be read looks as if it did not exist (A3). */
  const open = (principal: Principal, text: string): { readonly stream: StreamName; readonly scope: Scope } => {
    const stream = streamName(text);
    const isHere = countRecords(store.vector(stream)) > 0;
    const scope = policy.scope(principal, stream);
    if (!showsAnything(scope) || !isHere) throw noStream(stream);
    return { stream, scope };
  };
  /** What is about a stream as a whole is for who may read the whole: numbers and gaps tell of every topic in it. */
  const readable = (principal: Principal, text: string): StreamName => {
    const { stream, scope } = open(principal, text);
    if (scope !== "all") throw noStream(stream);
    return stream;
  };

  app.get(
    "/api/streams",
    {
      config: { audit: { action: "stream.list", kind: "read" } },
      schema: {
        tags,
        summary: "Streams that you may read",
        response: { 200: StreamsReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const principal = await principals.resolve(request);
      const streams = store.streams().flatMap((name) => {
        const scope = policy.scope(principal, name);
        if (scope === "all") return [{ name, records: countRecords(store.vector(name)) }];
        return showsAnything(scope) ? [{ name }] : [];
      });
      return { streams } satisfies StreamsReply;
    },
  );

  app.get(
    "/api/streams/:stream/topics",
    {
      config: { audit: { action: "stream.topics", kind: "read", subject, owners } },
      schema: {
        tags,
        summary: "Topics of a stream, sorted",
        params: StreamParams,
        querystring: TopicsQuery,
        response: { 200: TopicsReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const { stream, scope } = open(await principals.resolve(request), request.params.stream);
      const { limit, ...query } = request.query;
      const topics =
        scope === "all"
          ? store.topics(stream, { ...query, limit: limit + 1 })
          : await topicsShown(stream, scope, { ...query, limit: limit + 1 });
      const page = topics.slice(0, limit);
      const last = page.at(-1);
      return { topics: page, ...(topics.length > limit && last !== undefined && { next: last }) } satisfies TopicsReply;
    },
  );

  app.get(
    "/api/streams/:stream/topics/:topic/records",
    {
      config: { audit: { action: "stream.records", kind: "read", subject: topicOf, owners } },
      schema: {
        tags,
        summary: "Records of a topic by offset: a snapshot, late records may land behind it",
        params: TopicParams,
        querystring: RecordsQuery,
        response: { 200: RecordsReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const { stream, scope } = open(await principals.resolve(request), request.params.stream);
      const topic = topicName(request.params.topic);
      const { offset = 0, limit } = request.query;
      const page = new Page(limit);
      const spans = spansOf(scope, topic);
      const [first, last] = [spans[0], spans.at(-1)];
      const next = first && last && (await fill(page, stream, topic, offset, { from: first.from, to: last.to }, spans));
      if (page.records.length === 0 && !(await hasTopic(stream, topic, spans))) {
        throw new LandfallError("TOPIC_NOT_FOUND", `there is no topic ${topic} in ${stream} at this site`);
      }
      return { records: page.records.map(toApiRecord), ...(next !== undefined && { next }) } satisfies RecordsReply;
    },
  );

  /** Fills a page with what `spans` show, all of which lies in `around`. @returns the offset of what did not fit */
  const fill = async (
    page: Page,
    stream: StreamName,
    topic: TopicName,
    offset: number,
    around: TimeSpan,
    spans: readonly TimeSpan[],
  ): Promise<number | undefined> => {
    for (let from = offset; ;) {
      // One more than fits tells whether there is a next page.
      const wanted = Math.min(page.room + 1, PAGE_CHUNK_RECORDS);
      const query = { fromOffset: from as Offset, limit: wanted, ...bounds(around) };
      const chunk = await store.readTopic(stream, topic, query);
      const shown = spans.length === 1 ? chunk : chunk.filter(({ timestamp }) => isWithin(spans, timestamp));
      const next = page.take(shown)?.offset;
      const last = chunk.at(-1);
      if (next !== undefined || last === undefined || chunk.length < wanted) return next;
      from = last.offset + 1;
    }
  };

  const hasTopic = async (stream: StreamName, topic: TopicName, spans: readonly TimeSpan[]): Promise<boolean> => {
    for (const span of spans) {
      if ((await store.readTopic(stream, topic, { limit: 1, ...bounds(span) })).length > 0) return true;
    }
    return false;
  };

  /** Of a stream that is shown in part: topics with a record that is shown. */
  const topicsShown = async (stream: StreamName, scope: Scope, query: TopicsPage): Promise<TopicName[]> => {
    const found: TopicName[] = [];
    for (const topic of candidates(stream, scope, query)) {
      if (found.length >= query.limit) break;
      if (await hasTopic(stream, topic, spansOf(scope, topic))) found.push(topic);
    }
    return found;
  };

  function* candidates(stream: StreamName, scope: Scope, { prefix = "", after = "", limit }: TopicsPage) {
    if (scope === "all") return;
    if (scope.every(({ topic }) => topic !== undefined)) {
      const named = new Set(scope.map(({ topic }) => topic as TopicName));
      yield* [...named].filter((topic) => topic.startsWith(prefix) && topic > after).toSorted();
      return;
    }
    for (let from: string | undefined = after; from !== undefined;) {
      const page: TopicName[] = store.topics(stream, { prefix, after: from, limit });
      yield* page;
      from = page.length < limit ? undefined : page.at(-1);
    }
  }

  app.get(
    "/api/streams/:stream/gaps",
    {
      config: { audit: { action: "stream.gaps", kind: "read", subject, owners } },
      schema: {
        tags,
        summary: "What of a stream is not at this site, and why",
        params: StreamParams,
        response: { 200: GapsReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const stream = readable(await principals.resolve(request), request.params.stream);
      return { gaps: store.gaps(stream) } satisfies GapsReply;
    },
  );

  app.post(
    "/api/streams/:stream/read",
    {
      config: { audit: { action: "stream.follow", kind: "read", subject, owners } },
      schema: {
        tags,
        summary: "What is new since a cursor: follows arrival, exact, goes on at any site",
        params: StreamParams,
        body: ReadBody,
        response: { 200: ReadReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const stream = readable(await principals.resolve(request), request.params.stream);
      const { cursor: text, from, limit } = request.body;
      if (text === undefined && from === "now") {
        const now: Cursor = { v: 1, next: store.vector(stream) };
        return { records: [], gaps: [], cursor: encodeCursor(stream, now) } satisfies ReadReply;
      }
      const page = new Page(limit);
      let cursor = text === undefined ? undefined : decodeCursor(stream, text);
      do {
        const wanted = Math.min(page.room, PAGE_CHUNK_RECORDS);
        const read = await store.readStream(stream, cursor, wanted);
        // The cursor has passed all of them, so all of them belong to this page.
        page.takeAll(read.records);
        cursor = read.cursor;
        if (read.records.length < wanted) break;
      } while (page.room > 0);
      return {
        records: page.records.map(toApiRecord),
        gaps: gapsPassed(store.gaps(stream), cursor),
        cursor: encodeCursor(stream, cursor),
      } satisfies ReadReply;
    },
  );
}

/** What the audit says of it: the stream, the topic in it, and whose they are. */
const subject = (request: FastifyRequest): string => (request.params as { readonly stream: string }).stream;
const topicOf = (request: FastifyRequest): string =>
  `${subject(request)}:${(request.params as { readonly topic: string }).topic}`;
const owners = (request: FastifyRequest): readonly string[] => [ownerOfStream(subject(request) as StreamName)];

interface TopicsPage {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit: number;
}

function noStream(name: StreamName): LandfallError {
  return new LandfallError("STREAM_NOT_FOUND", `there is no stream ${name} at this site`);
}

/** How the store is asked for a span of event time. */
function bounds({ from, to }: TimeSpan): { fromTime?: TimestampMs; toTime?: TimestampMs } {
  return {
    ...(from !== Number.NEGATIVE_INFINITY && { fromTime: from as TimestampMs }),
    ...(to !== Number.POSITIVE_INFINITY && { toTime: to as TimestampMs }),
  };
}

/** The parts of gaps that the cursor has passed and will come back to. */
function gapsPassed(gaps: readonly Gap[], { gaps: passed = {} }: Cursor): Gap[] {
  return gaps.flatMap((gap) =>
    (passed[gap.origin] ?? []).flatMap(([start, end]) => {
      const [from, to] = [Math.max(gap.from, start) as Seq, Math.min(gap.to, end) as Seq];
      return from < to ? [{ ...gap, from, to }] : [];
    }),
  );
}

/** Records gathered for one reply, bounded in number and in bytes. */
class Page {
  readonly records: StoredRecord[] = [];
  #bytes = 0;
  constructor(readonly limit: number) {}

  /** Records that still fit; none once the page is large enough. */
  get room(): number {
    return this.#bytes >= PAGE_BYTES_MAX ? 0 : this.limit - this.records.length;
  }

  /** Takes what fits and returns the first record that does not. */
  take(chunk: readonly StoredRecord[]): StoredRecord | undefined {
    for (const record of chunk) {
      if (this.room === 0) return record;
      this.#add(record);
    }
    return undefined;
  }

  takeAll(chunk: readonly StoredRecord[]): void {
    for (const record of chunk) this.#add(record);
  }

  #add(record: StoredRecord): void {
    this.records.push(record);
    this.#bytes += record.value.byteLength;
  }
}

function countRecords(vector: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const origin in vector) sum += vector[origin] ?? 0;
  return sum;
}
