import type { StreamName } from "../model/names.js";

/** Who asks. Sites are principals too: `site.<name>`. */
export interface Principal {
  /** Empty for somebody who has not said who they are. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
}

export const ANONYMOUS: Principal = { user: "", groups: [], roles: [] };

export type Action = "read" | "replicate";

/** Access control expressions for all streams whose name matches `stream` (`*` stands for any characters). */
export interface StreamRule {
  readonly stream: string;
  readonly read?: string;
  readonly replicate?: string;
}

/** The one decision point (A2). Pure: same question, same answer. */
export interface Policy {
  /** False unless a rule says otherwise (A1); of several matching rules the first counts. */
  allows(principal: Principal, action: Action, stream: StreamName): boolean;
}
