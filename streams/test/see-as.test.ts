import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isWithin, spansOf, type Grant } from "../src/access/grant.js";
import { createPolicy, type Policy, type Principal } from "../src/access/policy.js";
import { streamName, topicName, type StreamName } from "../src/model/names.js";
import { testSeed } from "../testing/seeded-random.js";

const STREAMS = ["duckworks.containers", "duckworks.alerts"].map(streamName);
const TOPICS = ["A", "B", "C"].map(topicName);
const USERS = ["ops", "ducky"];
const GROUPS = ["g1", "g2"];
const HOURS = 12;

const principal: fc.Arbitrary<Principal> = fc.record({
  user: fc.constantFrom(...USERS),
  groups: fc.subarray(GROUPS),
  roles: fc.subarray(["admin"]),
});
const subject = fc.oneof(
  fc.constantFrom(...USERS).map((name) => ({ kind: "user", name }) as const),
  fc.constantFrom(...GROUPS).map((name) => ({ kind: "group", name }) as const),
);
const grant: fc.Arbitrary<Grant> = fc
  .tuple(
    subject,
    fc.subarray(STREAMS, { minLength: 1 }),
    fc.option(fc.subarray(TOPICS, { minLength: 1 })),
    fc.nat(HOURS),
    fc.nat(HOURS),
  )
  .map(([who, streams, topics, from, hours], i = 0) => ({
    id: String(i),
    subject: who,
    streams,
    ...(topics && { topics }),
    // Now and then of all time.
    from: from === 0 ? Number.NEGATIVE_INFINITY : from,
    to: hours === 0 ? Number.POSITIVE_INFINITY : from + hours,
    validUntil: Number.POSITIVE_INFINITY,
  }));
const rules = fc.array(
  fc.record({
    stream: fc.constantFrom("duckworks.*", ...STREAMS),
    read: fc.constantFrom("g:g1", "g:g2", "u:ops", "u:ducky & g:g1"),
  }),
  { maxLength: 2 },
);

const isShown = (policy: Policy, who: Principal, stream: StreamName, topic: string, time: number): boolean =>
  isWithin(spansOf(policy.scope(who, stream), topic), time);

describe("A2: who looks as somebody else", () => {
  it("is shown what both may see, and may what both may: any rules, grants and people", () => {
    const seed = testSeed(720_000);
    fc.assert(
      fc.property(rules, fc.array(grant, { maxLength: 6 }), principal, principal, (access, grants, user, viewer) => {
        const policy = createPolicy(access, () => 0);
        policy.grant("duckworks", grants);
        const preview = { ...user, seenBy: viewer };
        for (const stream of STREAMS) {
          for (const action of ["read", "produce", "admin"] as const) {
            const both = policy.allows(user, action, stream) && policy.allows(viewer, action, stream);
            expect(policy.allows(preview, action, stream)).toBe(both);
          }
          for (const topic of TOPICS) {
            for (let time = -1; time <= 2 * HOURS; time++) {
              const both = [user, viewer].every((who) => isShown(policy, who, stream, topic, time));
              expect(isShown(policy, preview, stream, topic, time)).toBe(both);
            }
          }
        }
      }),
      { seed, numRuns: 300 },
    );
  });
});
