import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { brotliCompressSync, brotliDecompressSync, constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { decodeIntegers, encodeIntegers } from "@landfall/streams/codec/integers";
import { decodeValues, encodeValues } from "@landfall/streams/codec/values";
import { seededRandom } from "@landfall/streams/testing/seeded-random";
import { simulateTelemetry, sortedByContainer } from "@landfall/streams/testing/telemetry";
import { commit, machine, median } from "./support/report.js";

/**
 * `node test/dist/bench/codec.js [--out FILE] [--runs N] [--block N]`: bytes and processor time per record of packing
 * blocks of telemetry, next to Node's general codecs on the same blocks. Processor time, because that is what the
 * sealing worker spends, whoever else is busy.
 */

interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: number;
  readonly higherIsBetter: boolean;
  readonly peer?: string;
  readonly runs: readonly number[];
}

interface Block {
  readonly values: readonly Uint8Array[];
  readonly times: readonly number[];
  readonly seqs: readonly number[];
}

interface Codec {
  readonly name: string;
  readonly peer?: string;
  encode(block: Block): Uint8Array;
  decode(packed: Uint8Array, block: Block): void;
}

const SEED = 1;
const CONTAINERS = 1000;
const REPORTS = 200;
const QUALITY_1 = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

const CODECS: readonly Codec[] = [
  {
    name: "values",
    encode: ({ values, times }) => encodeValues(values, times),
    decode: (packed, { times }) => void decodeValues(packed, times),
  },
  {
    name: "brotli quality 1",
    peer: "brotli",
    encode: ({ values }) => brotliCompressSync(Buffer.concat(values), QUALITY_1),
    decode: (packed) => void brotliDecompressSync(packed),
  },
  {
    name: "deflate level 6",
    peer: "deflate",
    encode: ({ values }) => deflateRawSync(Buffer.concat(values)),
    decode: (packed) => void inflateRawSync(packed),
  },
];

/** The integers packer on two of the columns that a store keeps besides the values. */
const INTEGERS: readonly Codec[] = [
  {
    name: "seq column",
    encode: ({ seqs }) => encodeIntegers(seqs),
    decode: (packed, { seqs }) => void decodeIntegers(packed, seqs.length),
  },
  {
    name: "time column",
    encode: ({ times }) => encodeIntegers(times),
    decode: (packed, { times }) => void decodeIntegers(packed, times.length),
  },
];

function telemetry(ownTimes: boolean, blockRecords: number): Block[] {
  const arrived = simulateTelemetry({ seed: SEED, containers: CONTAINERS, reports: REPORTS, ownTimes });
  const seqs = new Map(arrived.map((report, seq) => [report, seq]));
  const reports = sortedByContainer(arrived);
  const text = new TextEncoder();
  return cut(
    {
      values: reports.map(({ value }) => text.encode(value)),
      times: reports.map(({ timestamp }) => timestamp),
      seqs: reports.map((report) => seqs.get(report) ?? 0),
    },
    blockRecords,
  );
}

function noise(blockRecords: number): Block[] {
  const random = seededRandom(SEED);
  const values = Array.from({ length: 20_000 }, () => Uint8Array.from({ length: 120 }, () => random() * 256));
  const seqs = values.map((_, i) => i);
  return cut({ values, times: seqs.map((i) => 1_790_000_000_000 + i), seqs }, blockRecords);
}

function cut({ values, times, seqs }: Block, blockRecords: number): Block[] {
  const blocks: Block[] = [];
  for (let from = 0; from < values.length; from += blockRecords) {
    const to = from + blockRecords;
    blocks.push({ values: values.slice(from, to), times: times.slice(from, to), seqs: seqs.slice(from, to) });
  }
  return blocks;
}

/** Microseconds of processor time, user and system. */
function spentUs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

interface Targets {
  readonly bytes: number;
  readonly encodeUs?: number;
  readonly decodeUs?: number;
}

function measure(what: string, blocks: readonly Block[], codec: Codec, runs: number, targets?: Targets): Result[] {
  const records = blocks.reduce((sum, { values }) => sum + values.length, 0);
  let packed: Uint8Array[] = [];
  const encode = (): void => void (packed = blocks.map((block) => codec.encode(block)));
  const decode = (): void => blocks.forEach((block, i) => codec.decode(packed[i]!, block));
  // The sealing worker is warm too.
  encode();
  decode();
  const perRecord = (us: number): number => Number((us / records).toFixed(3));
  const encodes = Array.from({ length: runs }, () => perRecord(spentUs(encode)));
  const decodes = Array.from({ length: runs }, () => perRecord(spentUs(decode)));
  const bytes = Number((packed.reduce((sum, { length }) => sum + length, 0) / records).toFixed(3));
  const result = (name: string, unit: string, all: readonly number[], target: number | undefined): Result => ({
    name: `${what}: ${name}`,
    value: median(all),
    unit,
    ...(target === undefined ? {} : { target }),
    higherIsBetter: false,
    ...(codec.peer === undefined ? {} : { peer: codec.peer }),
    runs: all,
  });
  return [
    result(`${codec.name}, size`, "bytes/record", [bytes], targets?.bytes),
    result(`${codec.name}, packing`, "µs of processor time/record", encodes, targets?.encodeUs),
    result(`${codec.name}, unpacking`, "µs of processor time/record", decodes, targets?.decodeUs),
  ];
}

const { values: options } = parseArgs({
  options: {
    out: { type: "string" },
    runs: { type: "string", default: "3" },
    block: { type: "string", default: "2000" },
  },
});
const runs = Number(options.runs);
const blockRecords = Number(options.block);
const results: Result[] = [];
for (const [what, ownTimes, bytes] of [
  ["telemetry in turn", false, 5],
  ["telemetry at own times", true, 9],
] as const) {
  const blocks = telemetry(ownTimes, blockRecords);
  for (const codec of CODECS) {
    const targets = codec.peer === undefined ? { bytes, encodeUs: 3, decodeUs: 0.8 } : undefined;
    results.push(...measure(what, blocks, codec, runs, targets));
  }
  for (const codec of INTEGERS) results.push(...measure(what, blocks, codec, runs));
}
for (const codec of CODECS) {
  const targets = codec.peer === undefined ? { bytes: 150 } : undefined;
  results.push(...measure("random values of 120 bytes", noise(blockRecords), codec, runs, targets));
}
const report = { suite: "codec", machine: machine(), commit: commit(), blockRecords, results };
const text = `${JSON.stringify(report, undefined, 2)}\n`;
if (options.out === undefined) process.stdout.write(text);
else writeFileSync(options.out, text);
