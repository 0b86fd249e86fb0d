import type { Env } from "@landfall/streams/env";
import type { Exceptions } from "@landfall/streams/node/node";
import type { BookingTable } from "../bookings/booking-table.js";
import { EXCERPT_BYTES_MAX, PARSED_TOPICS_MAX, VIA_CHARS_MAX } from "../limits.js";
import { VIA_HEADER } from "./via.js";
import { isRecordsFault } from "./append-batcher.js";
import type { Deduplicator } from "./deduplicator.js";
import { problem, type Problem } from "./problem.js";
import { route, type Target } from "./route.js";
import { isProblem, parseIngestTopic, type IngestTopic } from "./topics.js";
import { isRefusal, validatePublish, type Reading } from "./validate.js";

/** A message as a client published it. */
export interface Publish {
  /** Client id, for people and for the rules. */
  readonly client: string;
  readonly topic: string;
  readonly payload: Uint8Array;
}

/**
 * What became of a publish, all three to be acknowledged: `stored` and `duplicate` are durable, `refused` can never be
 * stored and was reported. (A publish that may succeed later rejects instead, and must not be acknowledged.)
 */
export type IngestOutcome = "stored" | "duplicate" | "refused";

export interface IngestOptions {
  readonly env: Env;
  readonly owner: string;
  readonly bookings: BookingTable;
  readonly deduplicator: Pick<Deduplicator, "store">;
  readonly exceptions: Exceptions;
  /** Other nodes of this site judge by it through whom a container reports: readings say so in a header. */
  readonly tellsVia?: boolean;
  /** Told of each message once, when it is durable. */
  readonly onStored: (reading: Reading, publish: Publish) => void;
  readonly onOutcome: (outcome: IngestOutcome | "failed", refusal?: string) => void;
}

/** Takes publishes in: validates, routes, stores once, reports what it refuses (I1, S1, U2). */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #topics = new Map<string, IngestTopic>();

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  /** @throws LandfallError as `StreamStore.append`, when the same publish may succeed later */
  async publish(publish: Publish): Promise<IngestOutcome> {
    const topic = this.#parseTopic(publish.topic);
    if (isProblem(topic)) return this.#refuse(publish, [topic]);
    const { env, owner, bookings, onOutcome, onStored } = this.#options;
    const reading = validatePublish(topic, publish.payload, env.now());
    if (isRefusal(reading)) return this.#refuse(publish, reading.problems);
    try {
      const targets = route(reading, owner, bookings);
      const told = this.#options.tellsVia === true ? withVia(targets, publish.client) : targets;
      const outcome = await this.#store(told, reading.timed);
      onOutcome(outcome);
      if (outcome === "stored") onStored(reading, publish);
      return outcome;
    } catch (error) {
      if (isRecordsFault(error)) {
        const message = error instanceof Error ? error.message : String(error);
        return this.#refuse(publish, [problem("REFUSED_BY_STORE", "payload", message)]);
      }
      onOutcome("failed");
      throw error;
    }
  }

  /** The message and its copies, all durable. Each is looked up by itself, so that a repetition completes what a crash cut. */
  async #store(targets: readonly Target[], timed: boolean): Promise<"stored" | "duplicate"> {
    const { deduplicator } = this.#options;
    const [main, ...copies] = targets as [Target, ...Target[]];
    const stored = deduplicator.store(main, timed);
    if (copies.length === 0) return stored;
    const [outcome] = await Promise.all([stored, ...copies.map((copy) => deduplicator.store(copy, timed))]);
    return outcome;
  }

  #parseTopic(name: string): IngestTopic | Problem {
    const known = this.#topics.get(name);
    if (known) return known;
    const parsed = parseIngestTopic(name);
    if (isProblem(parsed)) return parsed;
    if (this.#topics.size >= PARSED_TOPICS_MAX) this.#topics.clear();
    this.#topics.set(name, parsed);
    return parsed;
  }

  #refuse(publish: Publish, problems: readonly Problem[]): "refused" {
    const [first, ...others] = problems as [Problem, ...Problem[]];
    this.#options.onOutcome("refused", first.code);
    const { payload } = publish;
    this.#options.exceptions.report({
      code: first.code,
      source: publish.client,
      message: `${publish.topic.slice(0, EXCERPT_BYTES_MAX)}: ${first.message}`,
      detail: {
        topic: publish.topic.slice(0, EXCERPT_BYTES_MAX),
        client: publish.client,
        field: first.field,
        ...(others.length > 0 && { also: others.map(({ message }) => message) }),
        payloadBytes: payload.byteLength,
        excerpt: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString(
          "utf8",
          0,
          EXCERPT_BYTES_MAX,
        ),
      },
    });
    return "refused";
  }
}

/** The message itself with the client that brought it; of copies nobody needs to know. */
function withVia([main, ...copies]: readonly Target[], client: string): Target[] {
  if (main === undefined) return [];
  const { record } = main;
  const headers = { ...record.headers, [VIA_HEADER]: client.slice(0, VIA_CHARS_MAX) };
  return [{ ...main, record: { ...record, headers } }, ...copies];
}
