import type { GapsReply, ReadReply, RecordsReply, StreamsReply, TopicsReply } from "@landfall/proto/api";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyInstance } from "fastify";
import type { Principal } from "../../access/policy.js";
import { LandfallError } from "../../model/errors.js";
import type { Gap } from "../../model/gap.js";
import { streamName, topicName, type StreamName } from "../../model/names.js";
import type { Cursor, Offset, Seq, StoredRecord } from "../../model/record.js";
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
  const readable = (principal: Principal, text: string): StreamName => {
    const name = streamName(text);
    const isHere = countRecords(store.vector(name)) > 0;
    if (!policy.allows(principal, "read", name) || !isHere) {
      throw new LandfallError("STREAM_NOT_FOUND", `there is no stream ${name} at this site`);
    }
    return name;
  };

  app.get(
    "/api/streams",
    {
      schema: {
        tags,
        summary: "Streams that you may read",
        response: { 200: StreamsReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const principal = await principals.resolve(request);
      const names = store.streams().filter((name) => policy.allows(principal, "read", name));
      return {
        streams: names.map((name) => ({ name, records: countRecords(store.vector(name)) })),
      } satisfies StreamsReply;
    },
  );

  app.get(
    "/api/streams/:stream/topics",
    {
      schema: {
        tags,
        summary: "Topics of a stream, sorted",
        params: StreamParams,
        querystring: TopicsQuery,
        response: { 200: TopicsReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const stream = readable(await principals.resolve(request), request.params.stream);
      const { limit, ...query } = request.query;
      const topics = store.topics(stream, { ...query, limit: limit + 1 });
      const page = topics.slice(0, limit);
      const last = page.at(-1);
      return { topics: page, ...(topics.length > limit && last !== undefined && { next: last }) } satisfies TopicsReply;
    },
  );

  app.get(
    "/api/streams/:stream/topics/:topic/records",
    {
      schema: {
        tags,
        summary: "Records of a topic by offset: a snapshot, late records may land behind it",
        params: TopicParams,
        querystring: RecordsQuery,
        response: { 200: RecordsReplySchema, ...problemResponses },
      },
    },
    async (request) => {
      const stream = readable(await principals.resolve(request), request.params.stream);
      const topic = topicName(request.params.topic);
      const { offset = 0, limit } = request.query;
      const page = new Page(limit);
      let from = offset;
      let next: number | undefined;
      for (;;) {
        // One more than fits tells whether there is a next page.
        const wanted = Math.min(page.room + 1, PAGE_CHUNK_RECORDS);
        const chunk = await store.readTopic(stream, topic, { fromOffset: from as Offset, limit: wanted });
        next = page.take(chunk)?.offset;
        const last = chunk.at(-1);
        if (next !== undefined || last === undefined || chunk.length < wanted) break;
        from = last.offset + 1;
      }
      if (page.records.length === 0 && !(await hasTopic(stream, topic))) {
        throw new LandfallError("TOPIC_NOT_FOUND", `there is no topic ${topic} in ${stream} at this site`);
      }
      return { records: page.records.map(toApiRecord), ...(next !== undefined && { next }) } satisfies RecordsReply;
    },
  );

  const hasTopic = async (stream: StreamName, topic: ReturnType<typeof topicName>): Promise<boolean> =>
    (await store.readTopic(stream, topic, { limit: 1 })).length > 0;

  app.get(
    "/api/streams/:stream/gaps",
    {
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
