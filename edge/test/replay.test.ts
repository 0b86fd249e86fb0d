import { systemEnv } from "@landfall/streams/env";
import { LandfallError } from "@landfall/streams/model/errors";
import type { NewRecord, StoredRecord, TimestampMs } from "@landfall/streams/model/record";
import type { StreamName, TopicName } from "@landfall/streams/model/names";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BookingFeed } from "../src/bookings/booking-feed.js";
import { BookingTable } from "../src/bookings/booking-table.js";
import { ownRecords } from "../src/rules/replay.js";
import { json } from "./support/arbitraries.js";
import { MemoryStore } from "./support/memory-store.js";
import { deferred } from "@landfall/streams/testing/deferred";

const record = (text: string, topic = "CSQU3054383"): NewRecord => ({
  topic: topic as TopicName,
  timestamp: 1 as TimestampMs,
  value: Buffer.from(text),
});
const never = () => {
  throw new Error("nothing is damaged");
};

test("records of any number of streams come in the order in which they were taken in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 400 }), async (order) => {
      const store = new MemoryStore();
      for (const [i, n] of order.entries()) await store.append(`o${n}.containers` as StreamName, [record(String(i))]);
      const seen: string[] = [];
      for await (const { value } of ownRecords(store, "ship-1", store.streams(), new Map(), never)) {
        seen.push(Buffer.from(value).toString());
      }
      expect(seen).toEqual(order.map((_, i) => String(i)));
    }),
    { numRuns: 30 },
  );
});

test("what came from other sites was not observed on board", async () => {
  const store = new MemoryStore();
  await store.append("a.containers" as StreamName, [record("a")]);
  const seen: StoredRecord[] = [];
  for await (const one of ownRecords(store, "tokyo", store.streams(), new Map(), never)) seen.push(one);
  expect(seen).toEqual([]);
});

/** A store in which one stream cannot be read until it is healed. */
function damagedStore(stream: string) {
  const store = new MemoryStore();
  const healed = { yet: false };
  const read = store.readStream;
  store.readStream = (name, cursor, limit) =>
    name === stream && !healed.yet
      ? Promise.reject(new LandfallError("CORRUPT_BLOCK", "checksum differs"))
      : read(name, cursor, limit);
  return { store, healed };
}

test("S3: a damaged stream ends at the damage, the others are read on", async () => {
  const { store } = damagedStore("a.containers");
  await store.append("a.containers" as StreamName, [record("a")]);
  await store.append("b.containers" as StreamName, [record("b")]);
  const told: string[] = [];
  const seen: string[] = [];
  for await (const one of ownRecords(store, "ship-1", store.streams(), new Map(), (name) => told.push(name)))
    seen.push(one.stream);
  expect([told, seen]).toEqual([["a.containers"], ["b.containers"]]);
});

test("S3: bookings that cannot be read keep nobody waiting, are told, and are read when the stream is healed", async () => {
  const { store, healed } = damagedStore("duckworks.settings");
  const from = "2026-03-01T00:00:00.000Z";
  const value = { kind: "booking", container: "CSQU3054383", owner: "duckworks", from };
  await store.append("duckworks.settings" as StreamName, [
    record(json(value).toString(), `booking.CSQU3054383.${Date.parse(from)}`),
  ]);
  const told: string[] = [];
  const timer = deferred<() => void>();
  const table = new BookingTable();
  const feed = new BookingFeed({
    store,
    table,
    env: {
      now: () => 0,
      monotonic: () => 0,
      random: () => 0,
      setTimer: (_, run) => {
        timer.resolve(run);
        return { cancel: () => undefined };
      },
    },
    exceptions: { report: ({ code }) => told.push(code) },
    mayBook: () => true,
  });
  await feed.start();
  expect([told, table.size]).toEqual([["BOOKINGS_UNREADABLE"], 0]);
  healed.yet = true;
  (await timer.promise)();
  await feed.close();
  expect(table.bookingAt("CSQU3054383", Date.parse(from))?.owner).toBe("duckworks");
});

test("R8: a booking written at a customer's site is left aside and told; the carrier's counts", async () => {
  const from = "2026-03-01T00:00:00.000Z";
  const topic = `booking.CSQU3054383.${Date.parse(from)}`;
  const store = new MemoryStore();
  const book = async (owner: string) => {
    const value = { kind: "booking", container: "CSQU3054383", owner, from };
    await store.append(`${owner}.settings` as StreamName, [record(json(value).toString(), topic)]);
  };
  await book("duckworks");
  for (const carriers of [false, true]) {
    const told: string[] = [];
    const table = new BookingTable();
    const feed = new BookingFeed({
      store,
      table,
      env: systemEnv,
      exceptions: { report: ({ message }) => told.push(message) },
      mayBook: () => carriers,
    });
    await feed.start();
    await feed.close();
    expect(table.bookingAt("CSQU3054383", Date.parse(from))?.owner).toBe(carriers ? "duckworks" : undefined);
    expect(told.filter((message) => message.includes("not one of the carrier's sites"))).toHaveLength(carriers ? 0 : 1);
  }
});
