import { containerCheckDigit, imoCheckDigit } from "@landfall/proto/identifiers";

/** Names and numbers of ships and containers. */

/** The first is the duck ship and the second lands first; the third sails the Pacific. */
export const SHIP_NAMES = [
  "Big Blue Hyacinth",
  "Big Blue Lotus",
  "Big Blue Camellia",
  "Big Blue Waratah",
  "Big Blue Orchid",
  "Big Blue Wisteria",
  "Big Blue Magnolia",
  "Big Blue Iris",
  "Big Blue Jasmine",
  "Big Blue Poppy",
  "Big Blue Lupin",
  "Big Blue Heather",
] as const;

/** First six digits of the fleet's IMO numbers, built in two series. */
const IMO_BODIES = Array.from({ length: SHIP_NAMES.length }, (_, i) => 932148 + i * 13);

export function imoNumber(index: number): string {
  const body = String(IMO_BODIES[index] ?? 932148);
  return `${body}${imoCheckDigit(body)}`;
}

/** Prefixes: the carrier's own boxes and reefers, and a lessor's. */
const PREFIXES = { dry: "BBLU", reefer: "BBRU", leased: "TRLU" } as const;

/**
 * Container number `index` of a series. Serials whose check sum is 10 are left out: ISO 6346 advises against
 * them, since their digit 0 is also that of a sum of 0.
 */
export function containerNumber(series: keyof typeof PREFIXES, index: number): string {
  let serial = 204_117 + index * 7;
  while (checkSumIsTen(`${PREFIXES[series]}${serial}`)) serial += 3;
  const body = `${PREFIXES[series]}${serial}`;
  return `${body}${containerCheckDigit(body)}`;
}

/** The digit of a sum of 10 is 0, as is that of 0 or 11; the last power of two tells them apart. */
function checkSumIsTen(body: string): boolean {
  if (containerCheckDigit(body) !== 0) return false;
  // Raising the last serial digit by one adds 512 ≡ 6 (mod 11): from a rest of 10 to 5, from 0 to 6.
  const last = Number(body[9]);
  const step = last < 9 ? 1 : -1;
  const neighbour = containerCheckDigit(`${body.slice(0, 9)}${last + step}`);
  return step === 1 ? neighbour === 5 : neighbour === 4;
}

/** Port → site of its yard's broker. Los Angeles' terminal belongs to somebody else: no gateway of ours. */
export const YARD_SITES: Readonly<Record<string, string>> = {
  JPTYO: "tokyo-yard",
  SGSIN: "singapore-yard",
  AUSYD: "sydney-yard",
};

export function shipSite(imo: string): string {
  return `ship-${imo}`;
}
