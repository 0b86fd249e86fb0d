import type { ExceptionValue, HealthPoint, SiteException, SiteHealthReply, StatusValue } from "@landfall/proto/api";
import { streamName, type StreamName, type TopicName } from "@landfall/streams/model/names";
import type { StoredRecord, TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import { HEALTH_EXCEPTIONS_MAX, HEALTH_NODES_MAX, HEALTH_POINTS_MAX, HEALTH_RECORDS_MAX } from "../limits.js";

/** The streams that a site's health is read from. */
export function healthStreams(owner: string): { readonly metrics: StreamName; readonly exceptions: StreamName } {
  return { metrics: streamName(`${owner}.metrics`), exceptions: streamName(`${owner}.exceptions`) };
}

/**
 * What the nodes of a site wrote of themselves since `since` (milliseconds since 1970), thinned to what a chart shows.
 * The caller has asked whether both streams may be read.
 * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
 */
export async function siteHealth(
  store: Pick<StreamStore, "topics" | "readTopic">,
  site: string,
  owner: string,
  since: number,
): Promise<SiteHealthReply> {
  const { metrics, exceptions } = healthStreams(owner);
  const nodes: { node: string; points: HealthPoint[] }[] = [];
  for (const [node, topic] of nodesIn(store, metrics, site)) {
    const records = await newest(store, metrics, topic, since, HEALTH_RECORDS_MAX);
    const points = records.flatMap((record) => pointOf(record) ?? []).sort(byTime);
    if (points.length > 0) nodes.push({ node, points: thinned(points) });
  }
  const found: SiteException[] = [];
  for (const [node, topic] of nodesIn(store, exceptions, site)) {
    const records = await newest(store, exceptions, topic, since, HEALTH_EXCEPTIONS_MAX);
    for (const record of records) {
      const value = valueOf<ExceptionValue>(record, "exception");
      if (!value) continue;
      const { code, source, message, time, suppressed } = value;
      found.push({ node, code, source, message, time, ...(suppressed !== undefined && { suppressed }) });
    }
  }
  found.sort((a, b) => -byTime(a, b));
  return { site, nodes, exceptions: found.slice(0, HEALTH_EXCEPTIONS_MAX) };
}

/** Nodes that wrote to a stream; their topics are `<site>.<node>`. */
function nodesIn(store: Pick<StreamStore, "topics">, stream: StreamName, site: string): [string, TopicName][] {
  const prefix = `${site}.`;
  return store
    .topics(stream, { prefix, limit: HEALTH_NODES_MAX })
    .map((topic): [string, TopicName] => [topic.slice(prefix.length), topic]);
}

function newest(
  store: Pick<StreamStore, "readTopic">,
  stream: StreamName,
  topic: TopicName,
  since: number,
  limit: number,
): Promise<StoredRecord[]> {
  return store.readTopic(stream, topic, { fromTime: since as TimestampMs, reverse: true, limit });
}

/** What is no such value is another program's. */
function valueOf<T extends { readonly kind: string; readonly time: string }>(
  record: StoredRecord,
  kind: T["kind"],
): T | undefined {
  try {
    const value = JSON.parse(Buffer.from(record.value).toString("utf8")) as Partial<T> | null;
    return value?.kind === kind && typeof value.time === "string" ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

function pointOf(record: StoredRecord): HealthPoint | undefined {
  const value = valueOf<StatusValue>(record, "status");
  if (!value || !Array.isArray(value.links)) return undefined;
  const sum = (of: (link: StatusValue["links"][number]) => number): number =>
    value.links.reduce((total, link) => total + (of(link) || 0), 0);
  return {
    time: value.time,
    waitingRecords: sum(({ toSend, toReceive }) => toSend + toReceive),
    bytesPerSecond: sum(({ bytesPerSecond }) => bytesPerSecond),
    recordsPerSecond: sum(({ recordsPerSecond }) => recordsPerSecond),
    bytesOnDisk: value.store?.bytesOnDisk ?? 0,
    rssBytes: value.rssBytes ?? 0,
  };
}

/** As many as a chart has room for: of each stretch the most, so that no peak is lost. */
function thinned(points: readonly HealthPoint[]): HealthPoint[] {
  if (points.length <= HEALTH_POINTS_MAX) return [...points];
  return Array.from({ length: HEALTH_POINTS_MAX }, (_, i) => {
    const from = Math.floor((i * points.length) / HEALTH_POINTS_MAX);
    const to = Math.floor(((i + 1) * points.length) / HEALTH_POINTS_MAX);
    return points.slice(from, to).reduce((most, point) => ({
      time: point.time,
      waitingRecords: Math.max(most.waitingRecords, point.waitingRecords),
      bytesPerSecond: Math.max(most.bytesPerSecond, point.bytesPerSecond),
      recordsPerSecond: Math.max(most.recordsPerSecond, point.recordsPerSecond),
      bytesOnDisk: Math.max(most.bytesOnDisk, point.bytesOnDisk),
      rssBytes: Math.max(most.rssBytes, point.rssBytes),
    }));
  });
}

function byTime(a: { readonly time: string }, b: { readonly time: string }): number {
  return a.time < b.time ? -1 : a.time > b.time ? 1 : 0;
}
