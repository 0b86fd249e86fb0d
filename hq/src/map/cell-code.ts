/**
 * Where things are, as one number: the square of a Web Mercator world of 2^26 × 2^26 squares (0.6 m at the equator),
 * the bits of both axes interleaved, so that a square of any coarser grid is one range of numbers. 52 bits, exact.
 * Both axes go around, so that 180° is nothing special.
 */
export const AXIS_BITS = 26;
export const AXIS_SQUARES = 2 ** AXIS_BITS;
const HALF_BITS = AXIS_BITS / 2;
const HALF_MASK = 2 ** HALF_BITS - 1;
/** Beyond it Web Mercator's square ends. */
const LATITUDE_MAX = 85.051_128;
/**
 * The grid does not begin at 180° and the pole: meridians and parallels on which ports lie (0°, 180°, the equator) would
 * be edges at every zoom. Shares of the world, both of no meaning.
 */
const SHIFT_X = 0.271_3;
const SHIFT_Y = 0.136_9;

/** Squares east of the grid's beginning, 0…2^26 (exclusive). */
export function squareX(longitude: number): number {
  return Math.floor(turned(longitude / 360 + 0.5 + SHIFT_X) * AXIS_SQUARES);
}

/** Squares south of the grid's beginning, 0…2^26 (exclusive); the poles are as far as the projection goes. */
export function squareY(latitude: number): number {
  return Math.floor(turned(shareY(latitude) + SHIFT_Y) * AXIS_SQUARES);
}

/** Squares from one latitude to another one south of it. */
export function squaresBetween(north: number, south: number): number {
  return Math.ceil((shareY(south) - shareY(north)) * AXIS_SQUARES);
}

/** −180…180: of the middle of a square. */
export function longitudeOf(x: number): number {
  return (turned((x + 0.5) / AXIS_SQUARES - SHIFT_X) - 0.5) * 360;
}

export function latitudeOf(y: number): number {
  const share = turned((y + 0.5) / AXIS_SQUARES - SHIFT_Y);
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * share))) * 180) / Math.PI;
}

function shareY(latitude: number): number {
  const clamped = Math.max(-LATITUDE_MAX, Math.min(LATITUDE_MAX, latitude));
  const sine = Math.sin((clamped * Math.PI) / 180);
  return Math.max(0, Math.min(1 - 1 / AXIS_SQUARES, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)));
}

function turned(share: number): number {
  return share - Math.floor(share);
}

/** Steps forward from `from` to `to` around an axis. */
export function forward(from: number, to: number): number {
  return (to - from + AXIS_SQUARES) % AXIS_SQUARES;
}

export function codeOf(x: number, y: number): number {
  const high = spread(x >>> HALF_BITS) + 2 * spread(y >>> HALF_BITS);
  const low = spread(x & HALF_MASK) + 2 * spread(y & HALF_MASK);
  return high * AXIS_SQUARES + low;
}

/** Thirteen bits with a zero before each. */
function spread(value: number): number {
  let bits = value;
  bits = (bits | (bits << 8)) & 0x00ff_00ff;
  bits = (bits | (bits << 4)) & 0x0f0f_0f0f;
  bits = (bits | (bits << 2)) & 0x3333_3333;
  return (bits | (bits << 1)) & 0x5555_5555;
}

/** How many leading bits of each axis two codes share, 0…26: down to which grid they are in the same square. */
export function sharedLevels(a: number, b: number): number {
  const high = Math.floor(a / AXIS_SQUARES) ^ Math.floor(b / AXIS_SQUARES);
  if (high !== 0) return (AXIS_BITS - (32 - Math.clz32(high))) >>> 1;
  const low = (a % AXIS_SQUARES) ^ (b % AXIS_SQUARES);
  return low === 0 ? AXIS_BITS : HALF_BITS + ((AXIS_BITS - (32 - Math.clz32(low))) >>> 1);
}
