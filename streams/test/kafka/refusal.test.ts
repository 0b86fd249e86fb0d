import { expect, it } from "vitest";
import { Numbering } from "../../src/kafka/numbering.js";
import { Partition, type Item } from "../../src/kafka/partition.js";
import { LandfallError } from "../../src/model/errors.js";
import { originId } from "../../src/model/names.js";
import { CONTAINERS, START_MS, reading } from "../../testing/store-fixture.js";

const ORIGIN = originId("tokyo.a~abc");

it("S2: what Kafka refuses gives its numbers back at once, and what it has already keeps its own", async () => {
  // Nothing has come back to the local store yet.
  const durable = () => ({ next: 0, highest: 0 });
  const numbering = new Numbering({ now: () => START_MS, slot: () => 1, durable });
  const number = (count: number) =>
    numbering.number(
      CONTAINERS,
      ORIGIN,
      Array.from({ length: count }, () => reading("a", "x")),
      undefined,
    );
  const partition = new Partition(CONTAINERS, "tokyo.bigblue.containers", 0);
  const told: string[] = [];
  const item = (name: string, count: number): Item => {
    const batch = number(count);
    return {
      entry: { kind: "records", batch },
      bytes: 0,
      resolve: () => told.push(`${name} is there`),
      reject: () => told.push(`${name} is refused`),
      onRefused: () => numbering.takeBack(CONTAINERS, batch.firstSeq),
    };
  };
  partition.whenReached(3, item("acknowledged", 3));
  partition.own.batch = { items: [item("sent", 2)], count: 2, bytes: new Uint8Array(0) };
  partition.own.queue = [item("queued", 4), item("last", 1)];
  partition.own.refuse(new LandfallError("INVALID_SETTINGS", "too large"));
  // In the same turn, before anybody who waits has heard of it.
  expect(number(1).firstSeq).toBe(3);
  expect(told).toEqual(["sent is refused", "queued is refused", "last is refused"]);
  expect(partition.hasWork).toBe(false);
  partition.settle(3);
  expect(told.at(-1)).toBe("acknowledged is there");
});
