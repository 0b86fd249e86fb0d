/** First and longest wait before the live feed is opened again. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/**
 * How long to wait before try number `attempt` (0 is the first after a loss): doubling, with up to a half of it
 * taken off at random so that a thousand maps do not come back in the same instant.
 */
export function backoffMs(attempt: number, random: () => number): number {
  const full = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 20));
  return Math.round(full * (1 - random() / 2));
}
