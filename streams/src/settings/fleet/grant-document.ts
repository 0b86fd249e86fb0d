import type { GrantReply, GrantState, GrantValue } from "@landfall/proto/api";
import { Type } from "typebox";
import type { Grant, Subject } from "../../access/grant.js";
import { isInForce } from "../../access/grant.js";
import { isSettings } from "../../access/policy.js";
import { isLandfallError, LandfallError } from "../../model/errors.js";
import { ownerOfStream, streamName, topicName, type StreamName, type TopicName } from "../../model/names.js";
import type { Offset } from "../../model/record.js";
import { findProblems } from "../problems.js";
import { closed } from "../settings-schema.js";

/** Records of `<owner>.settings` with grants are called so, and the grant's id. */
export const GRANT_TOPIC_PREFIX = "grants.";
/** Bytes of one grant: a thousand containers with room to spare. */
export const GRANT_BYTES_MAX = 32 * 1024;
export const GRANT_TOPICS_MAX = 1_000;
export const GRANT_STREAMS_MAX = 16;
export const GRANT_NOTE_CHARS_MAX = 200;
/** Subject of a link. */
export const LINK_SUBJECT = "link";
const ID_PATTERN = /^[a-z0-9]{8,32}$/;
const SUBJECT_PATTERN = /^([ugr]):([A-Za-z0-9._@-]{1,255})$/;
const SUBJECTS = { u: "user", g: "group", r: "role" } as const;

const Time = Type.String({ maxLength: 40, wanted: "a time, e.g. 2026-11-20T08:00:00Z" });
const DOCUMENT = closed(
  Type.Object({
    kind: Type.Literal("grant"),
    version: Type.Literal(1),
    id: Type.String({ maxLength: 32 }),
    subject: Type.String({ maxLength: 260 }),
    streams: Type.Array(Type.String({ maxLength: 249 }), { minItems: 1, maxItems: GRANT_STREAMS_MAX }),
    topics: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 249 }), { minItems: 1, maxItems: GRANT_TOPICS_MAX }),
    ),
    from: Type.Optional(Time),
    to: Type.Optional(Time),
    untilGateOut: Type.Optional(Type.Literal(true)),
    validUntil: Type.Optional(Time),
    tokenSha256: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$", maxLength: 64 })),
    revoked: Type.Optional(Type.Literal(true)),
    by: Type.Optional(Type.String({ maxLength: 255 })),
    note: Type.Optional(Type.String({ maxLength: GRANT_NOTE_CHARS_MAX })),
  }),
);

/** The newest valid record of a grant. */
export interface KnownGrant extends Grant {
  readonly owner: string;
  readonly value: GrantValue;
  readonly version: Offset;
}

export function grantTopic(id: string): TopicName {
  return topicName(`${GRANT_TOPIC_PREFIX}${id}`);
}

/** What is wrong with a grant of this owner's streams; nothing when it may stand. */
export function grantProblems(owner: string, value: unknown): string[] {
  const problems = findProblems(DOCUMENT, value).map(({ message }) => message);
  if (problems.length > 0) return problems;
  const { id, subject, streams, topics = [], tokenSha256, validUntil, ...rest } = value as GrantValue;
  const said: string[] = [];
  if (!ID_PATTERN.test(id)) said.push(`id is ${JSON.stringify(id)}, want 8 to 32 small letters and digits`);
  const isLink = subject === LINK_SUBJECT;
  if (!isLink && !SUBJECT_PATTERN.test(subject)) {
    said.push(`subject is ${JSON.stringify(subject)}, want u:name, g:group, r:role or link`);
  }
  // What sites hold is for rules to say (R8).
  if (subject.startsWith("u:site.")) said.push("subject is a site: grants are for people, rules say what sites hold");
  for (const stream of streams) {
    const isOwn = isName(() => streamName(stream)) && ownerOfStream(stream as StreamName) === owner;
    if (!isOwn) said.push(`streams has ${JSON.stringify(stream)}, want streams of ${owner}: ${owner}.…`);
    else if (isSettings(stream)) said.push(`streams has ${stream}, which no grant opens`);
  }
  for (const topic of topics) {
    if (!isName(() => topicName(topic))) said.push(`topics has ${JSON.stringify(topic)}, which is no topic's name`);
  }
  const times = { from: rest.from, to: rest.to, validUntil };
  for (const [name, text] of Object.entries(times)) {
    if (text !== undefined && !isTime(text))
      said.push(`${name} is ${JSON.stringify(text)}, want a time of 2000 to 2200`);
  }
  if (
    said.length === 0 &&
    times.from !== undefined &&
    times.to !== undefined &&
    Date.parse(times.to) <= Date.parse(times.from)
  ) {
    said.push("to is not after from: nothing can be measured in that time");
  }
  if (isLink && (tokenSha256 === undefined || validUntil === undefined || topics.length !== 1)) {
    said.push("a link is for one container, and ends: want topics with one, validUntil and tokenSha256");
  }
  if (!isLink && tokenSha256 !== undefined) said.push("tokenSha256 is for links alone");
  return said;
}

/** Reads a record `grants.<id>` of `<owner>.settings`; a text says why it is none. */
export function readGrant(owner: string, topic: string, bytes: Uint8Array, version: Offset): KnownGrant | string {
  if (bytes.byteLength > GRANT_BYTES_MAX)
    return `it has ${bytes.byteLength} bytes, at most ${GRANT_BYTES_MAX} are read`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    return "the value is not JSON";
  }
  const [problem] = grantProblems(owner, parsed);
  if (problem !== undefined) return problem;
  const value = parsed as GrantValue;
  if (topic !== grantTopic(value.id)) return `id is ${value.id}, but it stands under the topic ${topic}`;
  return {
    owner,
    value,
    version,
    id: value.id,
    subject: subjectOf(owner, value),
    streams: value.streams as StreamName[],
    ...(value.topics && { topics: value.topics as TopicName[] }),
    from: time(value.from, Number.NEGATIVE_INFINITY),
    to: time(value.to, Number.POSITIVE_INFINITY),
    validUntil: value.revoked ? Number.NEGATIVE_INFINITY : time(value.validUntil, Number.POSITIVE_INFINITY),
  };
}

/** @throws LandfallError VALUE_TOO_LARGE */
export function writeGrant(value: GrantValue): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (bytes.byteLength > GRANT_BYTES_MAX) {
    throw new LandfallError("VALUE_TOO_LARGE", `a grant has at most ${GRANT_BYTES_MAX} bytes: name fewer topics`);
  }
  return bytes;
}

export function stateOf(grant: KnownGrant, now: number): GrantState {
  if (grant.value.revoked) return "revoked";
  return isInForce(grant, now) ? "in-force" : "expired";
}

/** What is told of a grant: never its token's hash. */
export function toGrantReply(grant: KnownGrant, now: number): GrantReply {
  const { kind: _kind, version: _version, tokenSha256: _hash, revoked: _revoked, ...value } = grant.value;
  return { ...value, owner: grant.owner, state: stateOf(grant, now), recordOffset: grant.version };
}

/** How a principal names the link it holds: ids are an owner's own. */
export function linkName(owner: string, id: string): string {
  return `${owner}/${id}`;
}

function subjectOf(owner: string, { subject, id }: GrantValue): Subject {
  if (subject === LINK_SUBJECT) return { kind: "link", name: linkName(owner, id) };
  const [, kind, name] = SUBJECT_PATTERN.exec(subject) ?? [];
  return { kind: SUBJECTS[kind as keyof typeof SUBJECTS], name: name ?? "" };
}

function time(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : Date.parse(text);
}

function isTime(text: string): boolean {
  const year = new Date(Date.parse(text)).getUTCFullYear();
  return year >= 2000 && year <= 2200;
}

function isName(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (!isLandfallError(error)) throw error;
    return false;
  }
}
