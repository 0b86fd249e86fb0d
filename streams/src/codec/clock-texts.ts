/** Times as `2026-11-20T18:47:14.123Z`: everything up to the zone as a number, and back, character for character. */

const DAY_MS = 86_400_000;
/** `2026-11-20T18:47:14`. */
const SECONDS_CHARS = 19;
/** 9999-12-31, the last day with four digits. */
export const CLOCK_TEXT_MS_MAX = 253_402_300_800_000;

/** How a column writes its times: what follows the seconds, and what stands between day and hour. */
export interface ClockStyle {
  /** Digits after the seconds' dot, 0 to 3. */
  readonly decimals: number;
  /** `T`, a space, … */
  readonly separator: number;
  /** `Z`, `+09:00`, nothing: the same in the whole column, and not part of the number. */
  readonly zone: Uint8Array;
}

/** Style of a text that starts like a time; undefined for others. */
export function clockStyleOf(bytes: Uint8Array, from: number, to: number): ClockStyle | undefined {
  if (to - from < SECONDS_CHARS) return undefined;
  let at = from + SECONDS_CHARS;
  let decimals = 0;
  if (bytes[at] === 0x2e && at < to) {
    at++;
    while (at < to && isDigit(bytes[at]!)) {
      at++;
      decimals++;
    }
    if (decimals === 0 || decimals > 3) return undefined;
  }
  if (to - at > 6) return undefined;
  const style = { decimals, separator: bytes[from + 10]!, zone: bytes.slice(at, to) };
  return Number.isNaN(readClock(bytes, from, to, style)) ? undefined : style;
}

/** @returns milliseconds since 1970 as if the zone were UTC; NaN when the text is not exactly of that style. */
export function readClock(bytes: Uint8Array, from: number, to: number, style: ClockStyle): number {
  const { decimals, zone } = style;
  const fraction = decimals === 0 ? 0 : decimals + 1;
  if (to - from !== SECONDS_CHARS + fraction + zone.length) return Number.NaN;
  if (
    bytes[from + 4] !== 0x2d ||
    bytes[from + 7] !== 0x2d ||
    bytes[from + 10] !== style.separator ||
    bytes[from + 13] !== 0x3a ||
    bytes[from + 16] !== 0x3a
  ) {
    return Number.NaN;
  }
  const year = pair(bytes, from) * 100 + pair(bytes, from + 2);
  const month = pair(bytes, from + 5);
  const day = pair(bytes, from + 8);
  const hour = pair(bytes, from + 11);
  const minute = pair(bytes, from + 14);
  const second = pair(bytes, from + 17);
  // Written so that NaN, no digits, fails too.
  if (!(year >= 1970 && hour < 24 && minute < 60 && second < 60 && month >= 1 && month <= 12 && day >= 1)) {
    return Number.NaN;
  }
  if (!(day <= daysOfMonth(year, month))) return Number.NaN;
  let thousandths = 0;
  if (decimals > 0) {
    if (bytes[from + SECONDS_CHARS] !== 0x2e) return Number.NaN;
    let unit = 100;
    for (let i = 0; i < decimals; i++) {
      const byte = bytes[from + SECONDS_CHARS + 1 + i]!;
      if (!isDigit(byte)) return Number.NaN;
      thousandths += (byte - 0x30) * unit;
      unit /= 10;
    }
  }
  for (let i = 0; i < zone.length; i++) if (bytes[to - zone.length + i] !== zone[i]) return Number.NaN;
  return ((daysFrom1970(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + thousandths;
}

/** Writes such texts; the day, which seldom changes, is kept from one to the next. */
export class ClockWriter {
  #day = -1;
  readonly #dayText = new Uint8Array(10);

  constructor(private readonly style: ClockStyle) {}

  /** @param ms from 0 to before CLOCK_TEXT_MS_MAX. @returns where the text ends. */
  write(out: Uint8Array, from: number, ms: number): number {
    const day = Math.floor(ms / DAY_MS);
    if (day !== this.#day) this.#turnTo(day);
    const text = this.#dayText;
    for (let i = 0; i < 10; i++) out[from + i] = text[i]!;
    const { separator, decimals, zone } = this.style;
    out[from + 10] = separator;
    let rest = ms - day * DAY_MS;
    const hour = (rest / 3_600_000) | 0;
    rest -= hour * 3_600_000;
    const minute = (rest / 60_000) | 0;
    rest -= minute * 60_000;
    const second = (rest / 1000) | 0;
    const thousandths = rest - second * 1000;
    writePair(out, from + 11, hour);
    out[from + 13] = 0x3a;
    writePair(out, from + 14, minute);
    out[from + 16] = 0x3a;
    writePair(out, from + 17, second);
    let at = from + SECONDS_CHARS;
    if (decimals > 0) {
      out[at++] = 0x2e;
      out[at++] = 0x30 + ((thousandths / 100) | 0);
      if (decimals > 1) out[at++] = 0x30 + (((thousandths / 10) | 0) % 10);
      if (decimals > 2) out[at++] = 0x30 + (thousandths % 10);
    }
    for (let i = 0; i < zone.length; i++) out[at++] = zone[i]!;
    return at;
  }

  #turnTo(day: number): void {
    this.#day = day;
    const date = new Date(day * DAY_MS);
    const year = date.getUTCFullYear();
    const text = this.#dayText;
    writePair(text, 0, Math.floor(year / 100));
    writePair(text, 2, year % 100);
    text[4] = 0x2d;
    writePair(text, 5, date.getUTCMonth() + 1);
    text[7] = 0x2d;
    writePair(text, 8, date.getUTCDate());
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Two digits; NaN if they are none. */
function pair(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

function writePair(out: Uint8Array, at: number, value: number): void {
  const tens = (value / 10) | 0;
  out[at] = 0x30 + tens;
  out[at + 1] = 0x30 + value - tens * 10;
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Howard Hinnant's count of days, from a year that begins in March. */
function daysFrom1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}
