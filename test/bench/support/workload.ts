import type { TopicName } from "@landfall/streams/model/names";

/** Records handed over at once. */
export const BATCH = 2000;
export const VALUE_BYTES = 120;

const NAME_BYTES = 11;

/**
 * Topics in a random order, every one once before any comes again. Each name is made when it is asked for, as if it had just
 * arrived: a million names kept by the bench would be marked and moved by the collector that the store has to live with.
 */
export class Topics {
  private readonly names: Buffer;

  constructor(readonly count: number) {
    const ids = Uint32Array.from({ length: count }, (_, i) => i);
    let state = 12_345;
    for (let i = count - 1; i > 0; i--) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      const j = state % (i + 1);
      [ids[i], ids[j]] = [ids[j] as number, ids[i] as number];
    }
    this.names = Buffer.alloc(count * NAME_BYTES);
    ids.forEach((id, i) => this.names.write(`MSKU${1_000_000 + id}`, i * NAME_BYTES, "latin1"));
  }

  /** The topics of `count` records from the i-th on: of a batch that arrived as one text, each cut out of it. */
  batch(i: number, count: number): TopicName[] {
    const names: TopicName[] = [];
    for (let done = 0; done < count;) {
      const first = (i + done) % this.count;
      const some = Math.min(count - done, this.count - first);
      const text = this.names.toString("latin1", first * NAME_BYTES, (first + some) * NAME_BYTES);
      for (let n = 0; n < some; n++) names[done + n] = text.slice(n * NAME_BYTES, (n + 1) * NAME_BYTES) as TopicName;
      done += some;
    }
    return names;
  }

  /** The topic of the i-th record. */
  at(i: number): TopicName {
    const from = (i % this.count) * NAME_BYTES;
    return this.names.toString("latin1", from, from + NAME_BYTES) as TopicName;
  }
}

/** Has no divisor in common with a number of topics: otherwise each topic would see a few values again and again, which pack well. */
const VALUES = 6_007;

/** Random values: nothing to gain for a codec. Shared by all batches. */
export function randomValues(): Uint8Array[] {
  let state = 1;
  return Array.from({ length: VALUES }, () =>
    Uint8Array.from({ length: VALUE_BYTES }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}
