/** Mulberry32: a small generator whose every run repeats from its seed. */
export function seededRandom(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * The seed of a test run: `LANDFALL_SEED` if set, so that a failure can be replayed. Tests say it in their title.
 * @param fallback by default another one in each run
 */
export function testSeed(fallback = 1 + (Date.now() % 1_000_000)): number {
  const given = Number(process.env["LANDFALL_SEED"]);
  return Number.isSafeInteger(given) && given > 0 ? given : fallback;
}
