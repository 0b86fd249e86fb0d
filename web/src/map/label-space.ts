/** A rectangle in pixels. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Rectangles looked at per drawing; beyond it marks overlap rather than cost time. */
const RECTS_MAX = 2000;

/** Remembers what of a drawing is taken, so that names and clusters find a free place. */
export class LabelSpace {
  readonly #taken: Rect[] = [];

  /** Size of the drawing; what would be cut off at its edge is no free place. */
  constructor(
    readonly width: number,
    readonly height: number,
  ) {}

  take(rect: Rect): void {
    if (this.#taken.length < RECTS_MAX) this.#taken.push(rect);
  }

  isFree(rect: Rect): boolean {
    if (rect.x < 0 || rect.y < 0 || rect.x + rect.width > this.width || rect.y + rect.height > this.height)
      return false;
    return !this.#taken.some(
      (other) =>
        rect.x < other.x + other.width &&
        other.x < rect.x + rect.width &&
        rect.y < other.y + other.height &&
        other.y < rect.y + rect.height,
    );
  }

  /** Takes and returns the first free one. */
  place<R extends Rect>(candidates: readonly R[]): R | undefined {
    const found = candidates.find((candidate) => this.isFree(candidate));
    if (found) this.take(found);
    return found;
  }
}

/** Places for a box around a point, nearest first: on it, then on rings around it. */
export function placesAround(x: number, y: number, width: number, height: number, radii: readonly number[]): Rect[] {
  const places: Rect[] = [{ x: x - width / 2, y: y - height / 2, width, height }];
  for (const radius of radii) {
    // Below and left first: names stand right of their marks.
    for (const degrees of [135, 90, 180, 225, 270, 45, 315, 0]) {
      const angle = (degrees * Math.PI) / 180;
      const cx = x + Math.cos(angle) * (radius + width / 2);
      const cy = y + Math.sin(angle) * (radius + height / 2);
      places.push({ x: cx - width / 2, y: cy - height / 2, width, height });
    }
  }
  return places;
}
