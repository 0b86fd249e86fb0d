/** Looked at from the beginning: enough to tell, and it costs little. */
export const RANDOMNESS_SAMPLE_BYTES = 4096;
/** Of 8; random bytes come to 7.95 in a sample of this size, and what packing text or numbers gains begins far below. */
const BITS_PER_BYTE_MIN = 7.6;

/** Whether packing these bytes can gain next to nothing: they look encrypted, packed already, or random. */
export function looksRandom(bytes: Uint8Array): boolean {
  if (bytes.byteLength < RANDOMNESS_SAMPLE_BYTES) return false;
  const counts = new Uint32Array(256);
  for (let i = 0; i < RANDOMNESS_SAMPLE_BYTES; i++) (counts[bytes[i] as number] as number)++;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / RANDOMNESS_SAMPLE_BYTES);
  return bits / RANDOMNESS_SAMPLE_BYTES > BITS_PER_BYTE_MIN;
}
