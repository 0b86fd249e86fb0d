import { unionOfSpans, type Span } from "../view/moves.js";

/** What is known of the thing whose history has the gap. Times are of measuring, milliseconds since 1970. */
export interface GapEvidence {
  /** Its records by the gap's origin. */
  readonly own: readonly { readonly seq: number; readonly time: number }[];
  /** When other sites measured it, in order. */
  readonly elsewhere: readonly number[];
  /** When it was at the origin's site, as loading and discharge tell. */
  readonly aboard: readonly Span[];
}

/** When the origin's records right before and right after the gap were measured, of whatever topic. */
export interface GapSurroundings {
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/**
 * When records of this thing can have been measured that lie in the gap; infinite where nothing says. Empty when it was
 * not there.
 *
 * An origin numbers what it stores as it comes, so the missing records of a topic lie between those of the same topic that
 * the same origin stored before and after. Where it was at another site in between it cannot have been here; and the
 * records of other topics around the gap were measured about when the missing ones were. Only a sensor that
 * sent late breaks the last rule: it gives way where the others leave nothing of the time between two neighbours.
 */
export function placeGap(
  hole: { readonly from: number; readonly to: number },
  evidence: GapEvidence,
  around: GapSurroundings,
): Span[] {
  let low: number | undefined;
  let high: number | undefined;
  let lowSeq = -1;
  let highSeq = Infinity;
  for (const { seq, time } of evidence.own) {
    if (seq < hole.from && seq > lowSeq) [low, lowSeq] = [time, seq];
    if (seq >= hole.to && seq < highSeq) [high, highSeq] = [time, seq];
  }
  // A sensor that sent late may have turned them round.
  const between: Span = {
    from: low === undefined ? -Infinity : Math.min(low, high ?? Infinity),
    to: high === undefined ? Infinity : Math.max(high, low ?? -Infinity),
  };
  const others = evidence.elsewhere.filter((time) => time > between.from && time < between.to);
  const [firstOther, lastOther] = [others[0], others.at(-1)];
  const stays: Span[] = [];
  if (low !== undefined || high !== undefined) {
    if (firstOther === undefined || lastOther === undefined) stays.push(between);
    else {
      if (low !== undefined) stays.push({ from: between.from, to: firstOther });
      if (high !== undefined) stays.push({ from: lastOther, to: between.to });
    }
  }
  for (const span of evidence.aboard) {
    const stay = overlap(span, between);
    if (stay) stays.push(stay);
  }
  const about: Span = { from: around.before ?? -Infinity, to: around.after ?? Infinity };
  const placed = unionOfSpans(stays).flatMap((stay) => overlap(stay, about) ?? []);
  const isBounded = low !== undefined && high !== undefined && firstOther === undefined;
  return placed.length === 0 && isBounded && between.to > between.from ? [between] : placed;
}

export function overlap(a: Span, b: Span): Span | undefined {
  const from = Math.max(a.from, b.from);
  const to = Math.min(a.to, b.to);
  return from < to ? { from, to } : undefined;
}
