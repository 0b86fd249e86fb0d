import { describe, expect, it } from "vitest";
import { Keepalive } from "../src/replication/keepalive.js";
import type { Message } from "../src/replication/machine-state.js";

const TUNING = { pingMs: 5_000, silenceMs: 20_000 };
const METERED = { ...TUNING, idlePingMs: 300_000 };
const PING: Message = { $case: "ping", value: { token: 1 } };
const STOPPED: Message = { $case: "stopped", value: { id: 1 } };
const DATA: Message = { $case: "data", value: { id: 1, firstSeq: 0, count: 1, block: new Uint8Array(1), rawBytes: 0 } };

describe("a link's keepalive", () => {
  it("pings at the class's rhythm, and ends a link on which nothing is heard", () => {
    const keepalive = new Keepalive(TUNING, false, 0);
    expect(keepalive.isPingDue(0)).toBe(true);
    keepalive.sent(PING, 0);
    expect(keepalive.isPingDue(4_999)).toBe(false);
    expect(keepalive.isPingDue(5_000)).toBe(true);
    expect(keepalive.silence(20_000)).toBeUndefined();
    expect(keepalive.silence(20_001)).toBe(20_001);
    keepalive.heard(15_000, 64);
    expect(keepalive.silence(20_001)).toBeUndefined();
  });

  it("asks nobody who is heard anyway, but for how long the link is; at the class's rhythm while much comes", () => {
    const keepalive = new Keepalive(TUNING, false, 0);
    keepalive.sent(PING, 0);
    for (let now = 4_000; now < 50_000; now += 4_000) {
      keepalive.heard(now, 64);
      expect(keepalive.isPingDue(now + 3_999)).toBe(now + 3_999 >= 50_000);
    }
    expect(keepalive.isPingDue(50_000)).toBe(true);
    keepalive.sent(PING, 50_000);
    keepalive.heard(54_000, 100_000);
    expect(keepalive.isPingDue(54_999)).toBe(false);
    expect(keepalive.isPingDue(55_000)).toBe(true);
  });

  it("metered: the dialler alone pings an idle link, seldom", () => {
    const [dialler, listener] = [new Keepalive(METERED, true, 0), new Keepalive(METERED, false, 0)];
    for (const keepalive of [dialler, listener]) {
      keepalive.heard(0, 64);
      keepalive.sent(STOPPED, 10);
    }
    expect(dialler.isPingDue(299_999)).toBe(false);
    expect(dialler.isPingDue(300_000)).toBe(true);
    expect(listener.isPingDue(300_000)).toBe(false);
    expect(listener.silence(600_001)).toBe(600_001);
  });

  it("metered: what was sent and not answered is asked after, and the link ended, as on any other", () => {
    const keepalive = new Keepalive(METERED, false, 0);
    keepalive.heard(0, 64);
    keepalive.sent(DATA, 100_000);
    expect(keepalive.isPingDue(104_999)).toBe(false);
    expect(keepalive.isPingDue(105_000)).toBe(true);
    keepalive.sent(PING, 105_000);
    expect(keepalive.isPingDue(110_000)).toBe(false);
    expect(keepalive.silence(120_000)).toBeUndefined();
    expect(keepalive.silence(120_001)).toBe(120_001);
    keepalive.heard(120_000, 64);
    expect(keepalive.silence(140_001)).toBeUndefined();
  });
});
