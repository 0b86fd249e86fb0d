import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deferred } from "@landfall/streams/testing/deferred";
import { Complaints } from "../src/mqtt/complaints.js";
import { FrameScanner } from "../src/mqtt/frame-scanner.js";
import { InOrder } from "../src/mqtt/in-order.js";
import { TokenBucket } from "../src/mqtt/token-bucket.js";
import { ByteGate } from "../src/mqtt/byte-gate.js";

function packet(header: number, body: Uint8Array): Buffer {
  const length: number[] = [];
  let left = body.length;
  do {
    length.push((left & 0x7f) | (left > 127 ? 0x80 : 0));
    left >>>= 7;
  } while (left > 0);
  return Buffer.concat([Buffer.from([header, ...length]), body]);
}
const CONNECT = packet(0x10, Buffer.alloc(20));
const MIB = 1024 * 1024;
const MAX = { packetBytesMax: MIB, connectBytesMax: 128 * 1024 };

describe("frame scanner", () => {
  test("however the bytes are cut, it counts the packets and knows where it stands", () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 });
    fc.assert(
      fc.property(bodies, fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1 }), (bodies, cuts) => {
        const stream = Buffer.concat([CONNECT, ...bodies.map((body) => packet(0x32, body))]);
        const scanner = new FrameScanner(MAX);
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length] as number;
          expect(scanner.scan(stream.subarray(at, at + size))).toBeUndefined();
          at += size;
        }
        expect(scanner.packets).toBe(1 + bodies.length);
        expect(scanner.isInside).toBe(false);
        expect(scanner.announced).toBe(0);
      }),
    );
  });

  test("a packet that announces too much is known by its first five bytes", () => {
    const scanner = new FrameScanner(MAX);
    scanner.scan(CONNECT);
    expect(scanner.scan(packet(0x32, Buffer.alloc(MIB)))).toBeUndefined();
    const head = packet(0x32, Buffer.alloc(MIB + 1)).subarray(0, 4);
    expect(scanner.scan(head)).toMatchObject({ code: "PACKET_TOO_LARGE" });
  });

  test("what does not begin with CONNECT is no MQTT; nor is a length without end", () => {
    expect(new FrameScanner(MAX).scan(Buffer.from("GET / HTTP/1.1\r\n"))).toMatchObject({ code: "NOT_MQTT" });
    expect(new FrameScanner(MAX).scan(Buffer.from([0x16, 3, 1]))).toMatchObject({ code: "NOT_MQTT" });
    expect(new FrameScanner(MAX).scan(Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff]))).toMatchObject({ code: "NOT_MQTT" });
  });

  test("CONNECT itself has a smaller limit", () => {
    expect(new FrameScanner(MAX).scan(packet(0x10, Buffer.alloc(500_000)))).toMatchObject({ code: "PACKET_TOO_LARGE" });
  });
});

describe("in order", () => {
  test("results come out in the order in which their work began, whatever ends first", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }),
        fc.infiniteStream(fc.boolean()),
        async (ends, fails) => {
          const order = new InOrder();
          const works = ends.map(() => deferred<number>());
          const seen: string[] = [];
          const expected: string[] = [];
          works.forEach((work, i) =>
            order.enter(
              work.promise,
              (n) => seen.push(`ok ${n}`),
              () => seen.push(`failed ${i}`),
            ),
          );
          const outcomes = works.map(() => fails.next().value === true);
          for (const end of ends) {
            if (outcomes[end]) works[end]?.reject(new Error("no"));
            else works[end]?.resolve(end);
          }
          outcomes.forEach((failed, i) => expected.push(failed ? `failed ${i}` : `ok ${i}`));
          await Promise.allSettled(works.map(({ promise }) => promise));
          await Promise.resolve();
          expect(seen).toEqual(expected);
        },
      ),
    );
  });

  test("nothing waits for what comes later", async () => {
    const order = new InOrder();
    const seen: number[] = [];
    order.enter(
      Promise.resolve(1),
      (n) => seen.push(n),
      () => undefined,
    );
    order.enter(
      deferred<number>().promise,
      (n) => seen.push(n),
      () => undefined,
    );
    await new Promise(setImmediate);
    expect(seen).toEqual([1]);
  });
});

test("a bucket lets a burst through, then the rate, and its debt is waited off", () => {
  const bucket = new TokenBucket(100, 50, 0);
  expect(bucket.take(50, 0)).toBe(0);
  expect(bucket.take(10, 0)).toBe(100);
  expect(bucket.take(0, 100)).toBe(0);
  expect(bucket.take(1, 100)).toBe(10);
  // An hour of silence saves no more than the burst.
  expect(bucket.take(51, 3_600_000)).toBe(10);
});

test("a gate opens for everybody who waits when there is room again, and for nobody who left", () => {
  const gate = new ByteGate(10);
  let opened = 0;
  gate.add(12);
  expect(gate.isOpen).toBe(false);
  gate.whenOpen(() => opened++);
  gate.whenOpen(() => opened++)();
  gate.remove(1);
  expect(opened).toBe(0);
  gate.remove(5);
  expect(opened).toBe(1);
  gate.remove(6);
  expect([opened, gate.bytes]).toEqual([1, 0]);
});

test("the same complaint about the same client is heard once a minute, and of one code so many about all", () => {
  const complaints = new Complaints(10_000);
  expect(complaints.isNew("a", "FLOOD", 0)).toBe(true);
  expect([complaints.isNew("a", "FLOOD", 59_999), complaints.isNew("a", "OTHER", 0)]).toEqual([false, true]);
  const heard = Array.from({ length: 1_000 }, (_, i) => complaints.isNew(`10.0.0.${i}`, "FLOOD", 1)).filter(Boolean);
  expect(heard).toHaveLength(199);
  expect(complaints.isNew("a", "FLOOD", 60_000)).toBe(true);
});
