const CELLS = 20;

/** `▓▓▓▓▓▓▓▓▓░░░░░░░░░░░ 43 %` for a share of 0…1. */
export function bar(share: number): string {
  const clamped = Math.min(1, Math.max(0, share));
  const full = Math.floor(clamped * CELLS);
  return `${"▓".repeat(full)}${"░".repeat(CELLS - full)} ${Math.floor(clamped * 100)} %`;
}
