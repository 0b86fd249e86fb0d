import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Grant } from "@landfall/streams/access/grant";
import { createPolicy, type Principal } from "@landfall/streams/access/policy";
import { streamName, topicName } from "@landfall/streams/model/names";
import { ACCESS, DUCKS, NOBODYS, PEARS, startWorld } from "../access/support/world.js";
import { commit, machine, median } from "./support/report.js";

/**
 * `npm run bench -- --suite access [--out FILE] [--runs N]`: what a question to the policy costs, with and without grants; and
 * how long the API takes to refuse what is not one's own beside what is not there (A3).
 */
const QUESTIONS = 200_000;
const REQUESTS = 400;
const GRANTS = 10_000;
const { values: options } = parseArgs({ options: { out: { type: "string" }, runs: { type: "string", default: "5" } } });
const runs = Number(options.runs);

const member: Principal = { user: "ducky", groups: ["duckworks"], roles: [] };
const ducks = streamName("duckworks.containers");
const pears = streamName("polarfoods.containers");

/** Grants of pears to others, and one to the member. */
const grants: Grant[] = Array.from({ length: GRANTS }, (_, i) => ({
  id: `grant${i}00000000`,
  subject: { kind: "user", name: i === 0 ? "ducky" : `somebody-${i}` },
  streams: [pears],
  topics: [topicName(PEARS)],
  from: i,
  to: Number.POSITIVE_INFINITY,
  validUntil: Number.POSITIVE_INFINITY,
}));

function questionNs(stream: typeof ducks, given: readonly Grant[], questions: number): number {
  const policy = createPolicy(ACCESS, () => 0);
  policy.grant("polarfoods", given);
  let shown = 0;
  const begun = performance.now();
  for (let i = 0; i < questions; i++) shown += policy.scope(member, stream).length;
  const ns = ((performance.now() - begun) * 1e6) / questions;
  if (shown === 0 && stream === ducks) throw new Error("the member may not read ducks: this measured nothing");
  return ns;
}

const times = (measure: () => number): number[] => Array.from({ length: runs }, measure);
const found: { name: string; unit: string; runs: number[] }[] = [
  { name: "one question, by rules alone", unit: "ns", runs: times(() => questionNs(ducks, [], QUESTIONS)) },
  {
    name: "one question, by rules, beside 10,000 grants of others",
    unit: "ns",
    runs: times(() => questionNs(ducks, grants, QUESTIONS)),
  },
  { name: "one question, refused, no grants", unit: "ns", runs: times(() => questionNs(pears, [], QUESTIONS)) },
  { name: "one question, one grant of 10,000 fits", unit: "ns", runs: times(() => questionNs(pears, grants, 500)) },
];

const world = await startWorld();
try {
  const askUs = async (path: string): Promise<number> => {
    const begun = performance.now();
    const response = await fetch(world.url + path, { headers: world.headers("ducky") });
    await response.arrayBuffer();
    if (response.status !== 404) throw new Error(`${path}: ${response.status}, want 404: this measured nothing`);
    return (performance.now() - begun) * 1e3;
  };
  /** Medians of both, asked in turn, so that both meet the same machine and the same state of the compiler. */
  const mediansUs = async (paths: readonly [string, string]): Promise<[number, number]> => {
    const [first, second]: [number[], number[]] = [[], []];
    for (let i = 0; i < REQUESTS; i++) {
      first.push(await askUs(paths[0]));
      second.push(await askUs(paths[1]));
    }
    return [median(first), median(second)];
  };
  const pairs = [
    ["a container's history", `/api/containers/${PEARS}/history`, `/api/containers/${NOBODYS}/history`],
    ["a container", `/api/containers/${PEARS}`, `/api/containers/${NOBODYS}`],
    [
      "records of a stream",
      `/api/streams/polarfoods.containers/topics/${DUCKS}/records`,
      `/api/streams/qolarfoods.containers/topics/${DUCKS}/records`,
    ],
  ] as const;
  for (const [name, foreign, absent] of pairs) {
    const refused: number[] = [];
    const missing: number[] = [];
    // The compiler's turn is not counted.
    await mediansUs([foreign, absent]);
    for (let run = 0; run < runs; run++) {
      const [refusedUs, missingUs] = await mediansUs([foreign, absent]);
      refused.push(refusedUs);
      missing.push(missingUs);
    }
    found.push({ name: `${name}, not yours`, unit: "µs", runs: refused });
    found.push({ name: `${name}, not there`, unit: "µs", runs: missing });
  }
} finally {
  await world.close();
}

const results = found.map((one) => ({ ...one, value: median(one.runs), higherIsBetter: false }));
const text = `${JSON.stringify({ suite: "access", machine: machine(), commit: commit(), results }, undefined, 2)}\n`;
if (options.out === undefined) process.stdout.write(text);
else writeFileSync(options.out, text);
