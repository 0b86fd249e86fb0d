import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate, parseExpression } from "../src/access/expression.js";
import { matchesAny, matchesPattern } from "../src/access/pattern.js";
import { ANONYMOUS, createPolicy } from "../src/access/policy.js";
import { EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX } from "../src/limits.js";
import { LandfallError } from "../src/model/errors.js";
import { streamName } from "../src/model/names.js";
import { heapBytes } from "../testing/heap.js";
import { testSeed } from "../testing/seeded-random.js";
import type { Principal } from "../src/access/policy.js";

const seed = testSeed();
/** A seed that found something is added, and run ever after. */
const KEPT: readonly number[] = [1];
const KEPT_RUNS = 200;
/** Expressions that are read, of so many names each; what may be on the heap afterwards is less than half of what they take. */
const LONG_EXPRESSIONS = 300;
const LONG_NAMES = 300;
const GROWTH_BYTES_MAX = 4 * 1024 * 1024;

const names = ["ducky", "ops", "site.tokyo", "a@b-c_d", "9"];
const principals: fc.Arbitrary<Principal> = fc.record({
  user: fc.constantFrom("", ...names),
  groups: fc.subarray(names),
  roles: fc.subarray(names),
});

/** An expression as text, beside a function that says what it means without any parser. */
interface Sample {
  readonly text: string;
  readonly means: (principal: Principal) => boolean;
}
const atoms: fc.Arbitrary<Sample> = fc.oneof(
  fc.constant<Sample>({ text: "p", means: () => true }),
  fc.constantFrom(...names).map((n): Sample => ({ text: `u:${n}`, means: (p) => p.user === n })),
  fc.constantFrom(...names).map((n): Sample => ({ text: `g:${n}`, means: (p) => p.groups.includes(n) })),
  fc.constantFrom(...names).map((n): Sample => ({ text: `r:${n}`, means: (p) => p.roles.includes(n) })),
);
/** Without any parentheses, so that precedence alone decides: an OR of ANDs of negated atoms. */
const flat: fc.Arbitrary<Sample> = fc
  .array(fc.array(fc.tuple(fc.nat({ max: 3 }), atoms), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
  .map((ors) => ({
    text: ors.map((ands) => ands.map(([nots, a]) => "!".repeat(nots) + a.text).join(" & ")).join("|"),
    means: (p) => ors.some((ands) => ands.every(([nots, a]) => a.means(p) === (nots % 2 === 0))),
  }));
const nested: fc.Arbitrary<Sample> = fc.letrec<{ tree: Sample }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    flat,
    fc
      .tuple(tie("tree"), tie("tree"))
      .map(([a, b]): Sample => ({ text: ` (${a.text})&( ${b.text} )`, means: (p) => a.means(p) && b.means(p) })),
    fc
      .tuple(tie("tree"), tie("tree"))
      .map(([a, b]): Sample => ({ text: `(${a.text}) | (${b.text})`, means: (p) => a.means(p) || b.means(p) })),
    tie("tree").map((a): Sample => ({ text: `! (${a.text})`, means: (p) => !a.means(p) })),
  ),
})).tree;

function runs<T>(property: fc.IProperty<T>, numRuns: number): void {
  for (const one of [...KEPT, seed]) fc.assert(property, { seed: one, numRuns: one === seed ? numRuns : KEPT_RUNS });
}

describe("access control expressions", () => {
  it(`A1: mean the same as a naive evaluator says (seed ${seed})`, () => {
    const property = fc.property(nested, principals, ({ text, means }, principal) => {
      expect(evaluate(parseExpression(text), principal)).toBe(means(principal));
    });
    runs(property, 1_000);
  });

  it(`whatever is written is understood, or refused at one of its columns (seed ${seed})`, () => {
    const word = fc.constantFrom(
      "u:",
      "g:",
      "r:",
      "p",
      "a",
      "&",
      "|",
      "!",
      "(",
      ")",
      " ",
      ":",
      "-",
      "\u0000",
      "🦆",
      "é",
    );
    const texts = fc.oneof(
      fc.array(word, { maxLength: 30 }).map((words) => words.join("")),
      fc.string({ unit: "binary" }),
    );
    const property = fc.property(texts, principals, (text, principal) => {
      try {
        expect(typeof evaluate(parseExpression(text), principal)).toBe("boolean");
      } catch (error) {
        expect(error).toMatchObject({ code: "INVALID_EXPRESSION" });
        const column = Number(/at column (\d+) of /.exec((error as Error).message)?.[1]);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(column).toBeLessThanOrEqual(text.length + 1);
      }
    });
    runs(property, 3_000);
  });

  it("leave nothing in memory once they are read, understood or not", () => {
    const readAll = (): void => {
      for (let i = 0; i < LONG_EXPRESSIONS; i++) {
        const text = Array.from({ length: LONG_NAMES }, (_, name) => `u:${i}-${name}`).join("|");
        expect(evaluate(parseExpression(text), ANONYMOUS)).toBe(false);
        expect(() => parseExpression(`${text}|`)).toThrow();
      }
    };
    readAll();
    const before = heapBytes();
    readAll();
    expect(heapBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  });

  it("bind ! over & over |", () => {
    const who: Principal = { user: "ducky", groups: ["a"], roles: [] };
    const holds = (text: string): boolean => evaluate(parseExpression(text), who);
    expect(holds("u:ducky | g:b & g:c")).toBe(true);
    expect(holds("(u:ducky | g:b) & g:c")).toBe(false);
    expect(holds("!g:b & g:a")).toBe(true);
    expect(holds("!(g:b | g:a)")).toBe(false);
    expect(holds("g:bigblue-ops | (u:ducky & !g:suspended)")).toBe(true);
  });

  it.each([
    ["", 1, "empty"],
    ["   ", 4, "empty"],
    ["g:", 3, "expected a name after 'g:'"],
    ["g: a", 3, "expected a name after 'g:'"],
    ["g:a |", 6, "found the end"],
    ["g:a | & u:b", 7, "found '&'"],
    ["g:a u:b", 5, "found 'u'"],
    ["(g:a", 1, "a '(' without its ')'"],
    ["g:b & (g:a u:b)", 12, "found 'u'"],
    ["g:a)", 4, "a ')' without its '('"],
    ["x:a", 1, "found 'x'"],
    ["ops", 1, "found 'ops'"],
    ["p:ops", 2, "takes no name"],
    ["u:a,b", 4, "found ','"],
    ["u:ä", 3, "expected a name"],
    ["constructor:a", 1, "found 'constructor'"],
    ["g:a || g:b", 6, "found '|'"],
    ["🦆", 1, "found '🦆'"],
  ])("refuse %j at column %i", (text, column, what) => {
    try {
      parseExpression(text);
    } catch (error) {
      expect(error).toBeInstanceOf(LandfallError);
      const { code, message } = error as LandfallError;
      expect(code).toBe("INVALID_EXPRESSION");
      expect(message).toContain(what);
      expect(message).toContain(`column ${column} of ${JSON.stringify(text)}`);
      return;
    }
    throw new Error("the expression was accepted");
  });

  it("are bounded in length and depth", () => {
    const refused = (text: string): void =>
      expect(() => parseExpression(text)).toThrowError(expect.objectContaining({ code: "INVALID_EXPRESSION" }));
    refused("p|".repeat(EXPRESSION_CHARS_MAX));
    refused("(".repeat(EXPRESSION_DEPTH_MAX + 2) + "p" + ")".repeat(EXPRESSION_DEPTH_MAX + 2));
    refused("!".repeat(EXPRESSION_DEPTH_MAX + 2) + "p");
    const chain = Array.from({ length: 2000 }, () => "p").join("&");
    expect(evaluate(parseExpression(chain), ANONYMOUS)).toBe(true);
  });
});

describe("stream patterns", () => {
  it(`mean the same as a regular expression (seed ${seed})`, () => {
    const letter = fc.constantFrom("a", "b", ".", "*", "$");
    const pattern = fc.array(letter, { maxLength: 8 }).map((a) => a.join(""));
    const name = fc.array(fc.constantFrom("a", "b", ".", "$"), { maxLength: 10 }).map((a) => a.join(""));
    fc.assert(
      fc.property(pattern, name, (pattern, name) => {
        const source = pattern
          .split("")
          .map((c) => (c === "*" ? ".*" : c === "." || c === "$" ? `\\${c}` : c))
          .join("");
        expect(matchesPattern(pattern, name)).toBe(new RegExp(`^${source}$`).test(name));
      }),
      { seed, numRuns: 2000 },
    );
  });

  it("match whole names", () => {
    expect(matchesPattern("bigblue.*", "bigblue.containers")).toBe(true);
    expect(matchesPattern("bigblue.*", "notbigblue.containers")).toBe(false);
    expect(matchesPattern("*.alerts", "duckworks.alerts")).toBe(true);
    expect(matchesPattern("*.alerts", "duckworks.alerts.old")).toBe(false);
    expect(matchesPattern("", "a")).toBe(false);
    expect(matchesAny([], "a")).toBe(false);
    expect(matchesAny(["b", "*"], "a")).toBe(true);
    // A pattern that would take a backtracking matcher longer than the age of the ship.
    expect(matchesPattern("*a".repeat(60) + "b", "a".repeat(20_000))).toBe(false);
  });
});

describe("a policy", () => {
  const policy = createPolicy([
    { stream: "port.ausyd.events", read: "g:port-ausyd" },
    { stream: "port.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" },
    { stream: "public.*", read: "p" },
  ]);
  const ops: Principal = { user: "ops", groups: ["bigblue-ops", "bigblue-sites"], roles: [] };

  it("A1: denies what no rule allows", () => {
    expect(policy.allows(ops, "read", streamName("duckworks.containers"))).toBe(false);
    expect(policy.allows(ops, "replicate", streamName("public.notices"))).toBe(false);
    expect(policy.allows(ANONYMOUS, "read", streamName("port.sgsin.events"))).toBe(false);
    expect(createPolicy([]).allows(ops, "read", streamName("port.sgsin.events"))).toBe(false);
    expect(policy.allows(ANONYMOUS, "read", streamName("public.notices"))).toBe(true);
  });

  it("A1: goes by the first rule that matches, whatever later ones say", () => {
    expect(policy.allows(ops, "read", streamName("port.sgsin.events"))).toBe(true);
    expect(policy.allows(ops, "read", streamName("port.ausyd.events"))).toBe(false);
    expect(policy.allows(ops, "replicate", streamName("port.ausyd.events"))).toBe(false);
  });

  describe("R8: who may produce and relay", () => {
    const site = (name: string, groups: string[] = []): Principal => ({ user: `site.${name}`, groups, roles: [] });
    const [tokyo, duckworks] = [site("tokyo", ["bigblue-sites"]), site("duckworks")];
    const [ducks, metrics] = [streamName("duckworks.containers"), streamName("duckworks.metrics")];
    const both = "g:bigblue-sites | u:site.duckworks";
    const rules = () =>
      createPolicy([
        { stream: "duckworks.metrics", replicate: both, produce: "u:site.duckworks" },
        { stream: "duckworks.*", replicate: both, produce: "g:bigblue-sites", relay: "g:bigblue-sites" },
        { stream: "port.*", replicate: "g:bigblue-sites" },
        { stream: "public.*", read: "p" },
      ]);
    const who = (policy: ReturnType<typeof rules>, action: "produce" | "relay", stream: typeof ducks) =>
      [tokyo, duckworks].filter((one) => policy.allows(one, action, stream)).map(({ user }) => user);

    it("goes by what the rule says, and as replicate where it does not", () => {
      const policy = rules();
      expect(who(policy, "produce", ducks)).toEqual(["site.tokyo"]);
      expect(who(policy, "relay", ducks)).toEqual(["site.tokyo"]);
      expect(who(policy, "produce", metrics)).toEqual(["site.duckworks"]);
      expect(who(policy, "relay", metrics)).toEqual(["site.tokyo", "site.duckworks"]);
      expect(who(policy, "produce", streamName("port.ausyd.events"))).toEqual(["site.tokyo"]);
      for (const action of ["produce", "relay"] as const) {
        expect(who(policy, action, streamName("public.notices"))).toEqual([]);
        expect(who(policy, action, streamName("polarfoods.containers"))).toEqual([]);
      }
    });

    it("tells whether a rule names the action", () => {
      const policy = rules();
      expect(policy.names("produce", ducks)).toBe(true);
      expect(policy.names("relay", metrics)).toBe(false);
      expect(policy.names("produce", streamName("port.ausyd.events"))).toBe(false);
      expect(policy.names("produce", streamName("polarfoods.containers"))).toBe(false);
    });

    it("A4: a rule that travelled and says nothing of it leaves the base's word, also where that is replicate's", () => {
      const policy = rules();
      policy.change("duckworks", [{ stream: "duckworks.*", replicate: "!p" }]);
      policy.change("port", [{ stream: "port.*", replicate: "!p" }]);
      expect(who(policy, "produce", ducks)).toEqual(["site.tokyo"]);
      expect(who(policy, "produce", streamName("port.ausyd.events"))).toEqual(["site.tokyo"]);
      policy.change("port", [{ stream: "port.ausyd.*", produce: "u:site.duckworks" }]);
      expect(who(policy, "produce", streamName("port.ausyd.events"))).toEqual(["site.duckworks"]);
      expect(policy.names("produce", streamName("port.ausyd.events"))).toBe(true);
      policy.change("port", undefined);
      expect(who(policy, "produce", streamName("port.ausyd.events"))).toEqual(["site.tokyo"]);
    });
  });

  it("names the rule, the action and the column of a bad expression", () => {
    expect(() =>
      createPolicy([
        { stream: "a.*", read: "p" },
        { stream: "b.*", replicate: "g:x |" },
      ]),
    ).toThrowError(
      expect.objectContaining({
        code: "INVALID_EXPRESSION",
        message: expect.stringMatching(/rule 2 \(stream "b\.\*"\), replicate: .*column 6/),
      }),
    );
  });
});
