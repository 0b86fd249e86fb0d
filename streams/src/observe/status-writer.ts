import type { StatusValue } from "@landfall/proto/api";
import type { Logger } from "pino";
import type { Env, TimerHandle } from "../env.js";
import { isLandfallError } from "../model/errors.js";
import { streamName, topicName } from "../model/names.js";
import type { TimestampMs } from "../model/record.js";
import type { StreamStore } from "../store/store.js";

export interface StatusWriterOptions {
  readonly store: Pick<StreamStore, "append">;
  readonly env: Env;
  readonly log: Logger;
  readonly owner: string;
  readonly status: () => StatusValue;
  readonly everySeconds: number;
}

/** Writes the node's status to `<owner>.metrics`, topic `<site>.<node>`, now and then every few seconds (U1). */
export function startStatusWriter(options: StatusWriterOptions): { close(): Promise<void> } {
  const { store, env, log, owner, status, everySeconds } = options;
  const stream = streamName(`${owner}.metrics`);
  let timer: TimerHandle | undefined;
  let isClosed = false;

  const write = async (): Promise<void> => {
    const value = status();
    const topic = topicName(`${value.site}.${value.node}`);
    const timestamp = Date.parse(value.time) as TimestampMs;
    try {
      await store.append(stream, [{ topic, timestamp, value: Buffer.from(JSON.stringify(value)) }]);
    } catch (error) {
      // The next one tells more than this one repeated would; that the store refuses shows in /readyz.
      log[isLandfallError(error, "PRODUCE_FORBIDDEN") ? "warn" : "debug"]({ err: error }, "status not written");
    }
    // Only now: a slow disk must not gather a queue of these.
    if (!isClosed) timer = env.setTimer(everySeconds * 1000, tick);
  };
  let writing: Promise<void>;
  const tick = (): void => {
    writing = write();
  };
  tick();
  return {
    async close() {
      isClosed = true;
      timer?.cancel();
      await writing;
    },
  };
}
