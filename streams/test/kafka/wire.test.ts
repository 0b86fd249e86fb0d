import { describe, expect, it } from "vitest";
import { encodeProduce } from "../../src/kafka/wire.js";

/** As kafkajs writes its requests: the same bytes, in one piece. */
function whole(
  batches: readonly { topic: string; partition: number; batch: Uint8Array }[],
  correlationId: number,
  clientId: string,
): Buffer {
  const int = (bytes: 2 | 4, value: number): Buffer => {
    const out = Buffer.alloc(bytes);
    out.writeIntBE(value, 0, bytes);
    return out;
  };
  const text = (value: string): Buffer => Buffer.concat([int(2, Buffer.byteLength(value)), Buffer.from(value)]);
  const topics = [...new Set(batches.map(({ topic }) => topic))];
  const body = Buffer.concat([
    int(2, 0),
    int(2, 3),
    int(4, correlationId),
    text(clientId),
    int(2, -1),
    int(2, -1),
    int(4, 8_000),
    int(4, topics.length),
    ...topics.flatMap((name) => {
      const of = batches.filter(({ topic }) => topic === name);
      return [
        text(name),
        int(4, of.length),
        ...of.flatMap(({ partition, batch }) => [int(4, partition), int(4, batch.length), Buffer.from(batch)]),
      ];
    }),
  ]);
  return Buffer.concat([int(4, body.length), body]);
}

describe("a produce request", () => {
  const small = { topic: "tokyo.bigblue.alerts", partition: 2, batch: new Uint8Array(300).fill(7) };
  const large = { topic: "tokyo.bigblue.containers", partition: 0, batch: new Uint8Array(1024 * 1024).fill(9) };
  const other = { topic: "tokyo.bigblue.containers", partition: 1, batch: new Uint8Array(40_000).fill(3) };

  it.each([
    ["a small batch", [small]],
    ["a large one", [large]],
    ["some of each", [large, small, other]],
    ["two of one topic, of which one is small", [large, { ...other, batch: small.batch }]],
  ])("is the same in pieces as in one, with %s", (_, batches) => {
    const request = { correlationId: 70_000, clientId: "landfall-tōkyō", waitMs: 8_000 };
    const pieces = encodeProduce(batches, request);
    expect(Buffer.concat(pieces).equals(whole(batches, request.correlationId, request.clientId))).toBe(true);
  });

  it("has large batches as they lie in memory, and copies small ones", () => {
    const pieces = encodeProduce([large, small], { correlationId: 1, clientId: "landfall", waitMs: 8_000 });
    expect(pieces).toContain(large.batch);
    expect(pieces).toHaveLength(3);
  });
});
