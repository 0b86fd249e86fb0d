import { LandfallError } from "./errors.js";
import { TOPIC_NAME_BYTES_MAX, STREAM_NAME_CHARS_MAX } from "../limits.js";
import type { Brand } from "./brand.js";

/** A named set of topics under one policy, e.g. `bigblue.containers`. Legal as a Kafka topic name. */
export type StreamName = Brand<string, "StreamName">;
/** One ordered history inside a stream, e.g. `MSKU9070323` or `9321483.position`. */
export type TopicName = Brand<string, "TopicName">;
/** The identity under which one node appends: `<site>.<node>~<incarnation>`. */
export type OriginId = Brand<string, "OriginId">;
/** Name of a site, e.g. `tokyo` or `ship-9321483`. */
export type SiteName = Brand<string, "SiteName">;

const STREAM_PATTERN = /^[a-z0-9][a-z0-9._-]*$/;
// Printable ASCII without the separators that the full name (`stream:topic`) and URLs need.
const TOPIC_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._\-/@=+]*$/;
const SITE_PATTERN = /^[a-z0-9][a-z0-9-]*$/;
const NODE_PATTERN = /^[a-z0-9][a-z0-9-]*$/;
const ORIGIN_PATTERN = /^[a-z0-9][a-z0-9-]*\.[a-z0-9][a-z0-9-]*~[a-z0-9]+$/;

/** @throws LandfallError INVALID_NAME */
export function streamName(text: string): StreamName {
  if (text.length > STREAM_NAME_CHARS_MAX || !STREAM_PATTERN.test(text)) {
    throw new LandfallError(
      "INVALID_NAME",
      `not a stream name: ${quote(text)} (lower-case letters, digits, '.', '_' and '-')`,
    );
  }
  return text as StreamName;
}

/** @throws LandfallError INVALID_NAME */
export function topicName(text: string): TopicName {
  if (text.length > TOPIC_NAME_BYTES_MAX || !TOPIC_PATTERN.test(text)) {
    throw new LandfallError("INVALID_NAME", `not a topic name: ${quote(text)}`);
  }
  return text as TopicName;
}

/** @throws LandfallError INVALID_NAME */
export function siteName(text: string): SiteName {
  if (text.length > 63 || !SITE_PATTERN.test(text)) {
    throw new LandfallError("INVALID_NAME", `not a site name: ${quote(text)} (lower-case letters, digits and '-')`);
  }
  return text as SiteName;
}

/** Name of a node within its site: one letter or word, e.g. `a`. @throws LandfallError INVALID_NAME */
export function nodeName(text: string): string {
  if (text.length > 63 || !NODE_PATTERN.test(text)) {
    throw new LandfallError("INVALID_NAME", `not a node name: ${quote(text)} (lower-case letters, digits and '-')`);
  }
  return text;
}

/** @throws LandfallError INVALID_NAME */
export function originId(text: string): OriginId {
  if (text.length > 160 || !ORIGIN_PATTERN.test(text)) {
    throw new LandfallError("INVALID_NAME", `not an origin: ${quote(text)} (want site.node~incarnation)`);
  }
  return text as OriginId;
}

/** The site that an origin belongs to. */
export function siteOfOrigin(origin: OriginId): SiteName {
  return origin.slice(0, origin.indexOf(".")) as SiteName;
}

/** The node that an origin belongs to, as `site.node`, whatever its incarnation. */
export function nodeOfOrigin(origin: OriginId): string {
  return origin.slice(0, origin.indexOf("~"));
}

/** The owner of a stream is what stands before the first dot: `duckworks.alerts` belongs to `duckworks`. */
export function ownerOfStream(stream: StreamName): string {
  const dot = stream.indexOf(".");
  return dot < 0 ? stream : stream.slice(0, dot);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
