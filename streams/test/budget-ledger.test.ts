import { describe, expect, it } from "vitest";
import { BudgetLedger, CHUNK_BYTES, DAY_MS, type LedgerEntry } from "../src/replication/budget/ledger.js";

const BYTES_PER_DAY = 1_000_000;
const MORNING = 20_000 * DAY_MS + 3_600_000;

/** A budget whose file the test keeps: writes are durable when the test says so, at once unless told otherwise. */
class Kept {
  nowMs = MORNING;
  file: LedgerEntry | undefined;
  ledger: BudgetLedger;
  writes: (() => void)[] = [];
  isSlow = false;
  soon: (() => void)[] = [];

  constructor() {
    this.ledger = this.open();
  }

  /** As after a kill: nothing but the file is left. */
  open(): BudgetLedger {
    this.ledger = new BudgetLedger({
      terms: { bytesPerDay: BYTES_PER_DAY, alertsPercent: 20 },
      found: this.file,
      now: () => this.nowMs,
      soon: (work) => this.soon.push(work),
      write: (entry, done) => {
        const write = () => {
          this.file = entry;
          done(true);
        };
        if (this.isSlow) this.writes.push(write);
        else write();
      },
    });
    return this.ledger;
  }

  /** Spends pieces until there are no more; returns how many bytes they were. */
  spend(purpose: "urgent" | "rest", most = Infinity, piece = 5_000): number {
    let spent = 0;
    for (let refusals = 0; refusals < 2 && spent < most;) {
      if (this.ledger.hold(piece, purpose)) {
        this.ledger.settle(piece, piece);
        spent += piece;
        refusals = 0;
      } else refusals++; // The first refusal has more written down.
    }
    return spent;
  }
}

describe("the ledger of a byte budget (R7)", () => {
  it("gives a day's bytes once, the share for alerts to alerts alone, and all of it again after midnight UTC", () => {
    const kept = new Kept();
    expect(kept.spend("rest")).toBe(800_000);
    expect(kept.ledger.covers(1, "rest")).toBe(false);
    expect(kept.ledger.state).toMatchObject({ usedBytes: 800_000, leftBytes: 200_000, isForAlerts: true });
    expect(kept.spend("urgent")).toBe(200_000);
    expect(kept.ledger.state).toMatchObject({ leftBytes: 0, isUsedUp: true, until: 20_001 * DAY_MS });
    kept.nowMs = 20_001 * DAY_MS;
    expect(kept.spend("rest")).toBe(800_000);
  });

  it("sets nothing aside before it is on disk", () => {
    const kept = new Kept();
    kept.isSlow = true;
    expect(kept.ledger.hold(5_000, "rest")).toBe(false);
    let told = 0;
    kept.ledger.onMore(() => told++);
    kept.writes.shift()?.();
    kept.soon.shift()?.();
    expect(told).toBe(1);
    expect(kept.file?.bytes).toBeGreaterThanOrEqual(5_000);
    expect(kept.ledger.hold(5_000, "rest")).toBe(true);
  });

  it("gives no byte twice however often it is killed, and each kill loses a chunk and a piece at most", () => {
    const kept = new Kept();
    let spent = 0;
    let kills = 0;
    for (let now = -1; now !== 0; kills++, kept.open()) spent += now = kept.spend("urgent", 50_000);
    expect(spent).toBeLessThanOrEqual(BYTES_PER_DAY);
    expect(spent).toBeGreaterThan(BYTES_PER_DAY - kills * (CHUNK_BYTES + 5_000));
  });

  it("counts what is under way at midnight for the next day, too; also when it is killed then", () => {
    const kept = new Kept();
    kept.spend("rest", 10_000);
    expect(kept.ledger.hold(30_000, "rest")).toBe(true);
    kept.nowMs = 20_001 * DAY_MS;
    expect(kept.ledger.state.usedBytes).toBe(30_000);
    kept.open();
    expect(kept.ledger.state.usedBytes).toBeGreaterThanOrEqual(30_000);
  });

  it("gives nothing again to a clock that is set back", () => {
    const kept = new Kept();
    kept.spend("urgent");
    kept.nowMs -= 3 * DAY_MS;
    expect(kept.spend("urgent")).toBe(0);
    kept.open();
    expect(kept.spend("urgent")).toBe(0);
  });

  it("a clean end loses nothing", () => {
    const kept = new Kept();
    kept.spend("rest", 100_000);
    kept.file = kept.ledger.lastEntry();
    kept.open();
    expect(kept.ledger.state.usedBytes).toBe(100_000);
    kept.nowMs += DAY_MS;
    kept.open();
    expect(kept.ledger.state.usedBytes).toBe(0);
  });

  it("has room for no more than a chunk under way", () => {
    const { ledger } = new Kept();
    let held = 0;
    for (let refusals = 0; refusals < 3;) {
      if (ledger.hold(5_000, "rest")) held += 5_000;
      else refusals++;
    }
    expect(held).toBe(Math.floor(CHUNK_BYTES / 5_000) * 5_000);
  });
});
