import { containerNumberError, imoNumberError } from "@landfall/proto/identifiers";
import type { TopicName } from "@landfall/streams/model/names";
import { problem, show, type Problem } from "./problem.js";

/** What a message is about: also the record's header `kind`. */
export type IngestKind = "telemetry" | "event" | "position" | "environment";

/** An MQTT topic of the contract, taken apart. */
export interface IngestTopic {
  readonly subject: "container" | "ship";
  /** Container number or IMO number. */
  readonly id: string;
  readonly kind: IngestKind;
  /** Topic of the record: `MSKU9070323`, `9321483.position`. */
  readonly recordTopic: TopicName;
  /** Names the history, whatever stream it goes to: made once, since it is looked up with every message. */
  readonly key: string;
}

const CONTAINER_KINDS: ReadonlyMap<string, IngestKind> = new Map([
  ["telemetry", "telemetry"],
  ["events", "event"],
]);
const SHIP_KINDS: ReadonlyMap<string, IngestKind> = new Map([
  ["position", "position"],
  ["environment", "environment"],
  ["events", "event"],
]);

/** Every topic on which readings are published, by its shape. */
export const READING_TOPICS: readonly string[] = [
  ...Array.from(CONTAINER_KINDS.keys(), (leaf) => `containers/<container>/${leaf}`),
  ...Array.from(SHIP_KINDS.keys(), (leaf) => `ships/<imo>/${leaf}`),
];

export const TOPICS_WANTED = `${READING_TOPICS.slice(0, -1).join(", ")} or ${READING_TOPICS.at(-1)}`;

/** The contract's topics with valid check digits, and nothing else. */
export function parseIngestTopic(topic: string): IngestTopic | Problem {
  const parts = topic.split("/", 4);
  const [root, id = "", leaf = ""] = parts;
  const kind = root === "containers" ? CONTAINER_KINDS.get(leaf) : root === "ships" ? SHIP_KINDS.get(leaf) : undefined;
  if (kind === undefined || parts.length !== 3) {
    return problem("UNKNOWN_TOPIC", "topic", `nothing is published on the topic ${show(topic)}: want ${TOPICS_WANTED}`);
  }
  const wrong = root === "containers" ? containerNumberError(id) : imoNumberError(id);
  if (wrong !== undefined) return problem("BAD_IDENTIFIER", "topic", `topic ${show(topic)}: ${wrong}`);
  return root === "containers"
    ? { subject: "container", id, kind, recordTopic: id as TopicName, key: `container ${id}` }
    : { subject: "ship", id, kind, recordTopic: `${id}.${leaf}` as TopicName, key: `ship ${id} ${leaf}` };
}

/** The key of the history that a stored record belongs to: `IngestTopic.key`, or that of a port's copy. */
export function keyOfRecord(stream: string, topic: string): string {
  if (stream.startsWith("port.")) return copyKey(stream, topic);
  const dot = topic.indexOf(".");
  return dot < 0 ? `container ${topic}` : `ship ${topic.slice(0, dot)} ${topic.slice(dot + 1)}`;
}

/** The key of what a port's authority gets. */
export function copyKey(stream: string, id: string): string {
  return `${stream} ${id}`;
}

export function isProblem(value: object): value is Problem {
  return "code" in value;
}
