import type { RuleKey, RulesValue } from "@landfall/proto/api";
import { describe, expect, it } from "vitest";
import { createPolicy, type Principal } from "../src/access/policy.js";
import { streamName } from "../src/model/names.js";
import { retentionOf } from "../src/node/retention.js";
import { ownerOfSettings, readRules, rulesProblems, writeRules } from "../src/settings/fleet/document.js";
import { RULES_BYTES_MAX, RULES_PER_DOCUMENT_MAX } from "../src/settings/fleet/rule-schemas.js";

const ducky: Principal = { user: "ducky", groups: ["duckworks"], roles: [] };
const ops: Principal = { user: "ops", groups: ["bigblue-ops", "bigblue-sites"], roles: [] };

const read = (key: RuleKey, value: unknown) => readRules("duckworks", key, Buffer.from(JSON.stringify(value)));
const document = (key: RuleKey, rules: unknown) => ({ kind: "rules", version: 1, key, rules });

describe("a document of rules", () => {
  it("is read as it was written", () => {
    const access: RulesValue<"access"> = {
      kind: "rules",
      version: 1,
      key: "access",
      rules: [{ stream: "duckworks.*", read: "g:duckworks", produce: "g:bigblue-sites" }],
      by: "ops",
    };
    expect(readRules("duckworks", "access", writeRules(access))).toEqual(access);
    const back: RulesValue = { kind: "rules", version: 1, key: "onboard", rules: null };
    expect(readRules("duckworks", "onboard", writeRules(back))).toEqual(back);
  });

  it.each<[string, RuleKey, unknown, RegExp]>([
    ["no document", "access", "text", /text|want/],
    ["of a later version", "access", { ...document("access", []), version: 2 }, /version is 2/],
    ["under another key's topic", "retention", document("access", null), /key is access/],
    ["with a field that nobody knows", "access", { ...document("access", null), extra: 1 }, /extra/],
    ["without any rule", "access", document("access", []), /rules is an empty list/],
    ["of somebody else's stream", "access", document("access", [{ stream: "polarfoods.*", read: "p" }]), /own/],
    ["of everybody's streams", "access", document("access", [{ stream: "*", read: "p" }]), /rules\[0\].stream/],
    ["of a stream that only begins alike", "access", document("access", [{ stream: "duckworks*", read: "p" }]), /own/],
    ["of the settings themselves", "access", document("access", [{ stream: "duckworks.settings", read: "p" }]), /may/],
    ["with a bad expression", "access", document("access", [{ stream: "duckworks.*", read: "g:a |" }]), /column 6/],
    ["that says nothing", "access", document("access", [{ stream: "duckworks.*" }]), /says nothing/],
    ["without a limit", "retention", document("retention", [{ stream: "duckworks.*" }]), /no limit/],
    [
      "of minutes and days",
      "retention",
      document("retention", [{ stream: "duckworks.*", minutes: 5, days: 1 }]),
      /minutes and days/,
    ],
    ["of somebody else's retention", "retention", document("retention", [{ stream: "bigblue.*", days: 1 }]), /own/],
    ["of a threshold nobody knows", "onboard", document("onboard", { lostAfter: 3 }), /lostAfter/],
    ["of a threshold that is none", "onboard", document("onboard", { lostAfterMinutes: -1 }), /-1/],
    ["of no threshold", "onboard", document("onboard", {}), /nothing/],
  ])("%s is none", (_name, key, value, why) => {
    expect(read(key, value)).toMatch(why);
  });

  it("is bounded", () => {
    const rule = { stream: "duckworks.*", read: "p" };
    const many = Array.from({ length: RULES_PER_DOCUMENT_MAX + 1 }, () => rule);
    expect(rulesProblems("duckworks", "access", many.slice(1))).toEqual([]);
    expect(rulesProblems("duckworks", "access", many)).not.toEqual([]);
    expect(readRules("duckworks", "access", new Uint8Array(RULES_BYTES_MAX + 1))).toMatch(/at most/);
    expect(readRules("duckworks", "access", Buffer.from("{"))).toBe("the value is not JSON");
  });

  it("stands in the settings of its owner", () => {
    expect(ownerOfSettings("duckworks.settings")).toBe("duckworks");
    for (const stream of ["duckworks.containers", "a.b.settings", ".settings", "settings"]) {
      expect(ownerOfSettings(stream)).toBeUndefined();
    }
  });
});

describe("rules that travelled and the base", () => {
  const base = () =>
    createPolicy([
      { stream: "duckworks.*", read: "g:duckworks | g:bigblue-ops", replicate: "g:bigblue-sites" },
      { stream: "*", read: "g:bigblue-ops" },
    ]);
  const [alerts, containers, settings] = ["alerts", "containers", "settings"].map((kind) =>
    streamName(`duckworks.${kind}`),
  ) as [ReturnType<typeof streamName>, ReturnType<typeof streamName>, ReturnType<typeof streamName>];

  it("A1, A4: what travelled counts before the base, action by action, and the base again when it is gone", () => {
    const policy = base();
    let changes = 0;
    const stop = policy.onChange(() => changes++);
    policy.change("duckworks", [{ stream: "duckworks.containers", read: "g:bigblue-ops" }]);
    expect(policy.allows(ducky, "read", containers)).toBe(false);
    expect(policy.allows(ops, "read", containers)).toBe(true);
    // Nothing was said of replicating, nor of other streams.
    expect(policy.allows(ops, "replicate", containers)).toBe(true);
    expect(policy.allows(ducky, "read", alerts)).toBe(true);
    policy.change("duckworks", undefined);
    expect(policy.allows(ducky, "read", containers)).toBe(true);
    expect(changes).toBe(2);
    stop();
    policy.change("duckworks", [{ stream: "duckworks.*", read: "p" }]);
    expect(changes).toBe(2);
  });

  it("A1: of several that match, the first that says something of the action counts", () => {
    const policy = base();
    policy.change("duckworks", [
      { stream: "duckworks.alerts", replicate: "u:site.duckworks" },
      { stream: "duckworks.*", read: "!p" },
      { stream: "duckworks.alerts", read: "p", replicate: "p" },
    ]);
    expect(policy.allows(ducky, "read", alerts)).toBe(false);
    expect(policy.allows({ ...ducky, user: "site.duckworks" }, "replicate", alerts)).toBe(true);
    expect(policy.allows(ducky, "replicate", alerts)).toBe(false);
  });

  it("A1: an owner's rules reach no stream of another, whatever their patterns say", () => {
    const policy = base();
    policy.change("polarfoods", [{ stream: "*", read: "p", replicate: "p" }]);
    expect(policy.allows(ducky, "read", streamName("bigblue.containers"))).toBe(false);
    expect(policy.allows(ducky, "replicate", containers)).toBe(false);
    expect(policy.allows(ducky, "read", streamName("polarfoods.containers"))).toBe(true);
  });

  it("A1: who reads, gets and writes settings is the base's say alone: nobody locks themselves, or others, out", () => {
    const policy = base();
    policy.change("duckworks", [{ stream: "duckworks.*", read: "!p", replicate: "!p" }]);
    expect(policy.allows(ducky, "read", settings)).toBe(true);
    expect(policy.allows(ops, "replicate", settings)).toBe(true);
    expect(policy.allows(ducky, "read", alerts)).toBe(false);
  });

  it("A1: a bad expression changes nothing", () => {
    const policy = base();
    policy.change("duckworks", [{ stream: "duckworks.*", read: "!p" }]);
    expect(() => policy.change("duckworks", [{ stream: "duckworks.*", read: "g:" }])).toThrowError(
      expect.objectContaining({ code: "INVALID_EXPRESSION" }),
    );
    expect(policy.allows(ducky, "read", alerts)).toBe(false);
  });

  it("S5: retention that travelled stands before this site's own, where it is meant for such a site", () => {
    let travelled: { stream: string; days: number; at?: string[] }[] | undefined;
    const self = { site: "tokyo", kind: "port" } as const;
    const of = retentionOf([{ stream: "*", days: 7 }], { of: (name) => (name === "duckworks" ? travelled : []), self });
    const days = (stream: string) => (of(streamName(stream))?.ageMs ?? 0) / 86_400_000;
    expect(days("duckworks.containers")).toBe(7);
    travelled = [
      { stream: "duckworks.containers", days: 1, at: ["hq", "sydney"] },
      { stream: "duckworks.containers", days: 30, at: ["port"] },
      { stream: "duckworks.*", days: 2 },
    ];
    // What is in force is kept until somebody says that it changed.
    expect(days("duckworks.containers")).toBe(7);
    of.forget();
    expect(days("duckworks.containers")).toBe(30);
    expect(days("duckworks.alerts")).toBe(2);
    expect(days("polarfoods.alerts")).toBe(7);
    // Whatever any rule says: without its settings a site would return to the base by itself.
    expect(of(settings)).toEqual({ compact: true });
  });
});
