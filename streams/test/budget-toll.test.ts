import { describe, expect, it } from "vitest";
import { BudgetLedger } from "../src/replication/budget/ledger.js";
import { ALLOWANCE_BYTES, LentToll, PayingToll } from "../src/replication/budget/toll.js";
import { wireBytes } from "../src/replication/budget/wire-bytes.js";
import type { Message } from "../src/replication/machine-state.js";

const PING: Message = { $case: "ping", value: { token: 1 } };

/** Both ends of a metered link; what is sent waits in `toPayer` and `toOther` until the test hands it over, or loses it. */
function meteredLink(bytesPerDay = 1_000_000) {
  const soon: (() => void)[] = [];
  const ledger = new BudgetLedger({
    terms: { bytesPerDay, alertsPercent: 20 },
    found: undefined,
    now: () => 0,
    soon: (work) => soon.push(work),
    write: (_entry, done) => done(true),
  });
  const toPayer: Message[] = [];
  const toOther: Message[] = [];
  let crossed = 0;
  const onto = (wire: Message[]) => (message: Message) => {
    crossed += wireBytes(message);
    wire.push(message);
  };
  const paying = new PayingToll(ledger, onto(toOther));
  const lent = new LentToll(onto(toPayer));
  ledger.onMore(() => paying.more());
  paying.begin();
  return {
    ledger,
    paying,
    lent,
    toPayer,
    crossed: () => crossed,
    /** All that is under way arrives, and what that brings about. */
    settle: () => {
      while (soon.length + toPayer.length + toOther.length > 0) {
        soon.shift()?.();
        for (const message of toOther.splice(0)) lent.received(message);
        for (const message of toPayer.splice(0)) paying.received(message);
      }
    },
  };
}

describe("the two ends of a metered link (R7)", () => {
  it("one side pays for both; the other sends nothing before it is lent something", () => {
    const { ledger, lent, toPayer, crossed, settle } = meteredLink();
    lent.send(PING);
    expect(toPayer).toEqual([]);
    settle();
    for (let i = 0; i < 500; i++) {
      lent.send(PING);
      settle();
    }
    expect(crossed()).toBeGreaterThan(500 * wireBytes(PING));
    expect(ledger.state.usedBytes).toBeGreaterThanOrEqual(crossed());
    expect(ledger.state.usedBytes).toBeLessThanOrEqual(crossed() + ALLOWANCE_BYTES);
    expect(lent.said?.bytesPerDay).toBe(1_000_000);
  });

  it("frames wait, in order, for bytes that are not there", () => {
    const { lent, toPayer, settle } = meteredLink();
    const pings = Array.from({ length: 200 }, (_, token): Message => ({ $case: "ping", value: { token } }));
    settle();
    for (const ping of pings) lent.send(ping);
    const first = toPayer.length;
    expect(first).toBeLessThan(pings.length);
    expect(toPayer).toEqual(pings.slice(0, first));
  });

  it("what the other side sent into a link that died is spent", () => {
    const { ledger, paying, lent, toPayer, crossed, settle } = meteredLink();
    settle();
    for (let i = 0; i < 200; i++) lent.send(PING);
    toPayer.length = 0;
    paying.close();
    expect(ledger.state.usedBytes).toBeGreaterThanOrEqual(crossed());
  });

  it("a side that sends more than it was lent is refused", () => {
    const { paying, settle } = meteredLink();
    settle();
    const block = new Uint8Array(ALLOWANCE_BYTES);
    const data: Message = { $case: "data", value: { id: 1, firstSeq: 0, count: 1, block, rawBytes: 0 } };
    expect(() => paying.received(data)).toThrow(expect.objectContaining({ code: "PROTOCOL_ERROR" }));
  });

  it("the other side is told when what is left is for alerts", () => {
    const { ledger, lent, settle } = meteredLink();
    settle();
    expect(lent.purse.covers(100, "rest")).toBe(true);
    while (ledger.covers(10_000, "rest")) {
      if (ledger.hold(10_000, "rest")) ledger.settle(10_000, 10_000);
    }
    settle();
    expect(lent.purse.covers(100, "rest")).toBe(false);
    expect(lent.purse.covers(100, "urgent")).toBe(true);
  });
});
