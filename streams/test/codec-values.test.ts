import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeValues, encodeValues } from "../src/codec/values.js";
import { BLOCK_RECORDS_MAX, VALUE_BYTES_MAX } from "../src/limits.js";
import { seededRandom, testSeed } from "../testing/seeded-random.js";
import { simulateTelemetry, sortedByContainer } from "../testing/telemetry.js";

const seed = testSeed(20_261_120);
const text = new TextEncoder();

function roundTrip(values: readonly Uint8Array[], times: readonly number[]): void {
  const packed = encodeValues(values, times);
  const back = decodeValues(packed, times);
  expect(back.length).toBe(values.length);
  // One comparison instead of thousands of expectations, which are slow.
  const wrong = values.findIndex((value, row) => Buffer.compare(value, back[row] ?? new Uint8Array()) !== 0);
  if (wrong >= 0) expect(show(back[wrong])).toBe(show(values[wrong]));
  expect(Buffer.compare(encodeValues(values, times), packed)).toBe(0);
}

function show(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "nothing" : Buffer.from(bytes).toString("latin1");
}

function texts(values: readonly string[], times?: readonly number[]): void {
  roundTrip(
    values.map((value) => text.encode(value)),
    times ?? values.map((_, row) => 1_790_000_000_000 + row * 900_000),
  );
}

/** The same text with another field, as often as there are fields. */
function column(
  fields: readonly string[],
  around: (field: string) => string = (field) => `{"a":${field},"b":1}`,
): void {
  texts(fields.map(around));
}

const oddNumbers = fc.constantFrom(
  ..."-0 0 -0.0 0.0 1.50 1.5 1e3 1E+3 -1e-7 007 00 -01 1. .5 - +1 --1 1.2.3 NaN Infinity".split(" "),
  ..."9007199254740993 999999999999999 -999999999999999 1000000000000000 12345678901234567890".split(" "),
  ..."0.1234567890123456789 99999999999999.9 -99999999999999.9 0.000000000000001".split(" "),
);
const numbers = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -20_000, max: 20_000 }).map((n) => String(n / 100)) },
  { weight: 3, arbitrary: fc.integer({ min: -20_000, max: 20_000 }).map((n) => (n / 100).toFixed(2)) },
  { weight: 1, arbitrary: fc.double().map(String) },
  { weight: 1, arbitrary: fc.maxSafeInteger().map(String) },
  { weight: 1, arbitrary: oddNumbers },
);
const clocks = fc.oneof(
  fc.date({ min: new Date(0), max: new Date(253_402_300_799_999), noInvalidDate: true }).map((d) => d.toISOString()),
  fc.date({ noInvalidDate: true }).map((d) => d.toISOString()),
  fc.constantFrom(
    "2026-02-29T00:00:00.000Z",
    "2026-11-20T24:00:00.000Z",
    "2026-13-01T00:00:00Z",
    "2026-11-20 18:47:14",
  ),
  fc.constantFrom("2026-11-20T18:47:14+09:00", "2026-11-20T18:47:60Z", "1969-12-31T23:59:59Z", "20x6-11-20T18:47:14Z"),
);
const fieldValues = fc.oneof(
  { weight: 8, arbitrary: numbers },
  { weight: 2, arbitrary: clocks.map((clock) => JSON.stringify(clock)) },
  { weight: 2, arbitrary: fc.constantFrom("true", "false", "null", "[]", "{}", "[1,2]", '{"x":1}', '"\\""', '""') },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }).map((s) => JSON.stringify(s)) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
);
const instants = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1_790_000_000_000, max: 1_790_900_000_000 }) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.maxSafeInteger() },
);

describe("values of one block", () => {
  it("come back byte for byte: any bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 60 }), instants), { maxLength: 30 }), (rows) => {
        roundTrip(
          rows.map(([value]) => value),
          rows.map(([, time]) => time),
        );
      }),
      { seed, numRuns: 400 },
    );
  });

  it("come back byte for byte: any JSON, repeated so that it becomes columns, and cut off", () => {
    fc.assert(
      fc.property(
        fc.array(fc.json({ maxDepth: 3 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(40),
        (documents, times, cut) => {
          const rows = Array.from({ length: times }, () => documents).flat();
          texts(rows.map((document, row) => (row % 3 === 0 ? document.slice(0, cut) : document)));
        },
      ),
      { seed, numRuns: 400 },
    );
  });

  it("come back byte for byte: telemetry in odd formats, spaced, with duplicate keys, unicode and sudden changes", () => {
    const rows = fc.array(fc.tuple(numbers, fieldValues, fieldValues, clocks, instants), {
      minLength: 4,
      maxLength: 60,
    });
    const spaces = fc.constantFrom("", " ", "\t", "\r\n  ");
    fc.assert(
      fc.property(rows, spaces, fc.constantFrom("a", "größe", "\\u0061", "船", '\\"', ""), (list, space, key) => {
        texts(
          list.map(
            ([number, one, other, clock]) =>
              `{${space}"time":"${clock}",${space}"${key}"${space}:${number},"${key}":${one},"n":[${other},${number}]}${space}`,
          ),
          list.map(([, , , , time]) => time),
        );
      }),
      { seed, numRuns: 600 },
    );
  });

  it("come back byte for byte: one column of numbers of any kind among others", () => {
    fc.assert(
      fc.property(fc.array(numbers, { minLength: 20, maxLength: 80 }), fc.nat(4), (list, keep) => {
        // Mostly plain ones, so that the odd ones are the misfits of a column of numbers.
        column(list.map((field, row) => (row % 12 === keep ? field : String(row / 4))));
        column(list.map((field, row) => (row % 12 === keep ? field : (row / 4).toFixed(2))));
        column(list.map((field, row) => (row % 12 === keep ? field : String(row).padStart(5, "0"))));
        column(
          list.map((field, row) => (row % 12 === keep ? field : String(row * 7))),
          (field) => `{"trip":"voyage-${field}"}`,
        );
      }),
      { seed, numRuns: 200 },
    );
  });

  it.each([
    ["shortest decimals", (row: number) => String(row / 100)],
    ["fixed decimals", (row: number) => (row / 100).toFixed(2)],
    ["padded", (row: number) => String(row * 3).padStart(6, "0")],
    ["epoch milliseconds", (row: number) => String(1_790_000_000_000 + row * 900_000)],
    ["epoch seconds", (row: number) => String(1_790_000_000 + row * 900)],
    ["large", (row: number) => String(999_999_999_999_999 - row)],
    ["large, far apart", (row: number) => String((row % 2 === 0 ? 1 : -1) * (999_999_999_999_999 - row))],
    ["large decimals", (row: number) => `${12_345_678 + row}.0${row % 10}5`],
    ["small decimals", (row: number) => `0.00000000000${row}`],
    ["true and false", (row: number) => String(row % 5 === 0)],
    ["null now and then", (row: number) => (row % 9 === 0 ? "null" : String(row))],
    ["names", (row: number) => `"${["Tokyo", "Singapore", "Sydney"][row % 3]}"`],
    ["unlike texts", (row: number) => `"${"x".repeat(row % 17)}${row * 7919}"`],
    ["clock", (row: number) => `"${new Date(1_790_000_000_000 + row * 900_001).toISOString()}"`],
    [
      "clock without fraction",
      (row: number) => `"${new Date(1_790_000_000_000 + row * 9e5).toISOString().slice(0, 19)}Z"`,
    ],
    [
      "clock in Tokyo",
      (row: number) => `"${new Date(1_790_000_000_000 + row * 9e5).toISOString().slice(0, 21)}+09:00"`,
    ],
  ])("become a column: %s", (_, field) => {
    const rows = Array.from({ length: 200 }, (_, row) => field(row));
    column(rows);
    const values = rows.map((value) => text.encode(`{"a":${value},"some longer key":${value},"b":"always the same"}`));
    const packed = encodeValues(
      values,
      values.map((_, row) => 1_790_000_000_000 + row * 900_000),
    );
    expect(packed.length).toBeLessThan(values.reduce((sum, value) => sum + value.length, 0) / 4);
  });

  it("takes none, empty ones and the largest", () => {
    texts([]);
    texts([""]);
    texts(["", "", "", "", ""]);
    roundTrip([new Uint8Array(VALUE_BYTES_MAX).fill(7), text.encode("{}")], [1, 2]);
    texts(Array.from({ length: 8 }, () => "{}"));
    texts(Array.from({ length: 8 }, (_, row) => `[${Array.from({ length: 300 }, () => row).join(",")}]`));
    texts(Array.from({ length: 900 }, (_, row) => `{"k${row % 80}":${row}}`));
    texts(Array.from({ length: 9 }, (_, row) => `{"a":"${row}`));
    texts(Array.from({ length: 9 }, (_, row) => `{"a":"${row}\\`));
  });

  it("gives a part of a block as the whole has it", () => {
    fc.assert(
      fc.property(fc.array(fieldValues, { maxLength: 40 }), fc.nat(45), fc.nat(45), (fields, from, to) => {
        const values = fields.map((field, row) => text.encode(row % 7 === 0 ? field : `{"a":${field},"b":${row}}`));
        const times = values.map((_, row) => row);
        const part = decodeValues(encodeValues(values, times), times, { from, to });
        expect(part.map(show)).toEqual(values.slice(from, Math.max(from, to)).map(show));
      }),
      { seed, numRuns: 300 },
    );
  });

  it("refuses what no block may hold", () => {
    const refused = expect.objectContaining({ code: "INVALID_ARGUMENT" }) as unknown;
    expect(() => encodeValues([new Uint8Array(1)], [])).toThrow(refused);
    expect(() => encodeValues([new Uint8Array(VALUE_BYTES_MAX + 1)], [0])).toThrow(refused);
    const many = Array.from({ length: BLOCK_RECORDS_MAX + 1 }, () => new Uint8Array(0));
    expect(() =>
      encodeValues(
        many,
        many.map(() => 0),
      ),
    ).toThrow(refused);
    const large = Array.from({ length: 257 }, () => new Uint8Array(VALUE_BYTES_MAX));
    expect(() =>
      encodeValues(
        large,
        large.map(() => 0),
      ),
    ).toThrow(refused);
  });
});

describe("size", () => {
  it.each([
    { ownTimes: false, bytesMax: 5 },
    { ownTimes: true, bytesMax: 9 },
  ])("telemetry of containers, own times $ownTimes: at most $bytesMax bytes a record", ({ ownTimes, bytesMax }) => {
    const reports = sortedByContainer(simulateTelemetry({ seed, containers: 40, reports: 200, ownTimes }));
    let bytes = 0;
    for (let from = 0; from < reports.length; from += 2000) {
      const block = reports.slice(from, from + 2000);
      const values = block.map(({ value }) => text.encode(value));
      const times = block.map(({ timestamp }) => timestamp);
      roundTrip(values, times);
      bytes += encodeValues(values, times).length;
    }
    expect(bytes / reports.length).toBeLessThan(bytesMax);
  });

  it("random bytes grow by two bytes a record at most", () => {
    const random = seededRandom(seed);
    const values = Array.from({ length: 1000 }, () => Uint8Array.from({ length: 120 }, () => random() * 256));
    expect(
      encodeValues(
        values,
        values.map(() => 0),
      ).length,
    ).toBeLessThan(1000 * 122 + 64);
  });
});
