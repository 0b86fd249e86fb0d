import { nodeOfOrigin, type OriginId, type StreamName } from "../src/model/names.js";
import type { OriginRecord } from "../src/model/record.js";

/** One record that its writer was told is safe. */
export interface Acknowledged {
  readonly stream: StreamName;
  readonly origin: OriginId;
  readonly seq: number;
  /** On which it is safe. */
  readonly disk: unknown;
}

/** Has seen all that was written in a fleet of stores, and looks on wherever it is shown or taken in. */
export class SimulatedWitness {
  readonly failures: string[] = [];
  /** Of each value, the node that wrote it. */
  readonly #written = new Map<string, string>();
  /** What stands under each number, for ever; and under which number each value stands. */
  readonly #contents = new Map<string, string>();
  readonly #places = new Map<string, string>();
  acknowledged: Acknowledged[] = [];
  /** Sealed runs that began to come, and stretches of records that were taken for gone. */
  runs = 0;
  gaps = 0;

  constructor(private readonly now: () => number) {}

  get records(): number {
    return this.#contents.size;
  }

  fail(message: string): void {
    this.failures.push(`t=${Math.round(this.now())} ${message}`);
  }

  writes(node: string, value: string): void {
    this.#written.set(value, node);
  }

  /** A record is taken in, or read, at a site: it is what its origin wrote, under the number that it always had (O1, R2). */
  saw(where: string, stream: StreamName, origin: OriginId, record: OriginRecord): void {
    const { seq, topic, offset, timestamp } = record;
    const value = Buffer.from(record.value).toString("latin1");
    const place = `${stream} ${origin} ${seq}`;
    const content = `${topic} ${offset} ${timestamp} ${value}`;
    const known = this.#contents.get(place);
    if (known === content) return;
    if (known !== undefined) this.fail(`${where} has ${content} as ${place}, which is ${known} (O1)`);
    if (this.#written.get(value) !== nodeOfOrigin(origin)) {
      this.fail(`${where} has ${content} as ${place}, which that node never wrote (O1)`);
    }
    const other = this.#places.get(value);
    if (other !== undefined && other !== place) this.fail(`${where} has ${value} as ${place}, and it is ${other} (R2)`);
    this.#contents.set(place, content);
    this.#places.set(value, place);
  }
}
