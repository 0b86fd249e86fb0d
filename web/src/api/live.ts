import type { LiveEvent } from "@landfall/proto/api";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { backoffMs } from "./backoff.js";
import type { Fetch } from "./http.js";

/** A feed that says nothing, not even a comment, for this long is taken for dead. */
export const LIVE_SILENCE_MS = 45_000;

export interface LiveHandlers {
  /** The feed is open; `resumed` false means that events may have been missed before it. */
  onOpen(resumed: boolean): void;
  onEvent(event: LiveEvent): void;
  onLost(message: string, retryInMs: number): void;
  /** The server no longer knows this session. */
  onSignedOut(): void;
}

export interface LiveEnv {
  readonly fetch: Fetch;
  readonly random: () => number;
  readonly setTimer: (callback: () => void, ms: number) => unknown;
  readonly clearTimer: (timer: unknown) => void;
}

export interface LiveFeed {
  /** Tries now instead of waiting. */
  retryNow(): void;
  close(): void;
}

const EVENT_TYPES: ReadonlySet<string> = new Set<LiveEvent["type"]>([
  "containers",
  "ships",
  "alert",
  "sites",
  "simulation",
]);

/** Reads one message of the feed; undefined for what this version does not know. Throws on broken JSON. */
export function toLiveEvent(message: Pick<EventSourceMessage, "event" | "data">): LiveEvent | undefined {
  if (message.event === undefined || !EVENT_TYPES.has(message.event)) return undefined;
  return { type: message.event, data: JSON.parse(message.data) as unknown } as LiveEvent;
}

/**
 * Follows `GET /api/live` until closed: resumes by Last-Event-ID, comes back after a loss with growing waits.
 * The browser's own EventSource shows neither the status (a 401 would be retried for ever) nor silence.
 */
export function openLive(env: LiveEnv, handlers: LiveHandlers): LiveFeed {
  let attempt = 0;
  let lastEventId: string | undefined;
  let closed = false;
  let abort = new AbortController();
  let waiting: unknown;

  const run = async (): Promise<void> => {
    waiting = undefined;
    abort = new AbortController();
    let message = "The live feed ended.";
    try {
      const outcome = await follow(abort);
      if (outcome === "signed-out") {
        if (!closed) handlers.onSignedOut();
        return;
      }
    } catch (error) {
      message = error instanceof LiveFailure ? error.message : "The server cannot be reached.";
    }
    if (closed) return;
    const delay = backoffMs(attempt++, env.random);
    handlers.onLost(message, delay);
    waiting = env.setTimer(start, delay);
  };

  const follow = async (controller: AbortController): Promise<"ended" | "signed-out"> => {
    let silence: unknown;
    const heard = (): void => {
      if (silence !== undefined) env.clearTimer(silence);
      silence = env.setTimer(() => controller.abort(new LiveFailure("The server has fallen silent.")), LIVE_SILENCE_MS);
    };
    heard();
    try {
      const response = await env.fetch("/api/live", {
        signal: controller.signal,
        credentials: "same-origin",
        cache: "no-store",
        headers: {
          accept: "text/event-stream",
          ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
        },
      });
      if (response.status === 401) return "signed-out";
      if (!response.ok || !response.body) throw new LiveFailure(`The server answered ${response.status}.`);
      handlers.onOpen(lastEventId !== undefined);
      attempt = 0;
      const parser = createParser({
        onEvent: (message) => {
          if (message.id !== undefined) lastEventId = message.id;
          const event = readEvent(message);
          if (event && !closed) handlers.onEvent(event);
        },
      });
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "ended";
        heard();
        parser.feed(decoder.decode(value, { stream: true }));
      }
    } finally {
      if (silence !== undefined) env.clearTimer(silence);
      // Whatever stopped us, do not leave the connection open behind.
      controller.abort();
    }
  };

  const start = (): void => void run();
  start();

  return {
    retryNow() {
      if (closed || waiting === undefined) return;
      env.clearTimer(waiting);
      start();
    },
    close() {
      closed = true;
      if (waiting !== undefined) env.clearTimer(waiting);
      abort.abort();
    },
  };
}

class LiveFailure extends Error {}

function readEvent(message: EventSourceMessage): LiveEvent | undefined {
  try {
    return toLiveEvent(message);
  } catch {
    throw new LiveFailure("The server sent something that could not be read.");
  }
}
