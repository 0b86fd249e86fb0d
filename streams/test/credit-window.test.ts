import { describe, expect, it } from "vitest";
import { CreditWindow } from "../src/replication/credit-window.js";

const KIB = 1024;
const BOUNDS = { windowBytesMin: 16 * KIB, windowBytes: 256 * KIB, windowBytesMax: 16 * KIB * KIB };
const COMMIT_MS = 2;

/** A sender with a backlog behind a link of so many bytes per ms and such a round trip, for a while. */
function fill(
  window: CreditWindow,
  bytesPerMs: number,
  roundTripMs: number,
  untilMs: number,
): { readonly bytes: number } {
  const block = bytesPerMs > 1_000 ? 64 * KIB : 4 * KIB;
  let credit = window.begin();
  let arrived = 0;
  let linkFree = 0;
  const events: { at: number; run: () => void }[] = [];
  const later = (at: number, run: () => void): void => void events.push({ at, run });
  const send = (now: number): void => {
    while (credit >= block) {
      credit -= block;
      linkFree = Math.max(linkFree, now) + block / bytesPerMs;
      const at = linkFree + roundTripMs / 2;
      later(at, () => {
        arrived += block;
        window.arrived(block, at, true);
        later(at + COMMIT_MS, () => {
          const back = window.committed(block, COMMIT_MS);
          later(at + COMMIT_MS + roundTripMs / 2, () => {
            credit += back;
            send(at + COMMIT_MS + roundTripMs / 2);
          });
        });
      });
    }
  };
  window.roundTrip(roundTripMs);
  send(0);
  for (;;) {
    events.sort((a, b) => b.at - a.at);
    const next = events.pop();
    if (next === undefined || next.at > untilMs) break;
    next.run();
  }
  return { bytes: arrived };
}

describe("the credit window", () => {
  it("grows on a long fast link until it fills it", () => {
    const window = new CreditWindow(BOUNDS);
    const { bytes } = fill(window, 10_000, 600, 20_000);
    expect(window.bytes).toBeGreaterThan(10_000 * 600);
    expect(window.bytes).toBeLessThan(10_000 * 600 * 2);
    expect(bytes).toBeGreaterThan(10_000 * 20_000 * 0.5);
  });

  it("shrinks on a slow link, so that what is urgent waits behind little, and still fills it", () => {
    const window = new CreditWindow(BOUNDS);
    const { bytes } = fill(window, 125, 50, 20_000);
    expect(window.bytes).toBe(BOUNDS.windowBytesMin);
    expect(bytes).toBeGreaterThan(125 * 20_000 * 0.9);
  });

  it("never gives more credit than the window, and gives all of it back", () => {
    const window = new CreditWindow(BOUNDS);
    expect(window.begin()).toBe(BOUNDS.windowBytes);
    expect(window.begin()).toBe(0);
    expect(window.committed(100, 1)).toBe(100);
    expect(window.committed(BOUNDS.windowBytes, 1)).toBe(BOUNDS.windowBytes);
  });

  it("does not take an idle link for a slow one", () => {
    const window = new CreditWindow(BOUNDS);
    window.begin();
    window.roundTrip(100);
    for (let now = 0; now < 60_000; now += 1_000) {
      window.arrived(200, now, false);
      window.committed(200, 3);
    }
    expect(window.bytes).toBe(BOUNDS.windowBytes);
  });
});
