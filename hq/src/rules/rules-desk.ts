import type { OwnerRules, RuleKey, RulesInForce, RulesRequest, RulesValue } from "@landfall/proto/api";
import type { Policy, Principal } from "@landfall/streams/access/policy";
import type { Env } from "@landfall/streams/env";
import { LandfallError } from "@landfall/streams/model/errors";
import { siteName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import { describeRules, type RulesParts } from "@landfall/streams/settings/fleet/describe";
import {
  ownerOfSettings,
  rulesProblems,
  rulesTopic,
  settingsStream,
  writeRules,
} from "@landfall/streams/settings/fleet/document";
import { RULES_BYTES_MAX } from "@landfall/streams/settings/fleet/rule-schemas";
import type { StreamStore } from "@landfall/streams/store/store";

export interface RulesDeskParts extends RulesParts {
  readonly store: Pick<StreamStore, "append">;
  readonly policy: Policy;
  readonly env: Pick<Env, "now">;
  readonly site: string;
}

/** Writes the rules that travel, one owner's after the other's own, so that each sees what the one before wrote. */
export class RulesDesk {
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: RulesDeskParts) {}

  /**
   * Sets an owner's rules of one key, wherever they are known. Asking twice for the same changes nothing.
   * @throws LandfallError NOT_FOUND for an owner whose rules are not this person's, INVALID_ARGUMENT, CONFLICT when `replaces` is not
   *   what is in force, and whatever the store's `append` throws
   */
  put(principal: Principal, request: RulesRequest): Promise<RulesInForce> {
    const { owner, key, rules } = request;
    this.check(principal, owner);
    const [problem] = rulesProblems(owner, key, rules);
    if (problem !== undefined) throw new LandfallError("INVALID_ARGUMENT", `body/${problem}`);
    return this.write(principal, owner, key, rules, request.replaces);
  }

  /** Returns to the base. @throws LandfallError as `put` */
  remove(principal: Principal, owner: string, key: RuleKey, replaces: number | undefined): Promise<RulesInForce> {
    this.check(principal, owner);
    return this.write(principal, owner, key, null, replaces);
  }

  /** Whether the rules of anybody are this person's to change. */
  mayRule(principal: Principal): boolean {
    const { settings, streams, policy } = this.parts;
    const owners = new Set(settings.sites.map(({ owner }) => owner));
    for (const stream of streams()) owners.add(ownerOfSettings(stream) ?? "");
    owners.delete("");
    return [...owners].some((owner) => policy.allows(principal, "admin", settingsStream(owner)));
  }

  private check(principal: Principal, owner: string): void {
    const { policy, rules, site } = this.parts;
    // An owner who is not there and one whose settings the asker may not see look the same (A3).
    if (ownerOfSettings(`${owner}.settings`) === owner) {
      const settings = settingsStream(owner);
      if (policy.allows(principal, "admin", settings) && rules.maySet(siteName(site), settings)) return;
    }
    const name = JSON.stringify(owner.slice(0, 100));
    throw new LandfallError("NOT_FOUND", `${name} is no company whose rules you may change at ${site}`);
  }

  private write(
    principal: Principal,
    owner: string,
    key: RuleKey,
    rules: RulesValue["rules"],
    replaces: number | undefined,
  ): Promise<RulesInForce> {
    const done = this.turn.then(async () => {
      const { store, env } = this.parts;
      await this.parts.rules.catchUp(owner);
      const before = this.parts.rules.ruling(owner, key);
      if (replaces !== undefined && replaces !== (before?.version ?? 0)) {
        const now = before === undefined ? "none is there" : `${before.version} is in force now`;
        throw new LandfallError("CONFLICT", `${key} of ${owner}: meant to replace version ${replaces}, but ${now}`);
      }
      if (JSON.stringify(before?.rules ?? null) !== JSON.stringify(rules)) {
        const document: RulesValue = { kind: "rules", version: 1, key, rules, by: principal.user };
        const value = writeRules(document);
        if (value.byteLength > RULES_BYTES_MAX) {
          throw new LandfallError("VALUE_TOO_LARGE", `rules of one key have at most ${RULES_BYTES_MAX} bytes`);
        }
        const record = { topic: rulesTopic(key), timestamp: env.now() as TimestampMs, value };
        await store.append(settingsStream(owner), [record]);
        await this.parts.rules.catchUp(owner);
      }
      return inForce(describeRules(owner, this.parts), key);
    });
    this.turn = done.catch(() => undefined);
    return done;
  }
}

function inForce({ keys }: OwnerRules, key: RuleKey): RulesInForce {
  return keys.find((other) => other.key === key) as RulesInForce;
}
