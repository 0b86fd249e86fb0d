/** CRC-32C (Castagnoli), which Kafka puts over its record batches; Node's zlib has only the other one. */
const POLYNOMIAL = 0x82f63b78;
/** Sixteen bytes are taken in one step: only four of the sixteen look-ups wait for the step before. */
const STEP = 16;
/** Of 256 numbers each, one behind the other. */
const TABLES = makeTables();

export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const t = TABLES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1;
  let at = from;
  for (const end = to - STEP; at <= end; at += STEP) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    crc =
      (t[0xf00 + (a & 255)] as number) ^
      (t[0xe00 + ((a >>> 8) & 255)] as number) ^
      (t[0xd00 + ((a >>> 16) & 255)] as number) ^
      (t[0xc00 + (a >>> 24)] as number) ^
      (t[0xb00 + (b & 255)] as number) ^
      (t[0xa00 + ((b >>> 8) & 255)] as number) ^
      (t[0x900 + ((b >>> 16) & 255)] as number) ^
      (t[0x800 + (b >>> 24)] as number) ^
      (t[0x700 + (c & 255)] as number) ^
      (t[0x600 + ((c >>> 8) & 255)] as number) ^
      (t[0x500 + ((c >>> 16) & 255)] as number) ^
      (t[0x400 + (c >>> 24)] as number) ^
      (t[0x300 + (d & 255)] as number) ^
      (t[0x200 + ((d >>> 8) & 255)] as number) ^
      (t[0x100 + ((d >>> 16) & 255)] as number) ^
      (t[d >>> 24] as number);
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 255] as number);
  return ~crc >>> 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(STEP * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[i] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (before >>> 8) ^ (tables[before & 255] as number);
  }
  return tables;
}
