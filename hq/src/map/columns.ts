import type { ContainerState, ContainerStatus } from "@landfall/proto/api";
import { STATUSES } from "../view/status.js";
import { codeOf, squareX, squareY } from "./cell-code.js";

const ROOM_FIRST = 1_024;
/** A byte is room for 256. */
const STATUS_NUMBERS = new Map(STATUSES.map((status, i) => [status, i]));

/** Words that many have in common, by number; 0 is none. */
class Words {
  private readonly words: (string | undefined)[] = [undefined];
  private readonly numbers = new Map<string, number>();

  numberOf(word: string | undefined): number {
    if (word === undefined) return 0;
    let number = this.numbers.get(word);
    if (number === undefined) this.numbers.set(word, (number = this.words.push(word) - 1));
    return number;
  }

  /** -1 for what nobody has. */
  find(word: string): number {
    return this.numbers.get(word) ?? -1;
  }

  at(number: number): string | undefined {
    return this.words[number];
  }
}

/** What a map asks of many containers at once, as columns of numbers: a look at a million of them takes milliseconds. */
export class Columns {
  private constructor(
    readonly states: ContainerState[],
    readonly codes: Float64Array,
    readonly xs: Uint32Array,
    readonly ys: Uint32Array,
    readonly statuses: Uint8Array,
    readonly vessels: Uint32Array,
    readonly locations: Uint32Array,
    readonly owners: Uint32Array,
    readonly names: Words,
  ) {}

  static ofRoom(room: number, names = new Words()): Columns {
    return new Columns(
      [],
      new Float64Array(room),
      new Uint32Array(room),
      new Uint32Array(room),
      new Uint8Array(room),
      new Uint32Array(room),
      new Uint32Array(room),
      new Uint32Array(room),
      names,
    );
  }

  get count(): number {
    return this.states.length;
  }

  /** These columns with room for more of them, if there is none for one more. */
  grown(): Columns {
    const room = this.codes.length;
    if (this.count < room) return this;
    const { names } = this;
    const larger = Columns.ofRoom(Math.max(ROOM_FIRST, 2 * room), names);
    for (const key of ["codes", "xs", "ys", "statuses", "vessels", "locations", "owners"] as const) {
      larger[key].set(this[key]);
    }
    for (const state of this.states) larger.states.push(state);
    return larger;
  }

  /** Adds one that has a position; there must be room. */
  add(state: ContainerState & { readonly longitude: number; readonly latitude: number }): void {
    const at = this.states.push(state) - 1;
    const [x, y] = [squareX(state.longitude), squareY(state.latitude)];
    this.codes[at] = codeOf(x, y);
    this.xs[at] = x;
    this.ys[at] = y;
    this.statuses[at] = STATUS_NUMBERS.get(state.status) ?? 0;
    this.vessels[at] = this.names.numberOf(state.vessel);
    this.locations[at] = this.names.numberOf(state.location);
    this.owners[at] = this.names.numberOf(state.owner);
  }

  /** Takes over one row of others, whose names are these; there must be room. */
  copy(from: Columns, row: number): void {
    const at = this.states.push(from.states[row] as ContainerState) - 1;
    this.codes[at] = from.codes[row] ?? 0;
    this.xs[at] = from.xs[row] ?? 0;
    this.ys[at] = from.ys[row] ?? 0;
    this.statuses[at] = from.statuses[row] ?? 0;
    this.vessels[at] = from.vessels[row] ?? 0;
    this.locations[at] = from.locations[row] ?? 0;
    this.owners[at] = from.owners[row] ?? 0;
  }
}

export type StatusCounts = Partial<Record<ContainerStatus, number>>;

/** A bit for each of these statuses, at the place of its number; for every status where none is named. */
export function statusMask(statuses: ReadonlySet<ContainerStatus> | undefined): number {
  return STATUSES.reduce((mask, status, i) => (statuses?.has(status) === false ? mask : mask | (1 << i)), 0);
}

export function statusCounts(counts: Uint32Array): StatusCounts {
  const found: StatusCounts = {};
  STATUSES.forEach((status, i) => {
    const count = counts[i] ?? 0;
    if (count > 0) found[status] = count;
  });
  return found;
}

export const STATUS_COUNT = STATUSES.length;
