import type { GrantValue } from "@landfall/proto/api";
import * as fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { isWithin, showsAnything, spansOf, type Grant } from "../src/access/grant.js";
import { ANONYMOUS, createPolicy, type Principal } from "../src/access/policy.js";
import { LandfallError } from "../src/model/errors.js";
import { siteName, streamName, topicName } from "../src/model/names.js";
import type { TimestampMs } from "../src/model/record.js";
import { retentionOf } from "../src/node/retention.js";
import { settingsStream } from "../src/settings/fleet/document.js";
import { FleetGrants, LINK_TOKEN_PREFIX, tokenHash } from "../src/settings/fleet/fleet-grants.js";
import { grantProblems, grantTopic } from "../src/settings/fleet/grant-document.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { testSeed } from "../testing/seeded-random.js";
import { START_MS } from "../testing/store-fixture.js";
import { until } from "../testing/until.js";

const seed = testSeed();
const OWNER = "duckworks";
const CONTAINERS = streamName("duckworks.containers");
const ONE = topicName("DUCU0000010");
const TWO = topicName("DUCU0000026");
const RULES = [
  { stream: "duckworks.*", read: "g:duckworks", replicate: "g:sites" },
  { stream: "polarfoods.*", read: "g:polarfoods" },
];
const chef: Principal = { user: "chef", groups: ["kitchen"], roles: ["cook"] };
const token = `${LINK_TOKEN_PREFIX}${"x".repeat(43)}`;
const iso = (ms: number): string => new Date(ms).toISOString();

function grantValue(over: Partial<GrantValue> = {}): GrantValue {
  return {
    kind: "grant",
    version: 1,
    id: "abcdef0123456789",
    subject: "u:chef",
    streams: [CONTAINERS],
    topics: [ONE],
    ...over,
  };
}

describe("grants in the policy", () => {
  const subjects = [
    { kind: "user", name: "chef" },
    { kind: "group", name: "kitchen" },
    { kind: "role", name: "cook" },
    { kind: "link", name: "duckworks/abc" },
    { kind: "user", name: "waiter" },
  ] as const;
  const grants: fc.Arbitrary<Grant[]> = fc
    .array(
      fc.record({
        id: fc.constant("abcdef01"),
        subject: fc.constantFrom(...subjects),
        streams: fc.subarray([
          CONTAINERS,
          streamName("duckworks.alerts"),
          streamName("polarfoods.containers"),
          settingsStream(OWNER),
        ]),
        from: fc.constantFrom(Number.NEGATIVE_INFINITY, 0, 10, 20),
        to: fc.constantFrom(Number.POSITIVE_INFINITY, 15, 25, 30),
        validUntil: fc.constantFrom(50, 100, Number.POSITIVE_INFINITY),
        topics: fc.constantFrom(undefined, [ONE], [TWO], [ONE, TWO]),
      }),
      { maxLength: 5 },
    )
    .map((all) => all.map(({ topics, ...grant }) => ({ ...grant, ...(topics && { topics }) })));
  const principals = fc.constantFrom<Principal>(
    chef,
    { user: "member", groups: ["duckworks"], roles: [] },
    { user: "link.abc", groups: [], roles: [], link: "duckworks/abc" },
    { user: "link.abc", groups: [], roles: [] },
    ANONYMOUS,
  );

  it(`A1: show what one of them names, and nothing else (seed ${seed})`, () => {
    const streams = [CONTAINERS, streamName("polarfoods.containers"), settingsStream(OWNER)];
    fc.assert(
      fc.property(
        grants,
        principals,
        fc.constantFrom(...streams),
        fc.constantFrom(ONE, TWO),
        fc.nat(40),
        fc.nat(120),
        (all, who, stream, topic, time, now) => {
          const policy = createPolicy(RULES, () => now);
          policy.grant(OWNER, all);
          const scope = policy.scope(who, stream);
          const isRuled = who.link === undefined && who.groups.includes("duckworks") && stream.startsWith("duckworks.");
          const isGranted = all.some(
            (grant) =>
              stream === CONTAINERS &&
              grant.streams.includes(stream) &&
              now < grant.validUntil &&
              (grant.topics?.includes(topic) ?? true) &&
              grant.from <= time &&
              time < grant.to &&
              (grant.subject.kind === "link"
                ? who.link === grant.subject.name
                : who.link === undefined && [who.user, ...who.groups, ...who.roles].includes(grant.subject.name)),
          );
          expect(isWithin(spansOf(scope, topic), time)).toBe(isRuled || isGranted);
          if (scope !== "all") expect(policy.allows(who, "read", stream)).toBe(false);
          // R8: what sites hold is never widened.
          for (const action of ["replicate", "produce", "relay", "admin"] as const) {
            expect(policy.allows(who, action, stream)).toBe(createPolicy(RULES).allows(who, action, stream));
          }
        },
      ),
      { seed, numRuns: 2_000 },
    );
  });

  it("a link gives what it says, and not what rules give to everybody", () => {
    const policy = createPolicy([{ stream: "*", read: "p" }]);
    expect(policy.allows(ANONYMOUS, "read", CONTAINERS)).toBe(true);
    expect(policy.scope({ user: "link.a", groups: [], roles: [], link: "duckworks/a" }, CONTAINERS)).toEqual([]);
  });

  it("admin: by its expression, else by the role of those who may read", () => {
    const admin: Principal = { user: "boss", groups: ["duckworks"], roles: ["admin"] };
    expect(createPolicy(RULES).allows(admin, "admin", CONTAINERS)).toBe(true);
    expect(createPolicy(RULES).allows({ ...admin, roles: [] }, "admin", CONTAINERS)).toBe(false);
    expect(createPolicy(RULES).allows({ ...admin, groups: [] }, "admin", CONTAINERS)).toBe(false);
    const said = createPolicy([{ stream: "*", read: "g:duckworks", admin: "u:chef" }]);
    expect(said.allows(admin, "admin", CONTAINERS)).toBe(false);
    expect(said.allows(chef, "admin", CONTAINERS)).toBe(true);
    expect(said.allows(chef, "read", CONTAINERS)).toBe(false);
  });
});

describe("a grant's record", () => {
  it.each<[string, Partial<GrantValue>, string]>([
    ["streams of another owner", { streams: ["polarfoods.containers"] }, "want streams of duckworks"],
    ["settings", { streams: ["duckworks.settings"] }, "which no grant opens"],
    ["a site", { subject: "u:site.tokyo" }, "grants are for people"],
    ["no subject", { subject: "p" }, "want u:name"],
    ["no time", { from: "yesterday" }, 'from is "yesterday"'],
    ["nothing", { from: iso(2e12), to: iso(2e12) }, "to is not after from"],
    ["a link that never ends", { subject: "link", tokenSha256: "0".repeat(64) }, "a link is for one container"],
    [
      "a link to all",
      { subject: "link", tokenSha256: "0".repeat(64), validUntil: iso(2e12), topics: [ONE, TWO] },
      "one container",
    ],
    ["a token of nobody's", { tokenSha256: "0".repeat(64) }, "for links alone"],
  ])("is refused for %s", (_what, over, why) => {
    expect(grantProblems(OWNER, grantValue(over)).join("; ")).toContain(why);
    expect(grantProblems(OWNER, grantValue())).toEqual([]);
  });

  it(`anything at all is read or refused, never thrown at (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(Array.isArray(grantProblems(OWNER, value))).toBe(true);
      }),
      { seed, numRuns: 500 },
    );
  });
});

describe("grants that travel", () => {
  async function site() {
    const env = new ManualEnv(START_MS);
    const store = await openEmbeddedStore({
      folder: "/data",
      site: "sydney",
      node: "a",
      env,
      disk: new MemoryDisk().boot(),
      retention: retentionOf([]),
    });
    const policy = createPolicy(RULES, () => env.now());
    const reported: string[] = [];
    const changes: string[] = [];
    policy.onChange((what) => changes.push(what));
    let fails = false;
    const grants = new FleetGrants({
      store: {
        streams: () => store.streams(),
        onCommit: (listener) => store.onCommit(listener),
        readStream: async (...asked) => {
          if (fails) throw new LandfallError("DISK_FAILED", "on purpose");
          return store.readStream(...asked);
        },
      },
      env,
      policy,
      exceptions: { report: ({ code, message }) => void reported.push(`${code} ${message}`) },
      maySet: (name) => name !== siteName("polarfoods"),
    });
    await grants.start();
    onTestFinished(async () => {
      await grants.close();
      await store.close();
    });
    const put = async (value: object, topic = grantTopic("abcdef0123456789")) => {
      await store.append(settingsStream(OWNER), [
        { topic, timestamp: env.now() as TimestampMs, value: Buffer.from(JSON.stringify(value)) },
      ]);
      await grants.catchUp(OWNER);
    };
    const sees = () => showsAnything(policy.scope(chef, CONTAINERS));
    return { env, store, policy, grants, reported, changes, put, sees, fail: (is: boolean) => (fails = is) };
  }

  it("A4: end by the clock, with no record and no question in between", async () => {
    const { env, put, sees, changes } = await site();
    await put(grantValue({ validUntil: iso(START_MS + 40 * 86_400_000) }));
    expect(sees()).toBe(true);
    const before = changes.length;
    // Longer than any real timer can wait.
    env.advance(40 * 86_400_000 - 1);
    expect([sees(), changes.length]).toEqual([true, before]);
    env.advance(1);
    expect([sees(), changes.length]).toEqual([false, before + 1]);
  });

  it("A4: are taken back by the next record, and not in force for a moment when both are read at once", async () => {
    const { put, sees, policy, store } = await site();
    await put(grantValue());
    expect(sees()).toBe(true);
    await put(grantValue({ revoked: true }));
    expect(sees()).toBe(false);
    const seen: boolean[] = [];
    const late = new FleetGrants({
      store,
      env: new ManualEnv(START_MS),
      exceptions: { report: () => undefined },
      maySet: () => true,
      policy: {
        grant(owner, all) {
          policy.grant(owner, all);
          seen.push(sees());
        },
      },
    });
    await late.start();
    await late.close();
    expect(seen).not.toContain(true);
  });

  it("what cannot be read leaves none in force, since it may be the word that takes one back", async () => {
    const { env, put, sees, fail, reported, grants } = await site();
    await put(grantValue());
    fail(true);
    await put(grantValue({ note: "later" }));
    expect(sees()).toBe(false);
    expect(reported.join()).toContain("GRANTS_UNREADABLE");
    fail(false);
    env.advance(1_000);
    await until(() => sees());
    expect(grants.get(OWNER, "abcdef0123456789")?.value.note).toBe("later");
  });

  it("a bad record changes nothing and is told of", async () => {
    const { put, sees, reported } = await site();
    await put(grantValue());
    await put({ kind: "grant", version: 2 });
    await put(grantValue({ id: "another012345678" }));
    expect(sees()).toBe(true);
    expect(reported.filter((text) => text.startsWith("BAD_GRANT"))).toHaveLength(2);
  });

  it("a link's token is known by its hash alone, and says what became of it", async () => {
    const { env, put, grants } = await site();
    const link = grantValue({
      subject: "link",
      tokenSha256: tokenHash(token),
      validUntil: iso(START_MS + 60_000),
    });
    await put(link);
    const holder = grants.holderOf(token);
    expect(holder).toEqual({
      user: "link.abcdef0123456789",
      groups: [],
      roles: [],
      link: "duckworks/abcdef0123456789",
    });
    expect(grants.holderOf("a-session-token")).toBeUndefined();
    const refusal = (text: string): string => {
      try {
        grants.holderOf(text);
      } catch (error) {
        expect(error).toMatchObject({ code: "UNAUTHENTICATED" });
        return (error as LandfallError).message;
      }
      return "it was accepted";
    };
    expect(refusal(`${token}y`)).toContain("no such link is known");
    env.advance(60_000);
    expect(refusal(token)).toContain("this link has ended");
    expect(grants.stands(holder as Principal)).toBe(false);
    await put({ ...link, revoked: true });
    expect(refusal(token)).toContain("this link was taken back");
  });
});
