import pino from "pino";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { originId, streamName, type OriginId } from "../src/model/names.js";
import type { ShareEvent } from "../src/replication/share.js";
import { SiteShare } from "../src/replication/site-share.js";
import { ManualEnv } from "../testing/manual-env.js";
import { testSeed } from "../testing/seeded-random.js";

const OWN = originId("tokyo.a~0000000001");
const SISTER = originId("tokyo.b~0000000001");

/** A node that hears what another of its site says. */
function listening(nodes: string[] = []) {
  const events: ShareEvent[] = [];
  const env = new ManualEnv(0);
  /** What was done to the log, in order. */
  const fenced: string[] = [];
  const said: { life: string; hello?: true; again?: true }[] = [];
  let refuse = (): void => undefined;
  let tell: (node: string, origin: OriginId, bytes: Uint8Array) => void = () => undefined;
  const share = new SiteShare({
    store: { origin: OWN },
    shared: {
      onWords(listener) {
        tell = listener;
        return () => undefined;
      },
      say: (words) => {
        said.push(JSON.parse(Buffer.from(words).toString()) as (typeof said)[number]);
        return Promise.resolve();
      },
      settled: () => Promise.resolve(),
      nodes: () => nodes,
      left: () => [],
      fence: (node) => void fenced.push(node),
      giveUp: () => undefined,
      onFenced: (listener) => {
        refuse = listener;
        return () => undefined;
      },
    },
    self: "tokyo.a",
    env,
    log: pino({ level: "silent" }),
    run: (event) => events.push(event),
  });
  share.start();
  const hear = (word: unknown) => tell("tokyo.b", SISTER, Buffer.from(JSON.stringify(word)));
  const life = (): string => said.findLast(({ hello }) => hello === true)?.life ?? "";
  const hearSelf = (word: object) =>
    tell("tokyo.a", OWN, Buffer.from(JSON.stringify({ version: 1, life: life(), ...word })));
  return { share, events, hear, hearSelf, env, fenced, said, life, refuse: () => refuse() };
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

  it("so is one by which a gap is to be filled", () => {
    const { events, hear } = listening();
    const [good, bad] = [
      ["bigblue.ships", SISTER, true, 3],
      ["bigblue.ships", "no origin", true, 4],
    ];
    hear({ version: 1, life: "one", fills: [bad, 3, ["bigblue.ships"], good] });
    const turns = [{ stream: "bigblue.ships", origin: SISTER, fills: true, number: 3 }];
    expect(events.at(-1)).toEqual({ type: "fillTurns", node: "tokyo.b", turns });
  });

  it("what is said in one turn of the event loop is one word of each kind", () => {
    const { share, env, said } = listening();
    const key = { stream: streamName("bigblue.ships"), origin: SISTER };
    share.fillTurn({ ...key, fills: true, number: 1 });
    share.claim({ type: "claim", ...key, distance: 3, asks: true, overdue: false, number: 2 });
    share.fillTurn({ ...key, fills: false, number: 3 });
    env.advance(0);
    expect(said.filter((word) => "fills" in word || "claims" in word)).toMatchObject([
      {
        fills: [
          ["bigblue.ships", SISTER, true, 1],
          ["bigblue.ships", SISTER, false, 3],
        ],
      },
      { claims: [["bigblue.ships", SISTER, 3, true, false, 2]] },
    ]);
  });

  it("R3: nobody asks before each node that is known has answered, behind what it asks for; who has not is fenced, once", () => {
    const { events, hear, hearSelf, env, fenced, life } = listening(["tokyo.a", "tokyo.b", "tokyo.c"]);
    hearSelf({ hello: true });
    // Said before it heard this one.
    hear({ version: 1, life: "one" });
    expect(fenced).toEqual([]);
    hear({ version: 1, life: "one", welcome: [life()] });
    env.advance(1_500);
    expect(fenced).toEqual(["tokyo.c"]);
    expect(events.at(-1)).toEqual({ type: "listened" });
    hearSelf({ gone: { node: "tokyo.b", life: "one" } });
    expect(fenced).toEqual(["tokyo.c", "tokyo.b"]);
    hearSelf({ gone: { node: "tokyo.a", life: life() } });
    hearSelf({ hello: true });
    env.advance(1_500);
    // Neither has said anything since.
    expect(fenced).toEqual(["tokyo.c", "tokyo.b"]);
  });

  it("R3: a process that follows on another without a word has that one fenced; one that goes on, or says goodbye, does not", () => {
    const { hear, fenced } = listening();
    hear({ version: 1, life: "one", hello: true });
    hear({ version: 1, life: "two", hello: true, again: true });
    hear({ version: 1, life: "two", bye: true });
    hear({ version: 1, life: "three", hello: true });
    expect(fenced).toEqual([]);
    hear({ version: 1, life: "four", hello: true });
    expect(fenced).toEqual(["tokyo.b"]);
  });

  it("R3: begins anew when the log refuses what it brings, and hears afterwards that it was said to be gone", () => {
    const { events, hear, said, life, refuse } = listening();
    const former = life();
    refuse();
    expect(said.at(-1)).toMatchObject({ hello: true, again: true });
    expect(life()).not.toBe(former);
    const gone = { type: "sisterGone", node: "tokyo.a" };
    expect(events.filter(({ type }) => type === "sisterGone")).toEqual([gone]);
    hear({ version: 1, life: "one", gone: { node: "tokyo.a", life: former } });
    expect(events.filter(({ type }) => type === "sisterGone")).toEqual([gone]);
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
        fills: fc.oneof(anything, fc.array(fc.oneof(anything, fc.array(anything, { maxLength: 5 })))),
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
