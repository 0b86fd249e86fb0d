import type { GapReason } from "../model/gap.js";

/** Seqs of one origin that one site lacks although the other has them. */
export interface Lacking {
  readonly kind: "lacking";
  readonly site: string;
  readonly from: number;
  readonly to: number;
  /** Why, as that site says; absent when it does not know that it lacks them. */
  readonly reason?: GapReason;
}

/** One seq, of which the sites hold different records: a fork, or corruption that no checksum tells. */
export interface Different {
  readonly kind: "different";
  readonly seq: number;
  /** What each site has under it. */
  readonly at: Readonly<Record<string, { readonly topic: string; readonly offset: number }>>;
}

/** Digests of these seqs differ; there were too many of them to look into each. */
export interface Unexamined {
  readonly kind: "unexamined";
  readonly from: number;
  readonly to: number;
}

export type Difference = Lacking | Different | Unexamined;

/** What is not at a site and need not be: no difference, but named. */
export interface Absent {
  /** Without, at neither. */
  readonly site?: string;
  readonly from: number;
  readonly to: number;
  readonly reason: GapReason;
}

/** A site that has not yet got what the other has at the end of an origin's history: replication is under way. */
export interface Behind {
  readonly site: string;
  readonly records: number;
  /** First seq that it lacks. */
  readonly from: number;
}

/** Records of one origin in one stream, as two sites hold them. */
export interface OriginComparison {
  readonly stream: string;
  readonly origin: string;
  /** Records that both hold and that are the same. */
  readonly same: number;
  readonly behind?: Behind;
  readonly differences: readonly Difference[];
  readonly absent: readonly Absent[];
}

export type Verdict = "equal" | "behind" | "different";

export interface SiteComparison {
  readonly sites: readonly [string, string];
  readonly verdict: Verdict;
  /** All bytes were read at both sites. */
  readonly deep: boolean;
  readonly streams: number;
  readonly origins: readonly OriginComparison[];
}

export function verdictOf({ differences, behind }: Pick<OriginComparison, "differences" | "behind">): Verdict {
  if (differences.length > 0) return "different";
  return behind === undefined ? "equal" : "behind";
}

export function worst(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("different")) return "different";
  return verdicts.includes("behind") ? "behind" : "equal";
}
