import pino from "pino";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { originId, type OriginId } from "../src/model/names.js";
import type { ShareEvent } from "../src/replication/share.js";
import { SiteShare } from "../src/replication/site-share.js";
import { ManualEnv } from "../testing/manual-env.js";
import { testSeed } from "../testing/seeded-random.js";

const OWN = originId("tokyo.a~0000000001");
const SISTER = originId("tokyo.b~0000000001");

/** A node that hears what another of its site says. */
function listening() {
  const events: ShareEvent[] = [];
  let tell: (node: string, origin: OriginId, bytes: Uint8Array) => void = () => undefined;
  const share = new SiteShare({
    store: { origin: OWN },
    shared: {
      onWords(listener) {
        tell = listener;
        return () => undefined;
      },
      say: () => Promise.resolve(),
      settled: () => Promise.resolve(),
      nodes: () => [],
      fence: () => undefined,
      giveUp: () => undefined,
      onFenced: () => () => undefined,
    },
    self: "tokyo.a",
    env: new ManualEnv(0),
    log: pino({ level: "silent" }),
    run: (event) => events.push(event),
  });
  share.start();
  const hear = (word: unknown) => tell("tokyo.b", SISTER, Buffer.from(JSON.stringify(word)));
  return { share, events, hear };
}

const claim = (stream: unknown, origin: unknown = SISTER) => [stream, origin, 1, true, false, 7];

describe("words of a site's nodes", () => {
  it("a claim that names no stream or origin is passed over, those beside it count: what stands in the log is read for ever", () => {
    const { events, hear } = listening();
    const claims = [
      claim("bigblue.ships"),
      claim("NOT A STREAM"),
      claim("bigblue.ships", "no origin"),
      claim(7),
      null,
      3,
    ];
    hear({ version: 1, life: "one", claims: [...claims, claim("bigblue.alerts")] });
    const heard = events.flatMap((event) => (event.type === "claims" ? event.claims : []));
    expect(heard.map(({ stream }) => stream)).toEqual(["bigblue.ships", "bigblue.alerts"]);
  });

  it("takes whatever is written there, and goes on", () => {
    const seed = testSeed(611_000);
    const anything = fc.oneof(fc.jsonValue(), fc.constantFrom("tokyo.a", "one", 1, true, [], {}));
    const word = fc.record(
      {
        version: fc.constant(1),
        life: fc.oneof(fc.constantFrom("one", "two"), anything),
        hello: anything,
        bye: anything,
        gone: fc.oneof(anything, fc.record({ node: anything, life: anything })),
        claims: fc.oneof(anything, fc.array(fc.oneof(anything, fc.array(anything, { maxLength: 7 })))),
      },
      { requiredKeys: ["version"] },
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 10 }), (words) => {
        const { events, hear } = listening();
        for (const one of words) hear(one);
        hear({ version: 1, life: "the last", claims: [claim("bigblue.ships")] });
        const last = events.at(-1);
        expect(last?.type === "claims" && last.claims[0]?.stream).toBe("bigblue.ships");
      }),
      { seed, numRuns: 500 },
    );
  });
});
