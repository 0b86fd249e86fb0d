/** Orders names that lie in bytes, as text would be: negative when the first comes first, 0 when they are the same. */
export function compareNames(
  a: Uint8Array,
  atA: number,
  lengthA: number,
  b: Uint8Array,
  atB: number,
  lengthB: number,
): number {
  const shorter = lengthA < lengthB ? lengthA : lengthB;
  for (let i = 0; i < shorter; i++) {
    const difference = (a[atA + i] as number) - (b[atB + i] as number);
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}
