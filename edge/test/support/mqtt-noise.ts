import * as fc from "fast-check";
import { generate, type Packet } from "mqtt-packet";
import { BOX } from "./edge-harness.js";

/** Packets, and what is nearly one, as a broken or hostile client might send them. */

const topic = fc.oneof(
  fc.constantFrom(
    `containers/${BOX}/telemetry`,
    `containers/${BOX}/commands`,
    "$SYS/x/new/clients",
    "$SYS/#",
    "#",
    "+/+/+",
    "__proto__",
    "constructor",
    "a".repeat(300),
    "/".repeat(200),
    "a/".repeat(150),
  ),
  fc.string({ minLength: 1, maxLength: 40, unit: "binary" }),
);
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
/** Above those that the honest publishes of a test use. */
const messageId = fc.integer({ min: 1_000, max: 65_535 });
const payload = fc.oneof(
  fc.constant(Buffer.from('{"temperatureC":4}')),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 0, max: 100_000 }).map((length) => Buffer.alloc(length, "x")),
);
const will = fc.option(fc.record({ topic, payload: fc.constant(Buffer.from("bye")), qos, retain: fc.boolean() }), {
  nil: undefined,
});

const connect = fc
  .record({
    clientId: fc.oneof(fc.constantFrom("", "reefer", "honest", "__proto__"), fc.string({ maxLength: 30 })),
    clean: fc.boolean(),
    keepalive: fc.integer({ min: 0, max: 65_535 }),
    username: fc.option(fc.constantFrom("reefer", "nobody", "constructor"), { nil: undefined }),
    password: fc.option(fc.constantFrom(Buffer.from("wrong"), Buffer.alloc(0)), { nil: undefined }),
    will,
    protocolVersion: fc.constantFrom(3 as const, 4 as const, 5 as const),
  })
  .map(({ username, password, will: last, ...rest }) => ({
    cmd: "connect" as const,
    protocolId: rest.protocolVersion === 3 ? ("MQIsdp" as const) : ("MQTT" as const),
    ...rest,
    ...(username !== undefined && { username, ...(password !== undefined && { password }) }),
    ...(last !== undefined && { will: last }),
  }));

const others: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({
    cmd: fc.constant("publish" as const),
    topic,
    payload,
    qos,
    retain: fc.boolean(),
    dup: fc.boolean(),
    messageId,
  }),
  fc.record({
    cmd: fc.constant("subscribe" as const),
    messageId,
    subscriptions: fc.array(fc.record({ topic, qos }), { minLength: 1, maxLength: 8 }),
  }),
  fc.record({
    cmd: fc.constant("unsubscribe" as const),
    messageId,
    unsubscriptions: fc.array(topic, { minLength: 1, maxLength: 8 }),
  }),
  fc.record({
    cmd: fc.constantFrom("puback" as const, "pubrec" as const, "pubrel" as const, "pubcomp" as const),
    messageId,
  }),
  fc.record({ cmd: fc.constantFrom("pingreq" as const, "disconnect" as const) }),
  connect,
);

/** One change of some bytes: flipped bits, cut, put in, said twice. */
interface Mutation {
  readonly kind: "flip" | "cut" | "insert" | "repeat";
  /** Where, as a part of the length. */
  readonly at: number;
  readonly bytes: Uint8Array;
}
const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom("flip" as const, "cut" as const, "insert" as const, "repeat" as const),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
});

/** Bytes of packets, some of them spoiled. */
const chunk = fc
  .tuple(
    fc.oneof({ weight: 4, arbitrary: others }, { weight: 1, arbitrary: connect }),
    fc.array(mutation, { maxLength: 3 }),
  )
  .map(([packet, mutations]) => mutations.reduce(mutate, bytesOf(packet)));

export const noise: fc.Arbitrary<Uint8Array[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: chunk }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) }),
  { minLength: 1, maxLength: 12 },
);

/** What begins as a client would begin: a CONNECT, spoiled or not. */
export const noiseAtTheDoor: fc.Arbitrary<Uint8Array[]> = fc
  .tuple(connect, fc.array(mutation, { maxLength: 2 }), noise)
  .map(([packet, mutations, rest]) => [mutations.reduce(mutate, bytesOf(packet)), ...rest]);

/** mqtt-packet refuses to write some of what a hostile client could: then its remains are noise enough. */
function bytesOf(packet: Packet): Uint8Array {
  try {
    return generate(packet);
  } catch {
    return Buffer.from(JSON.stringify(packet));
  }
}

function mutate(bytes: Uint8Array, { kind, at, bytes: more }: Mutation): Uint8Array {
  const place = Math.floor(at * bytes.length);
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (kind) {
    case "flip": {
      const flipped = Uint8Array.from(bytes);
      if (place < flipped.length) flipped[place] = (flipped[place] ?? 0) ^ (more[0] ?? 0);
      return flipped;
    }
    case "cut":
      return before;
    case "insert":
      return Buffer.concat([before, more, after]);
    case "repeat":
      return Buffer.concat([bytes, after]);
  }
}
