import { describe, expect, it } from "vitest";
import { ByteWriter } from "../src/codec/bytes.js";
import { readGeneral } from "../src/codec/general.js";
import { decodeIntegers, encodeIntegers } from "../src/codec/integers.js";
import { decodeValues, encodeValues } from "../src/codec/values.js";
import { isLandfallError } from "../src/model/errors.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { simulateTelemetry, sortedByContainer } from "../testing/telemetry.js";

const seed = testSeed(4242);
const text = new TextEncoder();
const UNPACKED_MAX = 64 * 1024 * 1024;

/** A block with every kind of column, and some values without a shape. */
const reports = sortedByContainer(simulateTelemetry({ seed, containers: 6, reports: 20, ownTimes: true }));
const values = reports.map(({ value }, row) => {
  if (row % 10 === 0) return text.encode(value.slice(0, 50));
  const number = row % 11 === 0 ? "null" : String(row);
  return text.encode(
    `${value.slice(0, -1)},"seq":"trip-${String(row).padStart(5, "0")}","note":"${"n".repeat(row % 7)}${row * 7919}x","n":${number}}`,
  );
});
const times = reports.map(({ timestamp }) => timestamp);
const packed = encodeValues(values, times);

/** Decoding ends, with values of a bounded size or with CORRUPT_BLOCK. @returns whether it found the damage. */
function survives(decode: () => { readonly length: number }[], what: string): boolean {
  try {
    const bytes = decode().reduce((sum, value) => sum + value.length, 0);
    expect(bytes, what).toBeLessThanOrEqual(UNPACKED_MAX);
    return false;
  } catch (error) {
    if (!isLandfallError(error, "CORRUPT_BLOCK")) throw new Error(`${what}: ${String(error)}`, { cause: error });
    return true;
  }
}

function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = bytes.slice(0, random() < 0.1 ? Math.floor(random() * bytes.length) : bytes.length);
  for (let left = 1 + Math.floor(random() * 4); left > 0; left--) {
    copy[Math.floor(random() * copy.length)] = random() < 0.3 ? 255 : Math.floor(random() * 256);
  }
  return copy;
}

/** The body without the general codec, which would notice most of the damage before the columns are read. */
function bare(body: Uint8Array): Uint8Array {
  const out = new ByteWriter();
  out.byte(packed[0] ?? 0);
  out.byte(0);
  out.varint(body.length);
  out.bytes(body);
  return out.written().slice();
}

describe(`damaged blocks (seed ${seed}, LANDFALL_SEED repeats it)`, () => {
  it("flipped and cut packed bytes never do worse than CORRUPT_BLOCK", () => {
    const random = seededRandom(seed);
    let found = 0;
    for (let run = 0; run < 2000; run++) {
      const damaged = mutated(packed, random);
      if (survives(() => decodeValues(damaged, times), `run ${run}`)) found++;
    }
    expect(found).toBeGreaterThan(1000);
  });

  it("flipped and cut columns never do worse than CORRUPT_BLOCK", () => {
    const random = seededRandom(seed + 1);
    const body = readGeneral(packed, 1, UNPACKED_MAX).slice();
    expect(decodeValues(bare(body), times)).toEqual(decodeValues(packed, times));
    let found = 0;
    for (let run = 0; run < 4000; run++) {
      const damaged = bare(mutated(body, random));
      if (survives(() => decodeValues(damaged, times), `run ${run}`)) found++;
      survives(() => decodeValues(damaged, times, { from: 3, to: 9 }), `part, run ${run}`);
    }
    expect(found).toBeGreaterThan(1000);
  });

  it("garbage never does worse than CORRUPT_BLOCK", () => {
    const random = seededRandom(seed + 2);
    for (let run = 0; run < 3000; run++) {
      const garbage = Uint8Array.from({ length: Math.floor(random() * 200) }, () => random() * 256);
      survives(() => decodeValues(garbage, times), `run ${run}`);
      survives(() => decodeValues(bare(garbage), times), `bare, run ${run}`);
      survives(() => [decodeIntegers(garbage, Math.floor(random() * 5000))], `integers, run ${run}`);
    }
  });

  it("damaged integers never do worse than CORRUPT_BLOCK", () => {
    const random = seededRandom(seed + 3);
    const columns = [
      times,
      values.map((_, row) => row),
      times.map((time) => time * 1024),
      times.map(() => Math.floor((random() - 0.5) * 2 ** 53)),
    ];
    for (let run = 0; run < 4000; run++) {
      const column = columns[run % columns.length] ?? [];
      survives(() => [decodeIntegers(mutated(encodeIntegers(column), random), column.length)], `run ${run}`);
    }
  });

  it.each([
    ["nothing", () => new Uint8Array(0)],
    ["another version", () => Uint8Array.from(packed, (byte, at) => (at === 0 ? 99 : byte))],
    ["an unknown method", () => Uint8Array.from(packed, (byte, at) => (at === 1 ? 99 : byte))],
    ["a length of 2^53", () => Uint8Array.of(1, 1, 255, 255, 255, 255, 255, 255, 255, 15, 0)],
    ["cut in the middle", () => packed.slice(0, packed.length >> 1)],
    ["bytes left over", () => bare(Uint8Array.of(...readGeneral(packed, 1, UNPACKED_MAX), 0))],
  ])("%s", (_, bytes) => {
    expect(() => decodeValues(bytes(), times)).toThrow(expect.objectContaining({ code: "CORRUPT_BLOCK" }) as Error);
  });

  it("times of other records than those packed", () => {
    expect(() => decodeValues(packed, times.slice(1))).toThrow(
      expect.objectContaining({ code: "CORRUPT_BLOCK" }) as Error,
    );
  });
});
