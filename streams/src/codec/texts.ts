/** One field of all records of a shape. The texts lie somewhere in `bytes`. */
export interface Texts {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Times of the records, in milliseconds: whole numbers below INTEGER_LIMIT. */
  readonly times: Float64Array;
}

export function textAt({ bytes, starts, ends }: Texts, row: number): Uint8Array {
  return bytes.subarray(starts[row], ends[row]);
}

export function sameText({ bytes, starts, ends }: Texts, a: number, b: number): boolean {
  let atA = starts[a]!;
  let atB = starts[b]!;
  const end = ends[a]!;
  if (end - atA !== ends[b]! - atB) return false;
  while (atA < end) if (bytes[atA++] !== bytes[atB++]) return false;
  return true;
}

/** Short texts are copied faster byte by byte; long ones are bounded by what fits. */
export function copy(source: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  const end = at + to - from;
  if (end > out.length) return end;
  if (to - from > 64) {
    out.set(source.subarray(from, to), at);
    return end;
  }
  for (let next = at, i = from; i < to; i++) out[next++] = source[i]!;
  return end;
}
