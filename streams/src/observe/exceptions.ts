import type { ExceptionValue } from "@landfall/proto/api";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import type { Env, TimerHandle } from "../env.js";
import { isLandfallError } from "../model/errors.js";
import { streamName, topicName } from "../model/names.js";
import type { TimestampMs } from "../model/record.js";
import type { Exceptions } from "../node/node.js";
import type { StreamStore } from "../store/store.js";
import { createReportLimiter } from "./report-limiter.js";

/** Records that wait for the store; while the disk is full, older ones make room. */
const QUEUE_RECORDS_MAX = 1_000;
/** Records of one append. */
const BATCH_RECORDS_MAX = 100;
/** Pause before the store is tried again after it refused. */
const RETRY_MS = 5_000;
/** How often what was left out is told. */
const SUMMARY_MS = 10_000;
const MESSAGE_CHARS_MAX = 2_000;
const SOURCE_CHARS_MAX = 200;
const DETAIL_CHARS_MAX = 8_192;
/** Codes come from programs, but a label must stay bounded whatever they do. */
const CODE_CHARS_MAX = 64;

type Exception = Parameters<Exceptions["report"]>[0];

export interface ExceptionsOptions {
  readonly store: Pick<StreamStore, "append">;
  readonly env: Env;
  readonly log: Logger;
  readonly registry: Registry;
  readonly owner: string;
  readonly site: string;
  readonly node: string;
}

export interface ExceptionsReporter extends Exceptions {
  /** Writes what waits, if the store takes it, and stops. */
  close(): Promise<void>;
}

/**
 * Writes failures to `<owner>.exceptions` (U1, U2), topic `<site>.<node>`. Of the same code and source only a
 * few are written; how many were left out stands in the next one. Never throws, never waits: whoever reports
 * has other work to do.
 */
export function createExceptions(options: ExceptionsOptions): ExceptionsReporter {
  const { store, env, log, registry, owner, site, node } = options;
  const stream = streamName(`${owner}.exceptions`);
  const topic = topicName(`${site}.${node}`);
  const limiter = createReportLimiter<Exception>(() => env.monotonic());
  const reported = new Counter({
    name: "landfall_exceptions_total",
    help: "Failures reported, written or not",
    labelNames: ["code"],
    registers: [registry],
  });
  const dropped = new Counter({
    name: "landfall_exceptions_dropped_total",
    help: "Failures that could not be written because the store refused them for too long",
    registers: [registry],
  });
  const queue: ExceptionValue[] = [];
  let writing: Promise<void> | undefined;
  let timer: TimerHandle | undefined;
  let isClosed = false;

  const enqueue = (exception: Exception, suppressed: number): void => {
    const value: ExceptionValue = {
      kind: "exception",
      code: exception.code.slice(0, CODE_CHARS_MAX),
      source: exception.source.slice(0, SOURCE_CHARS_MAX),
      message: exception.message.slice(0, MESSAGE_CHARS_MAX),
      time: new Date(env.now()).toISOString(),
      ...(suppressed > 0 && { suppressed }),
      ...(exception.detail && { detail: boundedDetail(exception.detail) }),
    };
    log.warn({ exception: value }, value.message);
    if (queue.length >= QUEUE_RECORDS_MAX) {
      queue.shift();
      dropped.inc();
    }
    queue.push(value);
    pump();
  };

  const pump = (): void => {
    if (writing || timer || queue.length === 0) return;
    writing = write().finally(() => {
      writing = undefined;
      if (!isClosed) pump();
    });
  };

  const write = async (): Promise<void> => {
    const batch = queue.slice(0, BATCH_RECORDS_MAX);
    const records = batch.map((value) => ({
      topic,
      timestamp: Date.parse(value.time) as TimestampMs,
      value: Buffer.from(JSON.stringify(value)),
    }));
    try {
      await store.append(stream, records);
      // Older ones may have made room meanwhile.
      for (const value of batch) if (queue[0] === value) queue.shift();
    } catch (error) {
      log.debug({ err: error }, "exceptions wait for the store");
      if (!isClosed && !isLandfallError(error, "CLOSED")) {
        timer = env.setTimer(RETRY_MS, () => {
          timer = undefined;
          pump();
        });
      }
    }
  };

  const summarise = (): void => {
    for (const { report, suppressed } of limiter.flush()) enqueue(report, suppressed);
    summary = env.setTimer(SUMMARY_MS, summarise);
  };
  let summary = env.setTimer(SUMMARY_MS, summarise);

  return {
    report(exception) {
      if (isClosed) return;
      reported.inc({ code: exception.code.slice(0, CODE_CHARS_MAX) });
      const suppressed = limiter.admit(`${exception.code} ${exception.source}`, exception);
      if (suppressed !== undefined) enqueue(exception, suppressed);
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      summary.cancel();
      timer?.cancel();
      timer = undefined;
      await writing;
      while (queue.length > 0) {
        const before = queue.length;
        await write();
        if (queue.length === before) break;
      }
    },
  };
}

function boundedDetail(detail: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  let text: string | undefined;
  try {
    text = JSON.stringify(detail);
  } catch (error) {
    return { notShown: (error as Error).message };
  }
  if (text.length <= DETAIL_CHARS_MAX) return JSON.parse(text) as Record<string, unknown>;
  return { truncated: text.slice(0, DETAIL_CHARS_MAX) };
}
