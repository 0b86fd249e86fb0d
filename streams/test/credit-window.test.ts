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
  const blockMax = bytesPerMs > 1_000 ? 64 * KIB : 4 * KIB;
  let credit = window.begin();
  let arrived = 0;
  let linkFree = 0;
  const events: { at: number; run: () => void }[] = [];
  const later = (at: number, run: () => void): void => void events.push({ at, run });
  // As the sender last heard: with credit, or because it is much narrower now (machine.ts).
  let told = window.bytes;
  const blockNow = () => Math.min(blockMax, Math.ceil(told / 4));
  const send = (now: number): void => {
    for (let block = blockNow(); credit >= block; block = blockNow()) {
      credit -= block;
      linkFree = Math.max(linkFree, now) + block / bytesPerMs;
      const at = linkFree + roundTripMs / 2;
      later(at, () => {
        arrived += block;
        window.arrived(block, at, true);
        later(at + COMMIT_MS, () => {
          const back = window.committed(block, COMMIT_MS, at + COMMIT_MS);
          const { bytes } = window;
          later(at + COMMIT_MS + roundTripMs / 2, () => {
            credit += back;
            if (back > 0 || bytes < told / 2) told = bytes;
            send(at + COMMIT_MS + roundTripMs / 2);
          });
        });
      });
    }
  };
  // Once a second a ping, whose answer stands in line with the data.
  const ping = (now: number): void => {
    later(now + roundTripMs / 2, () => {
      const answeredAt = Math.max(linkFree, now + roundTripMs / 2) + roundTripMs / 2;
      later(answeredAt, () => window.roundTrip(answeredAt - now, answeredAt));
    });
    later(now + 1_000, () => ping(now + 1_000));
  };
  window.roundTrip(roundTripMs, 0);
  ping(0);
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

  it("stays narrow on a slow link, however long every answer has stood in line", () => {
    for (const [bytesPerMs, roundTripMs] of [
      [125, 50],
      [125, 600],
      [750, 40],
      [10_000, 600],
    ] as const) {
      const window = new CreditWindow(BOUNDS);
      const { bytes } = fill(window, bytesPerMs, roundTripMs, 300_000);
      expect(window.bytes).toBeLessThan(Math.max(BOUNDS.windowBytesMin, bytesPerMs * roundTripMs) * 3);
      expect(bytes).toBeGreaterThan(bytesPerMs * 300_000 * 0.8);
    }
  });

  it("begins wide enough for a long link of its class, and shrinks where the link is not what was thought", () => {
    const bounds = { ...BOUNDS, startBytesPerMs: 10_000 };
    expect(new CreditWindow(bounds, 1).bytes).toBe(BOUNDS.windowBytes);
    expect(new CreditWindow(bounds, 600).bytes).toBe(10_000 * 600 * 1.5);
    // Whoever takes ten seconds for its first word is busy, not far away.
    expect(new CreditWindow(bounds, 10_000).bytes).toBe(new CreditWindow(bounds, 1_000).bytes);
    const asked = new CreditWindow(bounds);
    asked.roundTrip(600, 600);
    expect(asked.bytes).toBe(10_000 * 600 * 1.5);
    const slow = new CreditWindow(bounds, 600);
    fill(slow, 125, 600, 200_000);
    expect(slow.bytes).toBeLessThan(125 * 600 * 3);
  });

  it("never gives more credit than the window, and gives all of it back", () => {
    const window = new CreditWindow(BOUNDS);
    expect(window.begin()).toBe(BOUNDS.windowBytes);
    expect(window.begin()).toBe(0);
    expect(window.committed(100, 1, 1)).toBe(100);
    expect(window.committed(BOUNDS.windowBytes, 1, 2)).toBe(BOUNDS.windowBytes);
  });

  it("does not take an idle link for a slow one", () => {
    const window = new CreditWindow(BOUNDS);
    window.begin();
    window.roundTrip(100, 0);
    for (let now = 0; now < 60_000; now += 1_000) {
      window.arrived(200, now, false);
      window.committed(200, 3, now);
    }
    expect(window.bytes).toBe(BOUNDS.windowBytes);
  });
});
