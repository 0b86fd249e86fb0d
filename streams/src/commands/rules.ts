import type {
  AccessRule,
  OwnerRules,
  RuleKey,
  RulesInForce,
  RulesOf,
  RulesReply,
  TravellingRetention,
} from "@landfall/proto/api";
import { systemEnv } from "../env.js";
import { RULE_KEYS, rulesProblems } from "../settings/fleet/document.js";
import { CommandError, withErrors } from "./command-error.js";
import { askNode } from "./node-client.js";
import { formatDuration, formatTable } from "./table.js";
import { oneTarget, type Target, type TargetOptions } from "./target.js";

export interface RulesOptions extends TargetOptions {
  readonly json?: boolean;
}

type Listed = AccessRule | TravellingRetention;

/** Prints the rules in force at a site and where each came from. @returns the exit code */
export function showRules(owner: string | undefined, options: RulesOptions): Promise<number> {
  return withErrors("rules", async () => {
    const target = oneTarget(options);
    const query = owner === undefined ? "" : `?owner=${encodeURIComponent(owner)}`;
    const reply = await askNode<RulesReply>(target, `/api/rules${query}`);
    if (owner !== undefined && reply.owners.length === 0) throw unknown(target, owner);
    process.stdout.write(options.json === true ? `${JSON.stringify(reply)}\n` : formatRules(reply, systemEnv.now()));
    return 0;
  });
}

/** Changes one rule of a list, or some thresholds: `what` is a stream or a pattern of one owner's, or the owner. */
export function setRules(key: string, what: string, words: readonly string[], options: RulesOptions): Promise<number> {
  return withErrors("rules", async () => {
    const target = oneTarget(options);
    const [owner, known] = [ownerOf(what), keyOf(key)];
    const now = await inForce(target, owner, known);
    const said = Object.fromEntries(words.map((word) => readWord(known, word)));
    const rules =
      known === "onboard"
        ? { ...(now.rules as RulesOf["onboard"]), ...said }
        : withRule((now.rules as readonly Listed[]) ?? [], { stream: what, ...said });
    const [problem] = rulesProblems(owner, known, rules);
    if (problem !== undefined) throw new CommandError(problem);
    const body = { owner, key: known, rules, replaces: now.version ?? 0 };
    print(target, owner, await askNode<RulesInForce>(target, "/api/rules", body, { method: "PUT" }), options);
    return 0;
  });
}

/** Takes back one rule, some thresholds, or all that travelled under a key: what is left out is as the base has it. */
export function unsetRules(
  key: string,
  what: string,
  names: readonly string[],
  options: RulesOptions,
): Promise<number> {
  return withErrors("rules", async () => {
    const target = oneTarget(options);
    const [owner, known] = [ownerOf(what), keyOf(key)];
    const now = await inForce(target, owner, known);
    const left = what === owner && names.length === 0 ? undefined : leftOf(now, known, what, names);
    const replaces = now.version ?? 0;
    const query = `owner=${encodeURIComponent(owner)}&key=${known}&replaces=${replaces}`;
    const reply = await (left === undefined
      ? askNode<RulesInForce>(target, `/api/rules?${query}`, undefined, { method: "DELETE" })
      : askNode<RulesInForce>(target, "/api/rules", { owner, key: known, rules: left, replaces }, { method: "PUT" }));
    print(target, owner, reply, options);
    return 0;
  });
}

/** What is in force, for people: rules in the order in which they count. */
export function formatRules({ site, owners }: RulesReply, nowMs: number): string {
  if (owners.length === 0) return `${site}: no rules that you may see\n`;
  const rows = owners.flatMap((of) => of.keys.flatMap((rules) => rowsOf(of.owner, rules, nowMs)));
  return `In force at ${site}, the first that matches counts:\n${formatTable(["OWNER", "WHAT", "STREAM", "SAYS", "FROM"], rows)}`;
}

function rowsOf(owner: string, { key, rules, base, site, time, by, version }: RulesInForce, nowMs: number): string[][] {
  const ago = time === undefined ? "" : `, ${formatDuration((nowMs - Date.parse(time)) / 1_000)} ago`;
  const travelled = `${site ?? "?"}${ago}${by === undefined ? "" : ` by ${by}`} (${version ?? 0})`;
  const rows = (said: RulesOf[RuleKey] | undefined, from: string): string[][] => {
    if (said === undefined) return [];
    const list: readonly object[] = Array.isArray(said) ? (said as readonly object[]) : [said];
    return list
      .map((rule): string[] => {
        const { stream = `ships of ${owner}`, ...rest } = rule as { stream?: string };
        return [owner, key, stream, showWords(rest), from];
      })
      .filter(([, , , words]) => words !== "");
  };
  return [...rows(rules, travelled), ...rows(base, "base")];
}

function showWords(said: object): string {
  return Object.entries(said)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join("  ");
}

function print(target: Target, owner: string, rules: RulesInForce, options: RulesOptions): void {
  const reply = { site: target.label, owners: [{ owner, keys: [rules] }] };
  process.stdout.write(options.json === true ? `${JSON.stringify(rules)}\n` : formatRules(reply, systemEnv.now()));
}

async function inForce(target: Target, owner: string, key: RuleKey): Promise<RulesInForce> {
  const { owners } = await askNode<RulesReply>(target, `/api/rules?owner=${encodeURIComponent(owner)}`);
  // An owner of whom nothing is known yet has no rules; whether they may be written is for the site to say.
  const found: OwnerRules = owners[0] ?? { owner, keys: [] };
  return found.keys.find((rules) => rules.key === key) ?? { key, base: key === "onboard" ? {} : [] };
}

/** The rule in its place, or before all others: a new one is meant to count. */
function withRule(rules: readonly Listed[], rule: { readonly stream: string }): readonly Listed[] {
  const isThere = rules.some(({ stream }) => stream === rule.stream);
  return isThere
    ? rules.map((other) => (other.stream === rule.stream ? { ...other, ...rule } : other))
    : [rule, ...rules];
}

/** Undefined when nothing is left that travels. @throws CommandError when it is not there */
function leftOf(
  { rules }: RulesInForce,
  key: RuleKey,
  what: string,
  names: readonly string[],
): RulesOf[RuleKey] | undefined {
  const without = (said: object): object =>
    Object.fromEntries(Object.entries(said).filter(([name]) => !names.includes(name)));
  if (key === "onboard") {
    const left = without(rules ?? {});
    return Object.keys(left).length === 0 ? undefined : (left as RulesOf["onboard"]);
  }
  const list = (rules as readonly Listed[] | undefined) ?? [];
  if (!list.some(({ stream }) => stream === what))
    throw new CommandError(`no rule for ${what} travels: see rules show`);
  const left = list.flatMap((rule) => {
    if (rule.stream !== what) return [rule];
    const rest = without(rule);
    return names.length === 0 || Object.keys(rest).length === 1 ? [] : [rest as Listed];
  });
  return left.length === 0 ? undefined : left;
}

/** `days=30`, `read=g:duckworks`, `at=port,sydney`. */
function readWord(key: RuleKey, word: string): [string, unknown] {
  const at = word.indexOf("=");
  if (at <= 0) throw new CommandError(`${word} is not name=value, e.g. ${EXAMPLES[key]}`);
  const [name, text] = [word.slice(0, at), word.slice(at + 1)];
  if (key === "access") return [name, text];
  if (name === "at") return [name, text.split(",")];
  if (text === "true" || text === "false") return [name, text === "true"];
  const number = Number(text);
  return [name, text.trim() === "" || Number.isNaN(number) ? text : number];
}

const EXAMPLES: Readonly<Record<RuleKey, string>> = {
  access: "read='g:duckworks | g:bigblue-ops'",
  retention: "days=30",
  onboard: "lostAfterMinutes=30",
};

function keyOf(text: string): RuleKey {
  const key = RULE_KEYS.find((other) => other === text);
  if (key === undefined) throw new CommandError(`${text} is not one of ${RULE_KEYS.join(", ")}`);
  return key;
}

function ownerOf(what: string): string {
  return what.split(".", 1)[0] ?? "";
}

function unknown({ label }: Target, owner: string): CommandError {
  return new CommandError(`${label} knows no ${owner} whose rules you may see`);
}
