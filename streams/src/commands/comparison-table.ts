import { verdictOf, worst, type Difference, type OriginComparison, type SiteComparison } from "../verify/comparison.js";
import { formatCount, formatTable } from "./table.js";
import type { Repaired } from "../verify/repair-sites.js";

/** Of one origin so many differences are told; `--json` has all. */
const TOLD_MAX = 10;
const VERDICTS = { equal: "equal", behind: "BEHIND", different: "DIFFERENT" } as const;

/** A comparison for people: a line for each stream, and what is to be said of single origins. */
export function formatComparison({ sites, verdict, deep, origins }: SiteComparison): string {
  const streams = [...new Set(origins.map(({ stream }) => stream))];
  const rows = streams.map((stream) => {
    const own = origins.filter((origin) => origin.stream === stream);
    const lacks = (site: string): string => formatCount(own.reduce((sum, origin) => sum + lackedBy(origin, site), 0));
    const differ = own.reduce((sum, { differences }) => sum + differing(differences), 0);
    return [
      stream,
      formatCount(own.length),
      formatCount(own.reduce((sum, { same }) => sum + same, 0)),
      ...sites.map(lacks),
      formatCount(differ),
      VERDICTS[worst(own.map(verdictOf))],
    ];
  });
  const head = ["STREAM", "ORIGINS", "SAME RECORDS", ...sites.map((site) => `${site} LACKS`), "DIFFER", "RESULT"];
  const same = origins.reduce((sum, origin) => sum + origin.same, 0);
  const how = deep ? "every byte read at both" : "by stored digests";
  const sum = `${sites[0]} and ${sites[1]}: ${VERDICTS[verdict]}, ${formatCount(same)} records the same (${how})\n`;
  const table = rows.length === 0 ? "" : formatTable(head, rows);
  return `${table}${origins.flatMap((origin) => told(origin, sites)).join("")}${sum}`;
}

export function formatRepaired(repaired: readonly Repaired[]): string {
  const lines = repaired.map(({ site, lacked, left }) => {
    const rest =
      left === 0 ? "all of them came" : `${formatCount(left)} did not come: no neighbour that is linked sends them`;
    return `${site} asked its neighbours for ${formatCount(lacked)} records: ${rest}\n`;
  });
  return lines.join("");
}

function lackedBy({ differences, behind }: OriginComparison, site: string): number {
  const lacked = differences.map((one) => (one.kind === "lacking" && one.site === site ? one.to - one.from : 0));
  return lacked.reduce((sum, count) => sum + count, behind?.site === site ? behind.records : 0);
}

function differing(differences: readonly Difference[]): number {
  return differences.reduce((sum, one) => {
    if (one.kind === "different") return sum + 1;
    return one.kind === "unexamined" ? sum + one.to - one.from : sum;
  }, 0);
}

function told(
  { stream, origin, differences, absent, behind }: OriginComparison,
  sites: readonly [string, string],
): string[] {
  const lines: string[] = [];
  const put = (text: string): void => void lines.push(`  ${stream}, ${origin}: ${text}\n`);
  for (const one of differences.slice(0, TOLD_MAX)) put(sayDifference(one, sites));
  if (differences.length > TOLD_MAX) put(`and ${formatCount(differences.length - TOLD_MAX)} more`);
  if (behind !== undefined) {
    put(`${behind.site} is behind by ${formatCount(behind.records)} records, from seq ${behind.from} on`);
  }
  for (const { site, from, to, reason } of absent.slice(0, TOLD_MAX)) {
    put(`${seqs(from, to)} ${reason} at ${site ?? "both"}: no difference`);
  }
  return lines;
}

function sayDifference(one: Difference, sites: readonly [string, string]): string {
  if (one.kind === "lacking") {
    const other = sites.find((site) => site !== one.site);
    return `${one.site} lacks ${seqs(one.from, one.to)} (${one.reason ?? "without knowing it"}), ${other} holds them`;
  }
  if (one.kind === "unexamined") return `${seqs(one.from, one.to)} differ, too (not looked into)`;
  const places = sites.map((site) => `${site} has ${one.at[site]?.topic} at offset ${one.at[site]?.offset}`);
  return `seq ${one.seq} differs: ${places.join(", ")} (a fork, or corruption; it is not repaired)`;
}

function seqs(from: number, to: number): string {
  return to - from === 1 ? `seq ${from}` : `seqs ${from} to ${to - 1}`;
}
