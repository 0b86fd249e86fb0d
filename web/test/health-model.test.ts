import { describe, expect, it } from "vitest";
import { contactsByClass } from "../src/fleet-model.js";
import { exceptionCounts } from "../src/health-model.js";

describe("exceptions over time", () => {
  it("are counted by the minute, with those that were left out, and minutes without any are there", () => {
    const { times, values } = exceptionCounts([
      { time: "2026-01-01T00:03:10Z" },
      { time: "2026-01-01T00:00:59Z", suppressed: 3 },
      { time: "2026-01-01T00:00:01Z" },
      { time: "no time at all" },
    ]);
    expect(values).toEqual([5, 0, 0, 1]);
    expect(times[0]).toBe(Date.UTC(2026, 0, 1) / 1000);
    expect(exceptionCounts([])).toEqual({ times: [], values: [] });
  });
});

describe("last contacts of a ship", () => {
  it("are the newest of each class of its own links, newest first", () => {
    const link = (id: string, kind: "port" | "satellite", from: string, lastContact?: string) => ({
      id,
      from,
      to: "tokyo",
      class: kind,
      state: "up" as const,
      ...(lastContact === undefined ? {} : { lastContact }),
    });
    const links = [
      link("a", "port", "ship-1", "2026-01-01T00:00:00Z"),
      link("b", "port", "ship-1", "2026-01-03T00:00:00Z"),
      link("c", "satellite", "ship-1", "2026-01-04T00:00:00Z"),
      link("d", "satellite", "ship-2", "2026-01-05T00:00:00Z"),
      link("e", "port", "ship-1"),
    ];
    expect(contactsByClass(links, "ship-1")).toEqual([
      { kind: "satellite", time: "2026-01-04T00:00:00Z" },
      { kind: "port", time: "2026-01-03T00:00:00Z" },
    ]);
  });
});
