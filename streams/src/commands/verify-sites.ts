import { setTimeout as pause } from "node:timers/promises";
import { matchesAny } from "../access/pattern.js";
import { isLandfallError } from "../model/errors.js";
import { compareSites } from "../verify/compare-sites.js";
import { repairSites, type Repaired } from "../verify/repair-sites.js";
import { CommandError } from "./command-error.js";
import { httpSite } from "./http-site.js";
import { formatComparison, formatRepaired } from "./comparison-table.js";
import { findTarget } from "./target.js";
import type { SiteComparison } from "../verify/comparison.js";
import type { SiteView } from "../verify/site-view.js";

export interface VerifySitesOptions {
  readonly repair?: boolean;
  readonly deep?: boolean;
  readonly json?: boolean;
  /** Patterns; all streams without. */
  readonly stream?: readonly string[];
  readonly token?: string;
  readonly data: string;
}

/** Exit codes. */
const EQUAL = 0;
const DIFFERENT = 1;
const NOT_COMPARED = 2;

/** Compares what two sites hold. @returns the exit code: 0 equal, 1 not equal, 2 could not be compared */
export async function verifySites(names: readonly string[], options: VerifySitesOptions): Promise<number> {
  try {
    const [first, second, ...others] = names;
    if (first === undefined || second === undefined || others.length > 0) {
      throw new CommandError("name two sites: --sites tokyo los-angeles");
    }
    const views = [httpSite(findTarget(first, options)), httpSite(findTarget(second, options))] as const;
    const compare = (deep: boolean): Promise<SiteComparison> => {
      const includes = (stream: string): boolean => options.stream === undefined || matchesAny(options.stream, stream);
      return compareSites(views, { deep, includes, pause });
    };
    const found = await compare(options.deep === true);
    const { after, repaired } = await repair(views, found, options, () => compare(false));
    const last = after ?? found;
    if (options.json === true)
      process.stdout.write(`${JSON.stringify({ ...last, ...(after && { found, repaired }) })}\n`);
    else {
      process.stdout.write(formatComparison(found));
      if (after !== undefined) process.stdout.write(`${formatRepaired(repaired)}\n${formatComparison(after)}`);
    }
    // Nothing that may be read at both proves nothing.
    if (last.origins.length === 0) throw new CommandError("there is no stream that both sites hold and you may read");
    return last.verdict === "equal" ? EQUAL : DIFFERENT;
  } catch (error) {
    if (!(error instanceof CommandError) && !isLandfallError(error)) throw error;
    process.stderr.write(`landfall verify: ${error.message}\n`);
    return NOT_COMPARED;
  }
}

/** With `--repair`, and if there is anything that could be. */
async function repair(
  views: readonly [SiteView, SiteView],
  found: SiteComparison,
  options: VerifySitesOptions,
  again: () => Promise<SiteComparison>,
): Promise<{ after?: SiteComparison; repaired: Repaired[] }> {
  const isWorthIt = found.origins.some(({ differences }) => differences.some(({ kind }) => kind === "lacking"));
  if (options.repair !== true || !isWorthIt) return { repaired: [] };
  const repaired = await repairSites(views, found, pause);
  return { after: await again(), repaired };
}
