import { readdirSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { FRAME_BYTES_MAX } from "../../src/replication/wire-limits.js";

const FOLDER = new URL("../fixtures/wire/", import.meta.url);

/** Frames that each version of the protocol wrote, by what they are. */
export const RECORDED: ReadonlyMap<string, Buffer> = new Map(
  readdirSync(FOLDER).flatMap((file) => {
    const frames = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as { name: string; hex: string }[];
    return frames.map(({ name, hex }) => [`${file} ${name}`, Buffer.from(hex, "hex")] as const);
  }),
);

/** A frame as it goes over HTTP/2, with the length that it says it has. @param flags 1: it says that it is compressed */
export function framed(bytes: Uint8Array, length = bytes.byteLength, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

const recorded = fc.constantFrom(...RECORDED.values());
const some = fc.uint8Array({ maxLength: 64 });
const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** A recorded frame with some of its bytes changed, lost, or more than there were. */
const mutated = fc
  .tuple(
    recorded,
    fc.array(fc.tuple(position, fc.constantFrom("set", "cut", "insert", "end"), fc.nat(255)), {
      minLength: 1,
      maxLength: 5,
    }),
  )
  .map(([frame, changes]) =>
    changes.reduce((bytes, [where, how, value]) => {
      const at = Math.floor(where * bytes.length);
      const before = bytes.subarray(0, at);
      if (how === "end") return before;
      const after = bytes.subarray(how === "insert" ? at : at + 1);
      return Buffer.concat([before, how === "cut" ? Buffer.alloc(0) : Buffer.of(value), after]);
    }, frame),
  );

/** Fields of a later version: numbers and kinds that nobody knows, behind or in front of those that are known. */
const withUnknown = fc
  .tuple(recorded, fc.integer({ min: 20, max: 2 ** 20 }), some, fc.boolean())
  .map(([frame, field, bytes, isFirst]) => {
    const more = Buffer.concat([varint(field * 8 + 2), varint(bytes.byteLength), bytes]);
    return Buffer.concat(isFirst ? [more, frame] : [frame, more]);
  });

const frame = fc.oneof(recorded, mutated, mutated, withUnknown, some);
const honest = frame.map((bytes) => framed(bytes));
/** Lengths that lie: more than comes, less than there is, more than there may be. */
const lying = fc
  .tuple(
    frame,
    fc.oneof(fc.nat(200), fc.constantFrom(0, 0xffffffff, FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1)),
    fc.constantFrom(0, 0, 1, 255),
  )
  .map(([bytes, length, flags]) => framed(bytes, length, flags));
/** The same over and over. */
const endless = fc
  .tuple(frame, fc.integer({ min: 2, max: 400 }))
  .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => framed(bytes))));
/** It ends, or goes on with something else, in the middle. */
const half = fc.tuple(honest, position).map(([bytes, where]) => bytes.subarray(0, Math.floor(where * bytes.length)));

/** What somebody may say over a call: pieces as they are written. */
export const wireNoise: fc.Arbitrary<Buffer[]> = fc.array(
  fc.oneof({ weight: 6, arbitrary: honest }, { weight: 2, arbitrary: lying }, { weight: 1, arbitrary: endless }, half),
  { minLength: 1, maxLength: 8 },
);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
