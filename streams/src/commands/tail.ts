import { setTimeout as pause } from "node:timers/promises";
import type { ApiRecord, ReadReply, ReadRequest } from "@landfall/proto/api";
import { CommandError, withErrors } from "./command-error.js";
import { askNode, UnreachableError } from "./node-client.js";
import { findTargets, type Target, type TargetOptions } from "./target.js";

/** Pause before asking again when there was nothing new, and when the node was gone. */
const POLL_MS = 500;
const RETRY_MS = 1_000;
const PAGE_RECORDS = 500;

export interface TailOptions extends TargetOptions {
  readonly fromBeginning?: boolean;
  readonly cursor?: string;
  readonly follow: boolean;
  readonly values?: boolean;
  readonly limit?: number;
}

/** Prints a stream's records as JSON lines and follows it by cursor, also over restarts of the node. */
export function tail(stream: string, topic: string | undefined, options: TailOptions): Promise<number> {
  return withErrors("tail", async () => {
    const [target, ...others] = findTargets(options);
    if (!target || others.length > 0) {
      const sites = [target, ...others].map((other) => other?.label).join(", ");
      throw new CommandError(`which node? Say --site with one of ${sites}`);
    }
    // `landfall tail … | head` closes our output: that is an end like any other.
    let isOpen = true;
    process.stdout.on("error", () => {
      isOpen = false;
    });
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for await (const record of follow(target, stream, options)) {
      if (topic !== undefined && record.topic !== topic) continue;
      process.stdout.write(`${options.values ? valueOf(record) : JSON.stringify(record)}\n`);
      left -= 1;
      if (left <= 0 || !isOpen) break;
    }
    return 0;
  });
}

async function* follow(target: Target, stream: string, options: TailOptions): AsyncGenerator<ApiRecord> {
  const path = `/api/streams/${encodeURIComponent(stream)}/read`;
  const { fromBeginning, cursor } = options;
  const isFromNow = options.follow && !fromBeginning;
  let request: ReadRequest = {
    limit: PAGE_RECORDS,
    ...(cursor === undefined ? { from: isFromNow ? "now" : "beginning" } : { cursor }),
  };
  let wasReached = false;
  for (;;) {
    let reply: ReadReply;
    try {
      reply = await askNode<ReadReply>(target, path, request);
    } catch (error) {
      if (!(error instanceof UnreachableError) || !wasReached) throw error;
      process.stderr.write(`landfall tail: ${error.message}; trying again\n`);
      await pause(RETRY_MS);
      continue;
    }
    wasReached = true;
    yield* reply.records;
    const isFirstOfNow = request.from === "now";
    request = { limit: PAGE_RECORDS, cursor: reply.cursor };
    if (reply.records.length > 0) continue;
    if (!options.follow) return;
    if (!isFirstOfNow) await pause(POLL_MS);
  }
}

function valueOf(record: ApiRecord): string {
  return record.value ?? record.valueBase64 ?? "";
}
