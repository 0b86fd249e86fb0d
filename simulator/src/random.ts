/**
 * Randomness without state: a number is a pure function of the seed and of what it is for. So the world can be
 * stepped from any snapshot and comes out the same, whatever was asked before.
 */

/** 32 bits from seed and parts (FNV-1a over the parts, then murmur3's finaliser). */
export function hash(seed: number, ...parts: readonly (string | number)[]): number {
  let h = 0x811c9dc5 ^ seed;
  for (const part of parts) {
    if (typeof part === "string") {
      for (let i = 0; i < part.length; i++) h = Math.imul(h ^ part.charCodeAt(i), 0x01000193);
    } else {
      h = Math.imul(h ^ (part | 0), 0x01000193);
      h = Math.imul(h ^ Math.floor(part / 0x1_0000_0000), 0x01000193);
    }
    h = mix(h ^ 0x9e3779b9);
  }
  return mix(h) >>> 0;
}

/** Uniform in [0, 1). */
export function uniform(seed: number, ...parts: readonly (string | number)[]): number {
  return hash(seed, ...parts) / 0x1_0000_0000;
}

/** Uniform in [low, high). */
export function between(low: number, high: number, seed: number, ...parts: readonly (string | number)[]): number {
  return low + (high - low) * uniform(seed, ...parts);
}

/** Roughly normal (sum of four uniforms), mean 0, deviation 1, never beyond ±3.5. */
export function normal(seed: number, ...parts: readonly (string | number)[]): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += uniform(seed, ...parts, i);
  return (sum - 2) * Math.sqrt(3);
}

/** Smooth noise in [-1, 1] along one axis: values at whole numbers, eased between them. */
export function smooth(at: number, seed: number, ...parts: readonly (string | number)[]): number {
  const cell = Math.floor(at);
  const f = at - cell;
  const ease = f * f * (3 - 2 * f);
  const a = uniform(seed, ...parts, cell) * 2 - 1;
  const b = uniform(seed, ...parts, cell + 1) * 2 - 1;
  return a + (b - a) * ease;
}

function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
