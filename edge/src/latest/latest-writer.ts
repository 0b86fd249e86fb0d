import type { Env, TimerHandle } from "@landfall/streams/env";
import { isLandfallError } from "@landfall/streams/model/errors";
import type { StreamName, TopicName } from "@landfall/streams/model/names";
import type { NewRecord, TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import type { Logger } from "pino";
import type { BookingTable } from "../bookings/booking-table.js";
import { isMeasurement } from "../ingest/measurements.js";
import { containerStream } from "../ingest/route.js";
import type { Reading } from "../ingest/validate.js";
import { BATCH_RECORDS_MAX } from "../limits.js";

export interface LatestWriterOptions {
  readonly store: Pick<StreamStore, "append">;
  readonly env: Env;
  readonly log: Logger;
  readonly bookings: BookingTable;
  /** Owner of containers that are not booked. */
  readonly owner: string;
  readonly everySeconds: number;
}

/** What one owner's copy says of one container. */
interface State {
  readonly stream: StreamName;
  readonly container: TopicName;
  /** Time of the newest reading, ms since 1970. */
  time: number;
  readonly told: Record<string, unknown>;
  /** What has changed since. */
  readonly changed: Record<string, unknown>;
}

/**
 * Thinned copies of the containers' latest states, in `<owner>.latest`: what may cross a link that carries no histories. For
 * each container at most one record in an interval, with the measurements that have changed since its last one. After a
 * start, each is told whole.
 */
export class LatestWriter {
  readonly #options: LatestWriterOptions;
  readonly #states = new Map<string, State>();
  readonly #dirty = new Set<State>();
  #timer: TimerHandle | undefined;
  #writing = Promise.resolve();
  #isClosed = false;

  constructor(options: LatestWriterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#later();
  }

  /** A reading is durable. */
  observe({ topic, timestamp, measurements }: Reading): void {
    if (topic.subject !== "container" || topic.kind !== "telemetry") return;
    const { bookings, owner } = this.#options;
    const { owner: bookedBy } = containerStream(topic.id, timestamp, owner, bookings);
    const state = this.#stateOf(`${bookedBy}.latest` as StreamName, topic.recordTopic);
    // Late readings belong to the history.
    if (timestamp < state.time) return;
    state.time = timestamp;
    for (const [field, value] of Object.entries(measurements) as [string, unknown][]) {
      if (!isMeasurement(field)) continue;
      if (state.told[field] === value) delete state.changed[field];
      else state.changed[field] = value;
    }
    if (Object.keys(state.changed).length > 0) this.#dirty.add(state);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#writing;
  }

  #stateOf(stream: StreamName, container: TopicName): State {
    const key = `${stream} ${container}`;
    let state = this.#states.get(key);
    if (state === undefined) {
      state = { stream, container, time: -Infinity, told: {}, changed: {} };
      this.#states.set(key, state);
    }
    return state;
  }

  #later(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.env.setTimer(this.#options.everySeconds * 1_000, () => {
      this.#writing = this.#write().finally(() => this.#later());
    });
  }

  async #write(): Promise<void> {
    const byStream = new Map<StreamName, State[]>();
    for (const state of this.#dirty) byStream.set(state.stream, [...(byStream.get(state.stream) ?? []), state]);
    for (const [stream, states] of byStream) {
      for (let from = 0; from < states.length; from += BATCH_RECORDS_MAX) {
        await this.#append(stream, states.slice(from, from + BATCH_RECORDS_MAX));
      }
    }
  }

  async #append(stream: StreamName, states: readonly State[]): Promise<void> {
    const records = states.map(recordOf);
    const said = states.map(({ changed }) => ({ ...changed }));
    try {
      await this.#options.store.append(stream, records);
    } catch (error) {
      if (!isLandfallError(error)) throw error;
      // The next round tells the same and what came meanwhile.
      this.#options.log.debug({ err: error, stream }, "latest states not written");
      return;
    }
    states.forEach((state, i) => this.#told(state, said[i] as Record<string, unknown>));
  }

  #told(state: State, said: Readonly<Record<string, unknown>>): void {
    Object.assign(state.told, said);
    for (const [field, value] of Object.entries(said)) {
      if (state.changed[field] === value) delete state.changed[field];
    }
    if (Object.keys(state.changed).length === 0) this.#dirty.delete(state);
  }
}

function recordOf({ container, time, changed }: State): NewRecord {
  const value = { time: new Date(time).toISOString(), ...changed };
  return {
    topic: container,
    timestamp: time as TimestampMs,
    value: Buffer.from(JSON.stringify(value)),
    headers: { kind: "latest" },
  };
}
