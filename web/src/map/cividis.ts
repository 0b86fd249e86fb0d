/** Samples of cividis (Nuñez, Anderton, Renslow 2018), even to readers who see no red or green. */
const STOPS: readonly (readonly [number, number, number])[] = [
  [0, 34, 78],
  [18, 53, 112],
  [59, 73, 108],
  [87, 93, 109],
  [112, 113, 115],
  [138, 134, 120],
  [165, 156, 116],
  [195, 179, 105],
  [225, 204, 85],
  [254, 232, 56],
];

/** Colour for 0…1; `dark` leaves out the end that a dark ground would swallow. */
export function cividis(share: number, dark: boolean): string {
  const clamped = Math.max(0, Math.min(1, share));
  const at = (dark ? 0.3 + clamped * 0.7 : clamped * 0.92) * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(at));
  const low = STOPS[index] ?? [0, 0, 0];
  const high = STOPS[index + 1] ?? low;
  const mix = low.map((value, i) => Math.round(value + ((high[i] ?? value) - value) * (at - index)));
  return `rgb(${mix.join(" ")})`;
}
