/** A rectangle in pixels. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Side of the cells by which rectangles are found again: about a mark with its name. */
const CELL_PX = 64;

/** Remembers what of a drawing is taken, so that names and clusters find a free place. */
export class LabelSpace {
  readonly #cells = new Map<number, Rect[]>();

  /** Size of the drawing, and how far it reaches beyond the view: what the edge of either would cut is no free place. */
  constructor(
    readonly width: number,
    readonly height: number,
    readonly paddingX = 0,
    readonly paddingY = 0,
  ) {}

  take(rect: Rect): void {
    for (const key of cellsOf(rect)) {
      const cell = this.#cells.get(key);
      if (cell) cell.push(rect);
      else this.#cells.set(key, [rect]);
    }
  }

  isFree(rect: Rect): boolean {
    if (
      isCut(rect.x, rect.x + rect.width, this.width, this.paddingX) ||
      isCut(rect.y, rect.y + rect.height, this.height, this.paddingY)
    )
      return false;
    for (const key of cellsOf(rect)) {
      if (this.#cells.get(key)?.some((other) => overlap(rect, other))) return false;
    }
    return true;
  }

  /** Takes and returns the first free one. */
  place<R extends Rect>(candidates: readonly R[]): R | undefined {
    const found = candidates.find((candidate) => this.isFree(candidate));
    if (found) this.take(found);
    return found;
  }
}

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** Whether an edge of the drawing or of the view lies between two coordinates. */
function isCut(from: number, to: number, size: number, padding: number): boolean {
  return from < 0 || to > size || (from < padding && to > padding) || (from < size - padding && to > size - padding);
}

/** Keys of the cells that a rectangle touches. */
function* cellsOf({ x, y, width, height }: Rect): Generator<number> {
  for (let row = Math.floor(y / CELL_PX); row <= Math.floor((y + height) / CELL_PX); row++) {
    for (let column = Math.floor(x / CELL_PX); column <= Math.floor((x + width) / CELL_PX); column++) {
      yield row * 65_536 + column;
    }
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
