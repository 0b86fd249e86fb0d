import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readBooking, type Booking } from "../src/bookings/booking.js";
import { BookingTable } from "../src/bookings/booking-table.js";
import { isProblem, parseIngestTopic } from "../src/ingest/topics.js";
import { route } from "../src/ingest/route.js";
import { isRefusal, validatePublish } from "../src/ingest/validate.js";
import { BOOKINGS_PER_CONTAINER_MAX } from "../src/limits.js";
import { json } from "./support/arbitraries.js";

const CONTAINER = "CSQU3054383";
const booking = (owner: string, fromMs: number, version: number, toMs?: number): Booking => ({
  container: CONTAINER,
  owner,
  fromMs,
  version,
  ...(toMs !== undefined && { toMs }),
});

describe("booking table", () => {
  test("the booking that started last and has not ended is in force", () => {
    const table = new BookingTable();
    table.put(booking("duckworks", 1_000, 1), "duckworks.settings");
    table.put(booking("polarfoods", 3_000, 2, 4_000), "polarfoods.settings");
    expect(table.bookingAt(CONTAINER, 999)).toBeUndefined();
    expect(table.bookingAt(CONTAINER, 1_000)).toMatchObject({ owner: "duckworks", version: 1 });
    expect(table.bookingAt(CONTAINER, 3_000)).toMatchObject({ owner: "polarfoods", version: 2 });
    expect(table.bookingAt(CONTAINER, 3_999)).toMatchObject({ owner: "polarfoods" });
    expect(table.bookingAt(CONTAINER, 4_000)).toMatchObject({ owner: "duckworks" });
    expect(table.bookingAt("MSKU9070323", 3_000)).toBeUndefined();
    expect(table.ownersOf(CONTAINER).sort()).toEqual(["duckworks", "polarfoods"]);
  });

  test("the same bookings in any order, some of them twice, make the same table", () => {
    const someBooking = fc.record({
      owner: fc.constantFrom("duckworks", "polarfoods", "bigblue"),
      fromMs: fc.integer({ min: 0, max: 5 }).map((n) => n * 10),
      length: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(someBooking, { maxLength: 12 }), fc.func(fc.nat()), (list, order) => {
        const bookings = list.map(({ owner, fromMs, length }, i) =>
          booking(owner, fromMs, i + 1, length === undefined ? undefined : fromMs + length),
        );
        const tableOf = (some: readonly Booking[]) => {
          const table = new BookingTable();
          for (const one of some) table.put(one, `${one.owner}.settings`);
          return table;
        };
        const straight = tableOf(bookings);
        const shuffled = tableOf([...bookings, ...bookings].sort((a, b) => order(a.version) - order(b.version)));
        // What the rule says, without a table: of each owner and start the newest version counts.
        const newest = bookings.filter(
          (one) => !bookings.some((o) => o.owner === one.owner && o.fromMs === one.fromMs && o.version > one.version),
        );
        for (let time = -5; time < 100; time += 5) {
          const inForce = newest
            .filter(({ fromMs, toMs }) => fromMs <= time && (toMs === undefined || time < toMs))
            .sort((a, b) => b.fromMs - a.fromMs || b.version - a.version)[0];
          expect(straight.bookingAt(CONTAINER, time)?.version).toBe(inForce?.version);
          expect(shuffled.bookingAt(CONTAINER, time)?.version).toBe(inForce?.version);
        }
      }),
    );
  });

  test("a container cannot have bookings without end", () => {
    const table = new BookingTable();
    for (let i = 0; i < BOOKINGS_PER_CONTAINER_MAX; i++) expect(table.put(booking("a", i, i), "a.settings")).toBe(true);
    expect(table.put(booking("a", BOOKINGS_PER_CONTAINER_MAX, 1), "a.settings")).toBe(false);
    expect(table.put(booking("b", 5, 1_000_000), "a.settings")).toBe(true);
    expect(table.bookingAt(CONTAINER, 5)?.owner).toBe("b");
  });
});

describe("booking records", () => {
  const from = "2026-03-01T00:00:00.000Z";
  const topic = `booking.${CONTAINER}.${Date.parse(from)}`;
  const value = { kind: "booking", container: CONTAINER, owner: "duckworks", from };

  test("a record of the contract is read", () => {
    expect(readBooking(topic, json(value), 77)).toEqual(booking("duckworks", Date.parse(from), 77));
    const to = "2026-04-01T00:00:00Z";
    expect(readBooking(topic, json({ ...value, to }), 77)).toMatchObject({ toMs: Date.parse(to) });
  });

  test.each([
    ["no JSON", Buffer.from("{")],
    ["a list", json([])],
    ["another kind", json({ ...value, kind: "grant" })],
    ["no container", json({ ...value, container: undefined })],
    ["a wrong check digit", json({ ...value, container: "CSQU3054384" })],
    ["an owner with a dot, which would name another stream", json({ ...value, owner: "duckworks.containers" })],
    ["no owner", json({ ...value, owner: 7 })],
    ["no start", json({ ...value, from: "soon" })],
    ["a start that the topic does not say", json({ ...value, from: "2026-03-02T00:00:00Z" })],
    ["an end that is no time", json({ ...value, to: "later" })],
  ])("%s is told and left aside", (_, bytes) => {
    expect(readBooking(topic, bytes, 1)).toBeTypeOf("string");
  });
});

describe("routing", () => {
  const time = 1_770_000_000_000;
  const reading = (name: string, payload: unknown) => {
    const topic = parseIngestTopic(name);
    if (isProblem(topic)) throw new Error(topic.message);
    const outcome = validatePublish(topic, json(payload), time);
    if (isRefusal(outcome)) throw new Error(outcome.problems[0]?.message);
    return outcome;
  };
  const table = new BookingTable();
  table.put(booking("duckworks", time - 1_000, 512), "duckworks.settings");

  test("a booked container's reading goes to the booking in force when it was measured", () => {
    const [target, ...more] = route(
      reading(`containers/${CONTAINER}/telemetry`, { time, tiltDeg: 1 }),
      "bigblue",
      table,
    );
    expect(more).toEqual([]);
    expect(target?.stream).toBe("duckworks.containers");
    expect(target?.record).toMatchObject({
      topic: CONTAINER,
      timestamp: time,
      headers: { booking: "512", kind: "telemetry" },
    });
    const [before] = route(
      reading(`containers/${CONTAINER}/telemetry`, { time: time - 1_001, tiltDeg: 1 }),
      "bigblue",
      table,
    );
    expect(before?.stream).toBe("bigblue.unassigned");
    expect(before?.record.headers).toEqual({ kind: "telemetry" });
    expect(before?.lookIn().sort()).toEqual(["bigblue.unassigned", "duckworks.containers"]);
  });

  test("an event with a place goes to the place's authority too, without the booking, byte for byte", () => {
    const payload = { type: "LOAD", time, location: "JPTYO", vessel: "9321483" };
    const [main, copy] = route(reading(`containers/${CONTAINER}/events`, payload), "bigblue", table);
    expect(main).toMatchObject({
      stream: "duckworks.containers",
      record: { headers: { kind: "event", booking: "512" } },
    });
    expect(copy).toMatchObject({
      stream: "port.jptyo.events",
      record: { topic: CONTAINER, headers: { kind: "event" } },
    });
    expect(copy?.record.headers).not.toHaveProperty("booking");
    expect(copy?.record.value).toEqual(json(payload));
  });

  test("a ship's readings go to the node's owner, its events with a place to the port as well", () => {
    const position = reading("ships/9321483/position", { time, latitude: 1, longitude: 2 });
    expect(route(position, "bigblue", table)).toMatchObject([
      { stream: "bigblue.ships", record: { topic: "9321483.position", headers: { kind: "position" } } },
    ]);
    const arrival = reading("ships/9321483/events", { type: "ARRI", time, location: "SGSIN" });
    expect(route(arrival, "bigblue", table)).toMatchObject([
      { stream: "bigblue.ships", record: { topic: "9321483.events" } },
      { stream: "port.sgsin.events", record: { topic: "9321483" } },
    ]);
  });
});
