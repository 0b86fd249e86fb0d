import { expect, it } from "vitest";
import { originId, streamName } from "../src/model/names.js";
import type { Seq } from "../src/model/record.js";
import { LINK_CLASSES } from "../src/replication/link-classes.js";
import { createMachine, keyId, type Effect, type MachineEvent } from "../src/replication/machine-state.js";
import { step } from "../src/replication/machine.js";
import { createShare } from "../src/replication/share.js";
import { ALL_RIGHTS } from "./support/link-rights.js";

const STREAM = streamName("bigblue.containers");
const SHIP = originId("vessel.a~1");
const KEY = keyId(STREAM, SHIP);
const SYDNEY = 1;
const OTHER = { node: "tokyo.b", origin: originId("tokyo.b~1") };

/** Node a of a site that shares a log with b; a peer of a's holds what a gap of both lacks. */
function siteNode() {
  const machine = createMachine("tokyo.a", originId("tokyo.a~1"), createShare());
  let now = 0;
  const does = (event: MachineEvent): Effect[] => step(machine, event, (now += 10));
  const connected = { tuning: LINK_CLASSES.wan, rights: ALL_RIGHTS, sister: false, tellsGaps: true, sealed: false };
  does({ type: "connected", conn: SYDNEY, peer: "sydney.a", ...connected });
  does({ type: "listened" });
  does({ type: "sisterHere", ...OTHER });
  const holes = (all: { from: Seq; to: Seq; reason: "missed" }[]): Effect[] =>
    does({ type: "holes", stream: STREAM, origin: SHIP, nextSeq: 9, holes: all });
  holes([{ from: 2 as Seq, to: 5 as Seq, reason: "missed" }]);
  const holdings = [{ stream: STREAM, origin: SHIP, next: 9, distance: 10, holes: [] }];
  does({ type: "message", conn: SYDNEY, message: { $case: "announce", value: { holdings } } });
  const tick = (): Effect[] => does({ type: "tick" });
  return {
    machine,
    does,
    tick,
    hears: (node: string, fills: boolean, number: number) =>
      does({ type: "fillTurns", node, turns: [{ stream: STREAM, origin: SHIP, fills, number }] }),
    settle: (effects: Effect[]) => {
      const effect = effects.find(({ type }) => type === "settle");
      return effect?.type === "settle" && effect.settling.why === "fill" ? effect.settling : undefined;
    },
    fill: () => {
      const requestId = machine.fills.get(KEY)?.requestId as number;
      const data = { conn: SYDNEY, requestId, firstSeq: 2, count: 3, bytes: 100, payload: "records" };
      does({ type: "data", ...data });
      does({ type: "applied", conn: SYDNEY, key: KEY, bytes: 100, ok: true, fill: true, tookMs: 1 });
      holes([]);
      return tick();
    },
  };
}

const said = (effects: Effect[]): boolean[] => effects.flatMap((e) => (e.type === "fillTurn" ? [e.fills] : []));
const numberOf = (effects: Effect[]): number =>
  effects.flatMap((e) => (e.type === "fillTurn" ? [e.number] : []))[0] as number;

it("R3: fills a gap once its word is the first, and the log was read to its end behind it; then says that it does so no longer", () => {
  const { machine, does, tick, hears, settle, fill } = siteNode();
  const effects = tick();
  expect(said(effects)).toEqual([true]);
  hears("tokyo.b", true, 1);
  hears("tokyo.a", true, numberOf(effects));
  expect(settle(tick())).toBeUndefined();
  hears("tokyo.b", false, 2);
  const settling = settle(tick());
  expect(machine.fills.has(KEY)).toBe(false);
  does({ type: "settled", key: KEY, settling: settling! });
  tick();
  expect(machine.fills.get(KEY)).toMatchObject({ next: 2, to: 5 });
  expect(said(fill())).toEqual([false]);
});

it("R6: whoever was told of a turn is told of its end, also where it was taken to be gone in between", () => {
  const { does, tick, hears, settle, fill } = siteNode();
  hears("tokyo.a", true, numberOf(tick()));
  const settling = settle(tick());
  does({ type: "sisterGone", node: OTHER.node });
  does({ type: "settled", key: KEY, settling: settling! });
  tick();
  // It may only have been asleep, and still take the turn to be this node's.
  expect(said(fill())).toEqual([false]);
});

it("R6: the turn of a node that is gone is over", () => {
  const { does, tick, hears, settle } = siteNode();
  const effects = tick();
  hears("tokyo.b", true, 1);
  hears("tokyo.a", true, numberOf(effects));
  expect(settle(tick())).toBeUndefined();
  does({ type: "sisterGone", node: OTHER.node });
  expect(settle(tick())).toBeDefined();
});

it("R6: a turn for which nothing is left to do is given up", () => {
  const { does, tick, hears } = siteNode();
  hears("tokyo.b", true, 1);
  hears("tokyo.a", true, numberOf(tick()));
  // The other node has filled it.
  does({ type: "holes", stream: STREAM, origin: SHIP, nextSeq: 9, holes: [] });
  expect(said(tick())).toEqual([false]);
});
