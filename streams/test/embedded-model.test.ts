import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { topicName } from "../src/model/names.js";
import { testSeed } from "../testing/seeded-random.js";
import { MODEL_STREAMS, MODEL_TOPICS, ModelSite } from "./support/model-site.js";
import type { StreamName } from "../src/model/names.js";
import type { Draft, Range } from "./support/model-site.js";

const seed = testSeed();
const RUNS = 150;

/** One thing that happens to the store; a counterexample shows it as text. */
interface Step {
  readonly [fc.toStringMethod]: () => string;
  readonly run: (site: ModelSite) => Promise<void> | void;
}

const stream = fc.constantFrom<StreamName>(...MODEL_STREAMS);
const topic = fc.constantFrom(...MODEL_TOPICS).map(topicName);
const share = fc.double({ min: 0, max: 1.2, noNaN: true });
const limit = fc.integer({ min: 1, max: 12 });
const reader = fc.nat({ max: MODEL_STREAMS.length - 1 });
/** JSON of one shape, of another, and what is none, so that every way to pack a value is taken. */
const value = fc.oneof(
  fc.integer({ min: -50, max: 50 }).map((t) => `{"temperatureC":${t / 10},"doorOpen":${t > 0}}`),
  fc.record({ shockG: fc.double() }).map((one) => JSON.stringify(one)),
  fc.string({ maxLength: 40 }),
);
const draft: fc.Arbitrary<Draft> = fc.record({
  topic: fc.nat({ max: MODEL_TOPICS.length - 1 }),
  lateMs: fc.integer({ min: -500, max: 20_000 }),
  value,
  headers: fc.boolean(),
});
const drafts = fc.array(draft, { minLength: 1, maxLength: 8 });
const bounds = fc.option(fc.tuple(share, share), { nil: undefined });
const range: fc.Arbitrary<Range> = fc.record({ offsets: bounds, times: bounds, limit, reverse: fc.boolean() });
const listing = fc.record(
  { prefix: fc.constantFrom("", "a", "a.", "M", "z"), after: topic, limit },
  { requiredKeys: ["limit"] },
);

/** Steps of one kind, by what they are drawn from. */
function steps<T>(what: string, from: fc.Arbitrary<T>, run: (site: ModelSite, drawn: T) => Promise<void> | void) {
  return from.map((drawn): Step => ({
    [fc.toStringMethod]: () => `${what} ${JSON.stringify(drawn)}`,
    run: (site) => run(site, drawn),
  }));
}

const writing = fc.oneof(
  steps("append", fc.tuple(stream, drafts), (site, [to, records]) => site.append(to, records)),
  steps("apply", fc.tuple(stream, fc.nat({ max: 1 }), drafts, fc.nat({ max: 3 })), (site, drawn) =>
    site.apply(...drawn),
  ),
);
const keeping = fc.oneof(
  steps("wait", fc.integer({ min: -200, max: 6_000 }), (site, ms) => site.wait(ms)),
  steps("seal", fc.constant(0), (site) => site.seal()),
  steps("expire", fc.constantFrom(0, 4_000, 15_000), (site, ms) => {
    site.wait(ms);
    return site.expire();
  }),
  steps("reopen", fc.constant(0), (site) => site.reopen()),
);
const reading = fc.oneof(
  steps("read a topic", fc.tuple(stream, topic, range), (site, drawn) => site.readTopic(...drawn)),
  steps("list", fc.tuple(stream, listing), (site, drawn) => site.list(...drawn)),
  steps("read an origin", fc.tuple(stream, share, fc.constantFrom(1, 1_200, 65_536)), (site, drawn) =>
    site.readOrigin(...drawn),
  ),
  steps("read by cursor", fc.tuple(reader, limit), (site, drawn) => site.read(...drawn)),
  steps("follow", fc.tuple(reader, limit, draft), (site, drawn) => site.follow(...drawn)),
);

describe("the embedded store and a model of it", () => {
  it(`S1, S2, S5, O1, O2, O4: answer the same, whatever happens in which order (seed ${seed})`, async () => {
    let expired = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(writing, keeping, reading), { minLength: 20, maxLength: 60 }), async (all) => {
        const site = new ModelSite();
        await site.reopen();
        for (const { run } of all) await run(site);
        await site.check();
        expired += site.expired;
        await site.expireAll();
        await site.end();
      }),
      { seed, numRuns: RUNS },
    );
    expect(expired).toBeGreaterThan(0);
  }, 120_000);
});
