/** Identifiers of the trade, shared by every program that speaks the contract. */

export { DEMO_PLACES, PLACES, placeOf, type Place } from "./places.js";

const LETTER_VALUES: Readonly<Record<string, number>> = Object.fromEntries(
  // ISO 6346 annex A: 10 upwards, leaving out the multiples of 11.
  Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (letter, i) => [
    letter,
    10 + i + (i >= 1 ? 1 : 0) + (i >= 11 ? 1 : 0) + (i >= 21 ? 1 : 0),
  ]),
);

/**
 * Check digit of an ISO 6346 container number: sum of value × 2^position over the first ten characters,
 * modulo 11, modulo 10. `body` is owner code, category and serial, e.g. `CSQU305438`.
 */
export function containerCheckDigit(body: string): number {
  let sum = 0;
  for (let i = 0; i < 10; i++) {
    const c = body[i] ?? "";
    const value = c >= "0" && c <= "9" ? Number(c) : LETTER_VALUES[c];
    if (value === undefined) return -1;
    sum += value * 2 ** i;
  }
  return (sum % 11) % 10;
}

const CONTAINER_PATTERN = /^[A-Z]{3}[UJZ][0-9]{7}$/;

/** Why `text` is no ISO 6346 container number, or undefined when it is one. */
export function containerNumberError(text: string): string | undefined {
  if (!CONTAINER_PATTERN.test(text)) {
    return `${show(text)} is not a container number: want three capital letters of the owner, U, J or Z, and seven digits (ISO 6346), e.g. CSQU3054383`;
  }
  const want = containerCheckDigit(text);
  if (Number(text[10]) !== want) return `${show(text)} has check digit ${text[10]}, but ISO 6346 gives ${want}`;
  return undefined;
}

const IMO_PATTERN = /^[0-9]{7}$/;

/** Check digit of an IMO ship number: first six digits weighted 7 to 2, last digit of the sum. */
export function imoCheckDigit(body: string): number {
  let sum = 0;
  for (let i = 0; i < 6; i++) sum += Number(body[i]) * (7 - i);
  return sum % 10;
}

/** Why `text` is no IMO ship number, or undefined when it is one. */
export function imoNumberError(text: string): string | undefined {
  if (!IMO_PATTERN.test(text)) return `${show(text)} is not an IMO number: want seven digits, e.g. 9321483`;
  const want = imoCheckDigit(text);
  if (Number(text[6]) !== want)
    return `${show(text)} has check digit ${text[6]}, but its first six digits give ${want}`;
  return undefined;
}

const LOCODE_PATTERN = /^[A-Z]{2}[A-Z2-9]{3}$/;

/** Why `text` is no UN/LOCODE, or undefined when it has the form of one. */
export function locodeError(text: string): string | undefined {
  return LOCODE_PATTERN.test(text)
    ? undefined
    : `${show(text)} is not a UN/LOCODE: want a country and three characters, e.g. JPTYO`;
}

/** Groups a container number as it is painted on the box: `CSQU 305438 3`. */
export function formatContainerNumber(container: string): string {
  return `${container.slice(0, 4)} ${container.slice(4, 10)} ${container.slice(10)}`;
}

function show(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
