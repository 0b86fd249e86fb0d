import type { RulesInForce } from "@landfall/proto/api";
import { ONBOARD_THRESHOLDS, THRESHOLD_NAMES, type Threshold, type ThresholdName } from "@landfall/proto/onboard-rules";

/** What stands in the form, as typed. */
export type Limits = Readonly<Record<ThresholdName, string>>;
type Numbers = Readonly<Record<string, number>>;

/** What is in force now: what was sent, else what this site's settings say, else what everybody has who says nothing. */
export function startLimits({ rules, base }: Pick<RulesInForce<"onboard">, "rules" | "base">): Limits {
  return Object.fromEntries(
    THRESHOLD_NAMES.map((name) => [name, String(rules?.[name] ?? unsent(name, base))]),
  ) as unknown as Limits;
}

/** What is wrong with what was typed, by threshold. */
export function limitProblems(
  limits: Limits,
): Readonly<Partial<Record<ThresholdName, string>>> & Record<string, string> {
  const problems: Record<string, string> = {};
  for (const name of THRESHOLD_NAMES) {
    const { min, max, unit, whole }: Threshold = ONBOARD_THRESHOLDS[name];
    const value = numberOf(limits[name]);
    if (value === undefined) problems[name] = `Want a number from ${min} to ${max} ${unit}.`;
    else if (value < min || value > max) problems[name] = `Want from ${min} to ${max} ${unit}.`;
    else if (whole === true && !Number.isInteger(value)) problems[name] = "Want a whole number.";
  }
  return problems;
}

/** The thresholds to be sent: those that were sent before, and those that are not what counts without them. */
export function limitsToSend(
  limits: Limits,
  { rules, base }: Pick<RulesInForce<"onboard">, "rules" | "base">,
): Numbers {
  const sent = THRESHOLD_NAMES.flatMap((name) => {
    const value = numberOf(limits[name]);
    if (value === undefined) return [];
    const isSaid = rules?.[name] !== undefined || value !== unsent(name, base);
    return isSaid ? [[name, value] as const] : [];
  });
  // In the order in which they were sent before, so that the same is the same.
  const before = Object.keys(rules ?? {});
  const place = (name: string): number => (before.includes(name) ? before.indexOf(name) : before.length);
  return Object.fromEntries(sent.toSorted(([a], [b]) => place(a) - place(b)));
}

function unsent(name: ThresholdName, base: Numbers | undefined): number {
  return base?.[name] ?? ONBOARD_THRESHOLDS[name].default;
}

/** A decimal comma is one, too. */
function numberOf(text: string): number | undefined {
  const value = Number(text.trim().replace(",", "."));
  return text.trim() === "" || !Number.isFinite(value) ? undefined : value;
}
