import { Refuse_Reason } from "@landfall/proto/gen/landfall/v1/replication";
import { expect, it } from "vitest";
import { originId, streamName } from "../src/model/names.js";
import { FORKED_MS } from "../src/replication/forks.js";
import { LINK_CLASSES } from "../src/replication/link-classes.js";
import { createMachine, keyId, type Effect, type MachineEvent } from "../src/replication/machine-state.js";
import { step } from "../src/replication/machine.js";
import { createShare } from "../src/replication/share.js";
import { ALL_RIGHTS } from "./support/link-rights.js";

const STREAM = streamName("bigblue.containers");
const OWN = originId("tokyo.a~x");
const KEY = keyId(STREAM, OWN);
const SYDNEY = 1;

/** A node of a site whose nodes share a log. It wrote what a peer says of it, as another node of the site read it there before. */
function siteNode() {
  const machine = createMachine("tokyo.a", OWN, createShare());
  const connected = { tuning: LINK_CLASSES.wan, rights: ALL_RIGHTS, sister: false, tellsGaps: true, sealed: false };
  step(machine, { type: "connected", conn: SYDNEY, peer: "sydney.a", ...connected }, 0);
  step(machine, { type: "listened" }, 0);
  const does = (event: MachineEvent, now: number): Effect[] => step(machine, event, now);
  return {
    machine,
    tick: (now: number) => does({ type: "tick" }, now),
    /** Its own records come back to it from the log. */
    reads: (nextSeq: number, now: number) => does({ type: "committed", stream: STREAM, origin: OWN, nextSeq }, now),
    isTold: (next: number, now: number) => {
      const holdings = [{ stream: STREAM, origin: OWN, next, distance: 10, holes: [] }];
      return does({ type: "message", conn: SYDNEY, message: { $case: "announce", value: { holdings } } }, now);
    },
    settled: (asked: Effect[], now: number) => {
      const settle = asked.find((effect) => effect.type === "settle");
      expect(settle).toMatchObject({ key: KEY });
      return does({ type: "settled", key: KEY, settling: settle!.settling }, now);
    },
    /** The peer asks for what follows, and holds another record right before that. */
    serves: () => {
      const value = { id: 7, stream: STREAM, origin: OWN, from: 5, to: 0, digests: [], staged: undefined };
      const asked = does({ type: "message", conn: SYDNEY, message: { $case: "request", value } }, 4);
      const compare = asked.find(({ type }) => type === "read" || type === "compare");
      const block = { conn: SYDNEY, requestId: 7, key: KEY, firstSeq: 5, count: 0, block: new Uint8Array(0) };
      if (compare?.type === "read") does({ type: "block", ...block, isFork: true }, 5);
      else does({ type: "compared", conn: SYDNEY, requestId: 7, key: KEY, isFork: true }, 5);
    },
    /** A record of the peer's is looked at, to find where the histories part. */
    isSearching: () => machine.mends.get(KEY)?.step === "search",
  };
}

const settles = (effects: Effect[]): number => effects.filter(({ type }) => type === "settle").length;

it("R2: what is in the site's log and was not read yet is no reason to take this node for a restored one", () => {
  const node = siteNode();
  node.reads(5, 0);
  const asked = node.isTold(8, 1);
  expect(settles(asked)).toBe(1);
  // While it reads to the end, more is written, and others tell of that.
  node.reads(8, 2);
  expect(settles(node.isTold(12, 3))).toBe(0);
  const again = node.settled(asked, 4);
  expect(node.isSearching()).toBe(false);
  node.reads(12, 5);
  node.settled(again, 6);
  expect(node.isSearching()).toBe(false);
  expect(node.machine.forks.size).toBe(0);
});

it("R2: whoever has looked into a claim in vain reads to the end of the log before looking again", () => {
  const node = siteNode();
  node.reads(5, 0);
  node.settled(node.isTold(8, 1), 2);
  expect(node.isSearching()).toBe(true);
  // The peer asks the same at that moment: nothing was found out.
  const id = node.machine.mends.get(KEY)?.requestId as number;
  const refusal = { $case: "refuse", value: { id, reason: Refuse_Reason.CROSSING } } as const;
  step(node.machine, { type: "message", conn: SYDNEY, message: refusal }, 3);
  const again = node.tick(60_000);
  expect(node.isSearching()).toBe(false);
  node.reads(8, 60_001);
  node.settled(again, 60_002);
  expect(node.isSearching()).toBe(false);
  expect(node.machine.forks.size).toBe(0);
});

it("R2: what the log does not hold was lost with it, and is looked into", () => {
  const node = siteNode();
  node.reads(5, 0);
  const asked = node.isTold(8, 1);
  node.reads(6, 2);
  node.settled(asked, 3);
  expect(node.machine.mends.get(KEY)).toMatchObject({ step: "search", at: 6 });
});

it("R2: a log that could not be read to its end is read again later", () => {
  const node = siteNode();
  node.reads(5, 0);
  node.isTold(8, 1);
  expect(settles(node.tick(FORKED_MS - 1))).toBe(0);
  const again = node.tick(FORKED_MS + 1);
  expect(settles(again)).toBe(1);
  node.settled(again, FORKED_MS + 2);
  expect(node.isSearching()).toBe(true);
});

it("R2: another history that a peer has shown is looked into whatever the log holds", () => {
  const node = siteNode();
  node.reads(8, 0);
  node.isTold(5, 1);
  node.isTold(9, 2);
  node.serves();
  expect(node.machine.forks.get(KEY)?.isShown).toBe(true);
  node.tick(1_000);
  expect(node.isSearching()).toBe(true);
});
