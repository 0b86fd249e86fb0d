import type { OriginRecord } from "../model/record.js";

/**
 * A digest of records: two sums modulo 2^32. Digests of parts add up to the digest of the whole, in any order, so nodes
 * may cut and sort their blocks as they like.
 */
export interface RecordDigest {
  readonly high: number;
  readonly low: number;
}

export const NO_RECORDS: RecordDigest = { high: 0, low: 0 };

const SEEDS = { high: 0x4c_46_44_31, low: 0x9e_37_79_b9 } as const;
const FIXED_BYTES = 32;

export function addDigests(a: RecordDigest, b: RecordDigest): RecordDigest {
  return { high: (a.high + b.high) >>> 0, low: (a.low + b.low) >>> 0 };
}

/** Of all that every site holds of a record: seq, offset, timestamp, received, topic, headers by name, value. */
export function digestOf({ seq, offset, timestamp, received, topic, headers, value }: OriginRecord): RecordDigest {
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeDoubleLE(seq, 0);
  fixed.writeDoubleLE(offset, 8);
  fixed.writeDoubleLE(timestamp, 16);
  fixed.writeDoubleLE(received, 24);
  const names = Object.keys(headers).sort();
  const texts = JSON.stringify([topic, ...names.map((name) => [name, headers[name]])]);
  const bytes = Buffer.concat([fixed, Buffer.from(texts), value]);
  return { high: murmur(bytes, SEEDS.high), low: murmur(bytes, SEEDS.low) };
}

/** MurmurHash3, 32 bits. */
function murmur(bytes: Buffer, seed: number): number {
  let h = seed;
  const whole = bytes.byteLength & ~3;
  for (let at = 0; at < whole; at += 4) {
    h ^= mixed(bytes.readInt32LE(at));
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6_54_6b_64) | 0;
  }
  let rest = 0;
  for (let at = bytes.byteLength - 1; at >= whole; at--) rest = (rest << 8) | (bytes[at] as number);
  if (bytes.byteLength > whole) h ^= mixed(rest);
  h ^= bytes.byteLength;
  h = Math.imul(h ^ (h >>> 16), 0x85_eb_ca_6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2_b2_ae_35);
  return (h ^ (h >>> 16)) >>> 0;
}

function mixed(word: number): number {
  const k = Math.imul(word, 0xcc_9e_2d_51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b_87_35_93);
}
