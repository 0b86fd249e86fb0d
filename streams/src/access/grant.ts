import type { StreamName, TopicName } from "../model/names.js";
import type { Principal } from "./policy.js";

/** Half-open: event times from the first to before the second, milliseconds since 1970; infinite where it has no end. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

/** Part of a stream: one topic, or every topic where none is named, as far as it was measured within the span. */
export interface Slice extends TimeSpan {
  readonly topic?: TopicName;
}

/** What of a stream somebody may be shown. An empty list is nothing. */
export type Scope = "all" | readonly Slice[];

/** Whom a grant is for: a user, a group, a role, or whoever holds the link of the grant with this id. */
export interface Subject {
  readonly kind: "user" | "group" | "role" | "link";
  readonly name: string;
}

/** Somebody's right to be shown a part of an owner's streams: beside the rules, and only for reading. */
export interface Grant extends TimeSpan {
  readonly id: string;
  readonly subject: Subject;
  readonly streams: readonly StreamName[];
  /** All topics where none is named. */
  readonly topics?: readonly TopicName[];
  /** Milliseconds since 1970 at which the right ends, whatever span it is for; infinite where it does not. */
  readonly validUntil: number;
}

const EVERYTHING: TimeSpan = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

export function isInForce({ validUntil }: Pick<Grant, "validUntil">, now: number): boolean {
  return now < validUntil;
}

export function isMeant({ kind, name }: Subject, principal: Principal): boolean {
  if (kind === "link") return principal.link === name;
  // Who holds a link is nobody else: not even a user who happens to be called like it.
  if (principal.link !== undefined) return false;
  if (kind === "user") return principal.user === name && name !== "";
  return (kind === "group" ? principal.groups : principal.roles).includes(name);
}

/** Whether a grant is of whole streams, of all time. */
export function grantedEverything(grant: Grant): boolean {
  return grant.topics === undefined && contains(grant, EVERYTHING);
}

/** What these grants, all of one stream, give somebody at this moment. */
export function grantedSlices(grants: readonly Grant[], principal: Principal, now: number): Scope {
  const slices: Slice[] = [];
  for (const grant of grants) {
    if (!isInForce(grant, now) || !isMeant(grant.subject, principal)) continue;
    const { from, to, topics } = grant;
    if (grantedEverything(grant)) return "all";
    for (const topic of topics ?? [undefined]) slices.push({ from, to, ...(topic !== undefined && { topic }) });
  }
  return slices.filter((slice, i) => !slices.some((other, j) => j !== i && swallows(other, slice, j < i)));
}

/** Whether the scope shows anything of a stream. */
export function showsAnything(scope: Scope): boolean {
  return scope === "all" || scope.length > 0;
}

/** What both scopes show. */
export function commonScope(a: Scope, b: Scope): Scope {
  if (a === "all") return b;
  if (b === "all") return a;
  const common = a.flatMap((one) => b.flatMap((other) => commonSlice(one, other) ?? []));
  return common.filter((slice, i) => !common.some((other, j) => j !== i && swallows(other, slice, j < i)));
}

function commonSlice(a: Slice, b: Slice): Slice | undefined {
  if (a.topic !== undefined && b.topic !== undefined && a.topic !== b.topic) return undefined;
  const span = intersection(a, b);
  const topic = a.topic ?? b.topic;
  return span && { ...span, ...(topic !== undefined && { topic }) };
}

/** The times of one topic that the scope shows, in order, none touching another. */
export function spansOf(scope: Scope, topic: string): TimeSpan[] {
  if (scope === "all") return [EVERYTHING];
  const spans: { from: number; to: number }[] = [];
  const own = scope.filter((slice) => slice.topic === undefined || slice.topic === topic);
  for (const { from, to } of own.toSorted((a, b) => a.from - b.from)) {
    const last = spans.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else spans.push({ from, to });
  }
  return spans;
}

export function isWithin(spans: readonly TimeSpan[], time: number): boolean {
  return spans.some(({ from, to }) => from <= time && time < to);
}

/** The part of both; undefined when they do not meet. */
export function intersection(a: TimeSpan, b: TimeSpan): TimeSpan | undefined {
  const [from, to] = [Math.max(a.from, b.from), Math.min(a.to, b.to)];
  return from < to ? { from, to } : undefined;
}

function contains(outer: TimeSpan, inner: TimeSpan): boolean {
  return outer.from <= inner.from && outer.to >= inner.to;
}

/** Whether a slice adds nothing to another; of two that are the same, the first stays. */
function swallows(outer: Slice, inner: Slice, isFirst: boolean): boolean {
  if (outer.topic !== undefined && outer.topic !== inner.topic) return false;
  if (!contains(outer, inner)) return false;
  const isSame = outer.topic === inner.topic && contains(inner, outer);
  return !isSame || isFirst;
}
