import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Kafka, logLevel } from "kafkajs";
import type { KafkaCluster } from "./cluster.js";
import { BrokersError } from "./errors.js";

/** A broker needs three seconds; ten of them on a machine that is busy with other things need more. */
const READY_MS_MAX = 120_000;
const LOOK_MS = 100;
const ANSWER_MS_MAX = 3_000;
/** All that one look may take. */
const LOOK_MS_MAX = 15_000;
const LOG_LINES_SHOWN = 25;
const ID = "landfall-ready";

/**
 * Waits until each of these brokers answers by itself and counts itself to the cluster, and the cluster has a controller.
 * @throws BrokersError UNAVAILABLE when one ends before that, LATE when it takes too long; with the ends of all logs
 */
export async function untilReady(
  cluster: KafkaCluster,
  indexes: readonly number[],
  withinMs = READY_MS_MAX,
): Promise<void> {
  const end = performance.now() + withinMs;
  for (const index of indexes) {
    for (;;) {
      const late = sleep(LOOK_MS_MAX, "the client hangs", { ref: false });
      const why = await Promise.race([notReady(cluster, index, indexes), late]);
      if (why === undefined) break;
      const isLate = performance.now() > end;
      if (!isLate && cluster.isRunning(index)) {
        await sleep(LOOK_MS);
        continue;
      }
      const what = isLate ? `is not ready after ${withinMs / 1_000} s (${why})` : "ended before it was ready";
      const ends = cluster.brokers.map((_, i) => `the end of the log of broker ${i}:\n${endOf(cluster.logFile(i))}`);
      throw new BrokersError(isLate ? "LATE" : "UNAVAILABLE", `broker ${index} ${what}; ${ends.join("\n")}`);
    }
  }
}

/** Undefined when it is. */
async function notReady(cluster: KafkaCluster, index: number, wanted: readonly number[]): Promise<string | undefined> {
  const brokers = [cluster.bound("PLAINTEXT")[index] ?? ""];
  const kafka = new Kafka({
    clientId: ID,
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: ANSWER_MS_MAX,
    requestTimeout: ANSWER_MS_MAX,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers, controller } = await admin.describeCluster();
    if (controller === null) return "no controller";
    const missing = wanted.filter((one) => !brokers.some(({ nodeId }) => nodeId === one + 1));
    return missing.length === 0 ? undefined : `it answers, and does not count broker ${missing.join(", ")}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Whether a broker's log says that somebody else has its port. */
export function lostItsPort(cluster: KafkaCluster, index: number): boolean {
  return /Address already in use|Failed to bind/i.test(read(cluster.logFile(index)));
}

function endOf(file: string): string {
  const lines = read(file).trimEnd().split("\n");
  // What is said again and again tells nothing more the second time.
  const [said, shown]: [Set<string>, string[]] = [new Set(), []];
  for (const line of lines.toReversed()) {
    const what = line.replace(/^\S+ /, "").replaceAll(/\d+/g, "#");
    if (said.has(what)) continue;
    said.add(what);
    shown.unshift(line);
    if (shown.length === LOG_LINES_SHOWN) break;
  }
  return shown.join("\n");
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
