import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatCount,
  formatCourse,
  formatNumber,
  formatPosition,
  plural,
} from "../src/format/quantities.js";
import { readable } from "../src/words.js";
import {
  formatAgo,
  formatBoth,
  formatClockBoth,
  formatDuration,
  formatLocal,
  formatTime,
  toMs,
} from "../src/format/time.js";

describe("times", () => {
  const ms = Date.UTC(2026, 10, 3, 4, 10, 5);

  it("has the reader's own clock beside it, and its day where that is another", () => {
    expect(formatBoth(ms, ms, "Asia/Tokyo")).toBe("3 Nov 04:10 UTC (13:10 GMT+9)");
    expect(formatBoth(ms, ms, "America/Los_Angeles")).toMatch(/^3 Nov 04:10 UTC \(2 Nov 20:10 (PST|GMT-8)\)$/);
    expect(formatBoth(ms, ms, "UTC")).toBe("3 Nov 04:10 UTC");
    expect(formatClockBoth(ms, "Asia/Tokyo")).toBe("04:10:05 UTC (13:10 GMT+9)");
    expect(formatClockBoth(ms, "UTC")).toBe("04:10:05 UTC");
  });

  it("shows UTC, and the year only when it is another", () => {
    expect(formatTime(ms)).toBe("3 Nov 04:10");
    expect(formatTime(ms, Date.UTC(2026, 0, 1))).toBe("3 Nov 04:10");
    expect(formatTime(ms, Date.UTC(2027, 0, 1))).toBe("3 Nov 2026 04:10");
  });

  it("shows lengths of time in at most two units", () => {
    expect([999, 12_000, 35 * 60_000, 3 * 3_600_000 + 60_000, 52 * 3_600_000].map(formatDuration)).toEqual([
      "0 s",
      "12 s",
      "35 min",
      "3 h 1 min",
      "2 d 4 h",
    ]);
    expect(formatAgo(ms, ms + 2000)).toBe("just now");
    expect(formatAgo(ms, ms + 240_000)).toBe("4 min ago");
    expect(formatAgo(ms + 7_200_000, ms)).toBe("in 2 h");
  });

  it("shows the reader's own time with its zone, and nothing when that is UTC", () => {
    expect(formatLocal(ms, "Asia/Tokyo")).toBe("13:10 GMT+9");
    expect(formatLocal(ms, "UTC")).toBe("");
  });

  it("takes no unreadable time for one", () => {
    expect(toMs("nonsense")).toBeUndefined();
    expect(toMs(undefined)).toBeUndefined();
    expect(toMs("2026-11-03T04:10:05Z")).toBe(ms);
  });
});

describe("words", () => {
  it("reads container numbers in groups, wherever they stand, and nothing else", () => {
    expect(readable("BBRU2043698 is warm; CSQU3054383, ABCD1234567 and IMO 9321483 are not")).toBe(
      "BBRU 204369 8 is warm; CSQU 305438 3, ABCD1234567 and IMO 9321483 are not",
    );
  });

  it("reads times as times", () => {
    expect(readable("silent since 2026-11-18T20:59:18.000Z while 25 report")).toBe(
      "silent since 18 Nov 20:59 UTC while 25 report",
    );
  });
});

describe("quantities", () => {
  it("groups thousands from five digits on", () => {
    expect([7, 1204, 12480, 1234567].map(formatCount)).toEqual(["7", "1204", "12\u202f480", "1\u202f234\u202f567"]);
    expect(plural(1, "record")).toBe("1 record");
    expect(plural(2, "record")).toBe("2 records");
  });

  it("writes positions as charts do, without sixty minutes", () => {
    expect(formatPosition(35.6175, 139.7895)).toBe("35°37.1′N 139°47.4′E");
    expect(formatPosition(-33.99999, 241.73)).toBe("34°00.0′S 118°16.2′W");
  });

  it("writes courses with three digits and never 360", () => {
    expect([0, 47.4, 359.7, -90].map(formatCourse)).toEqual(["000°", "047°", "000°", "270°"]);
  });

  it("writes bytes in steps of a thousand and minus signs as such", () => {
    expect([0, 999, 1500, 25_000_000].map(formatBytes)).toEqual([
      "0\u00a0B",
      "999\u00a0B",
      "1.5\u00a0kB",
      "25\u00a0MB",
    ]);
    expect(formatNumber(-18.04)).toBe("−18.0");
  });
});
