import { containerNumberError, imoNumberError } from "@landfall/proto/identifiers";
import type { Env } from "@landfall/streams/env";
import { streamName, topicName, type StreamName } from "@landfall/streams/model/names";
import type { StoredRecord, TimestampMs } from "@landfall/streams/model/record";
import type { Exceptions } from "@landfall/streams/node/node";
import type { StreamStore } from "@landfall/streams/store/store";
import { StreamFollower, StreamReader } from "@landfall/streams/store/stream-follower";
import { PAYLOAD_BYTES_MAX, REPLAY_RECORDS } from "../limits.js";
import type { AppendBatcher } from "../ingest/append-batcher.js";

/** Something that a sensor is told: `containers/<container>/commands` or `ships/<imo>/commands`. */
export interface Command {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  /** Whether who subscribes later gets it, too; with an empty payload: nothing any more. */
  readonly retain: boolean;
}

export interface CommandLogOptions {
  readonly owner: string;
  readonly store: Pick<StreamStore, "streams" | "readStream" | "onCommit">;
  readonly batcher: Pick<AppendBatcher, "append">;
  readonly env: Env;
  readonly exceptions: Exceptions;
  /** Told of every command once, in the order in which they became known here. `isOld`: it was there before the start. */
  readonly onCommand: (command: Command, isOld: boolean) => void;
}

const HEADER = { KIND: "kind", QOS: "qos", RETAIN: "retain" } as const;

/**
 * Commands are records of `<owner>.commands`, topic container or IMO number. They are durable before their sender has a PUBACK,
 * and reach subscribers from the stream alone: so they do wherever they were written, at another node of the ship too.
 */
export class CommandLog {
  readonly #options: CommandLogOptions;
  readonly #stream: StreamName;
  readonly #follower: StreamFollower;
  /** Whether what is read was there before the start; also when it can be read only later. */
  #isOld = true;

  constructor(options: CommandLogOptions) {
    const { owner, store, env, onCommand } = options;
    this.#options = options;
    this.#stream = streamName(`${owner}.commands`);
    const reader = new StreamReader(store, REPLAY_RECORDS);
    this.#follower = new StreamFollower({
      store,
      env,
      isFollowed: (stream) => stream === this.#stream,
      read: async (stream) => {
        await reader.readOn(stream, (record) => onCommand(commandOf(record), this.#isOld));
        this.#isOld = false;
      },
      onFailed: (_stream, error) => this.#failed(error),
    });
  }

  /** Why a command can never be stored, or undefined. */
  problemOf({ topic, payload }: Pick<Command, "topic" | "payload">): string | undefined {
    const [root = "", id = ""] = topic.split("/", 2);
    if (payload.byteLength > PAYLOAD_BYTES_MAX) {
      return `the command has ${payload.byteLength} bytes: want at most ${PAYLOAD_BYTES_MAX} (64 KiB)`;
    }
    return root === "containers" ? containerNumberError(id) : imoNumberError(id);
  }

  /** Resolves when it is durable. @throws LandfallError as `StreamStore.append` */
  async store({ topic, payload, qos, retain }: Command): Promise<void> {
    const record = {
      topic: topicName(topic.split("/", 2)[1] ?? ""),
      timestamp: this.#options.env.now() as TimestampMs,
      value: payload,
      headers: { [HEADER.KIND]: "command", [HEADER.QOS]: String(qos), ...(retain && { [HEADER.RETAIN]: "1" }) },
    };
    const unstorable = await this.#options.batcher.append(this.#stream, record);
    if (unstorable?.has(record) === true) throw unstorable.get(record);
  }

  /** Resolves when what is in the store was told; from then on it follows. What cannot be read is tried again. */
  start(): Promise<void> {
    this.#isOld = this.#options.store.streams().includes(this.#stream);
    return this.#follower.start();
  }

  close(): Promise<void> {
    return this.#follower.close();
  }

  #failed(error: unknown): void {
    const message = `commands could not be read and wait: ${error instanceof Error ? error.message : String(error)}`;
    this.#options.exceptions.report({ code: "COMMANDS_UNREADABLE", source: "commands", message });
  }
}

function commandOf({ topic, value, headers }: StoredRecord): Command {
  const root = /^\d+$/.test(topic) ? "ships" : "containers";
  const qos = Number(headers?.[HEADER.QOS] ?? 1);
  return {
    topic: `${root}/${topic}/commands`,
    payload: value,
    qos: qos === 0 || qos === 2 ? qos : 1,
    retain: headers?.[HEADER.RETAIN] === "1",
  };
}
