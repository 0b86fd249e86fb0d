import type { Env } from "../env.js";
import type { StoreLog } from "../store/open-folder.js";
import { KafkaError } from "./kafka-client.js";

/** Partitions of a topic that was just made, or whose broker has gone, find their leaders within so long. */
const SETTLING_MS = 3_000;
/** What is tried again is tried within so long: what was well in between was so elsewhere. */
const WELL_MS = 5_000;
/** Kafka's own names for a leader that is another one, or not known yet. */
const MOVING: readonly string[] = [
  "NOT_LEADER_FOR_PARTITION",
  "NOT_LEADER_OR_FOLLOWER",
  "LEADER_NOT_AVAILABLE",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
];

/** What holds a node up at Kafka, writing and following: one that goes on says nothing of the other. */
export class Troubles {
  private readonly open = new Map<"writing" | "following", string>();
  /** By what it says, which names the topic. */
  private readonly met = new Map<string, { readonly since: number; lastAt: number }>();
  private isTold = false;

  constructor(
    private readonly env: Pick<Env, "monotonic">,
    private readonly log: Pick<StoreLog, "warn">,
  ) {}

  /** In Kafka's words, if anything holds it up now. */
  get why(): string | undefined {
    return this.open.get("writing") ?? this.open.get("following");
  }

  /** Told in the log once, until all was well for a while; a leader that moves only when that lasts. */
  add(at: "writing" | "following", error: Error): void {
    const now = this.env.monotonic();
    for (const [message, { lastAt }] of this.met) if (now - lastAt > WELL_MS) this.met.delete(message);
    if (this.met.size === 0) this.isTold = false;
    const { since } = this.met.get(error.message) ?? { since: now };
    this.met.set(error.message, { since, lastAt: now });
    this.open.set(at, error.message);
    const isMoving = error instanceof KafkaError && MOVING.includes(error.type);
    if (this.isTold || (isMoving && now - since < SETTLING_MS)) return;
    this.isTold = true;
    this.log.warn({ err: error }, "Kafka does not answer as it should; it is asked again");
  }

  end(at: "writing" | "following"): void {
    this.open.delete(at);
  }
}
