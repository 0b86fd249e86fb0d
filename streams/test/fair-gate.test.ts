import { expect, test } from "vitest";
import { FairGate } from "../src/identity/fair-gate.js";
import { networkOf } from "../src/identity/network.js";

/** A gate for one at a time whose only place is taken until `begin` is called; `order` is who came in after that. */
function heldGate(waitingMax: number) {
  const gate = new FairGate(1, waitingMax);
  const order: string[] = [];
  let begin = () => {};
  const held = new Promise<void>((resolve) => (begin = resolve));
  const first = gate.run("holder", () => held);
  const enter = (address: string) => gate.run(address, async () => order.push(address));
  return {
    gate,
    order,
    enter,
    begin: async (): Promise<void> => {
      begin();
      await first;
    },
  };
}

test("whoever waits for a turn waits for one of each other address, not for all that one of them sends", async () => {
  const { gate, order, enter, begin } = heldGate(6);
  const all = ["a", "a", "a", "b", "b", "c"].map(enter);
  await begin();
  await Promise.all(all);
  expect(order).toEqual(["a", "b", "c", "a", "b", "a"]);
  expect(gate.waiting).toBe(0);
  expect(await gate.run("d", async () => "in")).toBe("in");
});

test("where too many wait, whoever has most of them makes room, and who would have as many does not get it", async () => {
  const { gate, order, enter, begin } = heldGate(4);
  const flood = ["a", "a", "a", "a"].map(enter);
  const other = enter("b");
  // The newest of the four gave way.
  expect(await flood[3]).toBeUndefined();
  expect(gate.waiting).toBe(4);
  expect(await enter("a")).toBeUndefined();
  const third = enter("c");
  expect(await flood[2]).toBeUndefined();
  const more = enter("d");
  expect(await flood[1]).toBeUndefined();
  // Each has one: whoever comes now is told to come back.
  expect(await enter("e")).toBeUndefined();
  await begin();
  await Promise.all([flood[0], other, third, more]);
  expect(order).toEqual(["a", "b", "c", "d"]);
  expect(gate.waiting).toBe(0);
});

test("whoever has a network of IPv6 is one sender", async () => {
  const { order, enter, begin } = heldGate(10);
  const all = ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:DB8::1:0:0:0:3", "2001:db8:0:2::1"].map(enter);
  await begin();
  await Promise.all(all);
  expect(order[1]).toBe("2001:db8:0:2::1");
});

test.each([
  ["10.0.0.1", "10.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::FFFF:10.0.0.1", "10.0.0.1"],
  ["::1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["2001:0db8:0000:0001:0000:0000:0000:0001", "2001:db8:0:1::/64"],
  ["2001:db8:0:1::", "2001:db8:0:1::/64"],
  ["2001:db8::1:0:0:0:1", "2001:db8:0:1::/64"],
  ["2001:DB8:0:1::1.2.3.4", "2001:db8:0:1::/64"],
  ["1::8", "1:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", ""],
  ["not an address", "not an address"],
])("the network of %j is %j", (address, network) => {
  expect(networkOf(address)).toBe(network);
  expect(networkOf(network)).toBe(network);
});
