import { describe, expect, it } from "vitest";
import { originId, streamName } from "../src/model/names.js";
import type { Seq } from "../src/model/record.js";
import { LINK_CLASSES } from "../src/replication/link-classes.js";
import { step } from "../src/replication/machine.js";
import { createMachine, keyId, type Effect } from "../src/replication/machine-state.js";
import { ALL_RIGHTS } from "./support/link-rights.js";

const STREAM = streamName("bigblue.containers");
const ORIGIN = originId("tokyo.a~x");
const KEY = keyId(STREAM, ORIGIN);
const [SYDNEY, SINGAPORE] = [1, 2];
const TICK_MS = 100;

describe("what comes without having been asked for", () => {
  it("R8: the filling of a gap is taken from the peer that was asked for it, and from no other", () => {
    const machine = createMachine("los-angeles.a", originId("los-angeles.a~y"));
    const connected = { tuning: LINK_CLASSES.wan, rights: ALL_RIGHTS, sister: false, tellsGaps: true, sealed: false };
    for (const [conn, peer] of [
      [SYDNEY, "sydney.a"],
      [SINGAPORE, "singapore.a"],
    ] as const) {
      step(machine, { type: "connected", conn, peer, ...connected }, 0);
    }
    const holes = [{ from: 2 as Seq, to: 5 as Seq, reason: "missed" as const }];
    step(machine, { type: "holes", stream: STREAM, origin: ORIGIN, nextSeq: 9, holes }, 0);
    const holdings = [{ stream: STREAM, origin: ORIGIN, next: 9, distance: 10, holes: [] }];
    step(machine, { type: "message", conn: SYDNEY, message: { $case: "announce", value: { holdings } } }, 0);
    step(machine, { type: "tick" }, 100);
    const fill = machine.fills.get(KEY);
    expect(fill).toMatchObject({ conn: SYDNEY, next: 2, to: 5 });

    const data = { requestId: fill?.requestId as number, firstSeq: 2, count: 3, bytes: 100, payload: "forged" };
    const forged = step(machine, { type: "data", conn: SINGAPORE, ...data }, 200);
    expect(forged.map(kind)).toEqual(["close"]);
    const asked = step(machine, { type: "data", conn: SYDNEY, ...data, payload: "true" }, 300);
    expect(asked.map(kind)).toEqual(["apply"]);
  });
});

describe("rule 4: a peer that does not send what it says it has", () => {
  const CLAIM_MS = LINK_CLASSES.wan.claimMs;
  const asked = () => {
    const machine = createMachine("los-angeles.a", originId("los-angeles.a~y"));
    const connected = { tuning: LINK_CLASSES.wan, rights: ALL_RIGHTS, sister: false, tellsGaps: true, sealed: false };
    step(machine, { type: "connected", conn: SYDNEY, peer: "sydney.a", ...connected }, 0);
    const holdings = [{ stream: STREAM, origin: ORIGIN, next: 9, distance: 10, holes: [] }];
    step(machine, { type: "message", conn: SYDNEY, message: { $case: "announce", value: { holdings } } }, 0);
    const requestId = machine.sources.get(KEY)?.requestId as number;
    let now = 0;
    /** Up to then, as a process that runs. Returns what it does in the end. */
    const tickUntil = (end: number): Effect[] => {
      for (; now + TICK_MS < end; now += TICK_MS) step(machine, { type: "tick" }, now);
      return step(machine, { type: "tick" }, (now = end));
    };
    return { machine, requestId, connected, tickUntil };
  };
  const told = (effects: Effect[]) => effects.map(kind).filter((type) => type === "withheld").length;

  it("is told once it has had the time, then stopped, and asked again later", () => {
    const { machine, requestId, tickUntil } = asked();
    expect(tickUntil(CLAIM_MS)).toEqual([]);
    const effects = tickUntil(CLAIM_MS + 1);
    expect(effects).toContainEqual({ type: "withheld", conn: SYDNEY, key: KEY, next: 9 });
    expect(effects).toContainEqual({
      type: "send",
      conn: SYDNEY,
      message: { $case: "stop", value: { id: requestId } },
    });
    const stopped = { $case: "stopped", value: { id: requestId } } as const;
    step(machine, { type: "message", conn: SYDNEY, message: stopped }, CLAIM_MS + 2);
    expect(machine.sources.has(KEY)).toBe(false);
    expect(told(step(machine, { type: "tick" }, CLAIM_MS + 3))).toBe(0);
    step(machine, { type: "tick" }, CLAIM_MS + 60_000);
    expect(machine.sources.get(KEY)).toMatchObject({ conn: SYDNEY, state: "active" });
  });

  it("is not told of a peer that sends something else meanwhile, nor of one that waits for this site's disk", () => {
    const { machine, requestId, tickUntil } = asked();
    const data = { conn: SYDNEY, requestId, count: 1, bytes: 100, payload: "records" };
    const applied = { type: "applied", conn: SYDNEY, key: KEY, bytes: 100, ok: true, fill: false, tookMs: 1 } as const;
    tickUntil(CLAIM_MS - 1);
    step(machine, { type: "data", ...data, firstSeq: 0 }, CLAIM_MS - 1);
    expect(told(tickUntil(3 * CLAIM_MS))).toBe(0);
    step(machine, applied, 3 * CLAIM_MS);
    expect(told(tickUntil(3 * CLAIM_MS))).toBe(1);
  });

  it("is not told of a peer whose records wait for a process that stood still", () => {
    const { machine, requestId, tickUntil } = asked();
    tickUntil(1_000);
    const woken = 3 * CLAIM_MS;
    expect(told(step(machine, { type: "tick" }, woken))).toBe(0);
    const data = { conn: SYDNEY, requestId, firstSeq: 0, count: 9, bytes: 100, payload: "records" };
    expect(step(machine, { type: "data", ...data }, woken).map(kind)).toEqual(["apply"]);
  });

  it("is not told of a peer that was idle for long, at the moment when it has more", () => {
    const { machine, requestId, tickUntil } = asked();
    const data = { conn: SYDNEY, requestId, count: 9, bytes: 100, payload: "records" };
    step(machine, { type: "data", ...data, firstSeq: 0 }, 1);
    step(machine, { type: "applied", conn: SYDNEY, key: KEY, bytes: 100, ok: true, fill: false, tookMs: 1 }, 2);
    tickUntil(5 * CLAIM_MS);
    const more = { stream: STREAM, origin: ORIGIN, next: 12, distance: 1, holes: [] };
    const message = { $case: "announce" as const, value: { holdings: [more] } };
    expect(told(step(machine, { type: "message", conn: SYDNEY, message }, 5 * CLAIM_MS + 1))).toBe(0);
    expect(told(tickUntil(6 * CLAIM_MS + 1))).toBe(0);
    expect(told(tickUntil(6 * CLAIM_MS + 2))).toBe(1);
  });

  it("is not told of a peer that has nothing more", () => {
    const { machine, requestId, tickUntil } = asked();
    const data = { conn: SYDNEY, requestId, count: 9, bytes: 100, payload: "records" };
    step(machine, { type: "data", ...data, firstSeq: 0 }, 1);
    step(machine, { type: "applied", conn: SYDNEY, key: KEY, bytes: 100, ok: true, fill: false, tookMs: 1 }, 2);
    expect(told(tickUntil(10 * CLAIM_MS))).toBe(0);
  });
});

function kind({ type }: Effect): string {
  return type;
}
