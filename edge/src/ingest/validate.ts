import type { Measurements } from "@landfall/proto/api";
import { PROBLEMS_MAX } from "../limits.js";
import { readEvent, type EventFields } from "./events.js";
import { checkMeasurements } from "./measurements.js";
import { readPayload } from "./payload.js";
import { problem, type Problem } from "./problem.js";
import { readTime } from "./time.js";
import { isProblem, type IngestTopic } from "./topics.js";

/** A message that keeps the contract, ready to be routed. */
export interface Reading {
  readonly topic: IngestTopic;
  /** When it was measured; the time of receipt where the message does not say. */
  readonly timestamp: number;
  /** Whether the message said when: only then can a repetition be told from a second reading (I1). */
  readonly timed: boolean;
  /** The payload, byte for byte. */
  readonly value: Uint8Array;
  /** The payload's known measurements, checked; it may hold other fields too. */
  readonly measurements: Measurements;
  readonly event?: EventFields;
}

export interface Refusal {
  /** At least one; the first is the reason given to people. */
  readonly problems: readonly Problem[];
}

/** The contract of a publish. Pure: `nowMs` is the time of receipt. */
export function validatePublish(topic: IngestTopic, value: Uint8Array, nowMs: number): Reading | Refusal {
  const payload = readPayload(value);
  if (isProblem(payload)) return { problems: [payload] };
  const { object } = payload;
  const problems: Problem[] = [];
  const timed = Object.hasOwn(object, "time");
  const time = timed ? readTime(object["time"], nowMs) : nowMs;
  if (typeof time !== "number") problems.push(time);
  const count = checkMeasurements(object, problems);
  const event = topic.kind === "event" ? readEvent(object, topic.subject, problems) : undefined;
  if (count === 0 && topic.kind !== "event") {
    const wanted = "want at least one of temperatureC, latitude and longitude, shockG, tiltDeg, doorOpen, …";
    problems.push(problem("NO_MEASUREMENT", "payload", `the payload holds no measurement: ${wanted}`));
  }
  if (problems.length > 0 || typeof time !== "number") return { problems: problems.slice(0, PROBLEMS_MAX) };
  return { topic, timestamp: time, timed, value, measurements: object, ...(event && { event }) };
}

export function isRefusal(outcome: Reading | Refusal): outcome is Refusal {
  return "problems" in outcome;
}
