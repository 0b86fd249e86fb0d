import type { TopicName } from "@landfall/streams/model/names";

/** Records handed over at once. */
export const BATCH = 2000;
export const VALUE_BYTES = 120;

/** Topics in a random order, every one once before any comes again; names as fresh in memory as if they had just arrived. */
export function topicNames(count: number): TopicName[] {
  const ids = Uint32Array.from({ length: count }, (_, i) => i);
  let state = 12_345;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const j = state % (i + 1);
    [ids[i], ids[j]] = [ids[j] as number, ids[i] as number];
  }
  return Array.from(ids, (id) => Buffer.from(`MSKU${1_000_000 + id}`).toString("latin1") as TopicName);
}

/** Random values: nothing to gain for a codec. Shared by all batches. */
export function randomValues(): Uint8Array[] {
  let state = 1;
  return Array.from({ length: BATCH * 3 }, () =>
    Uint8Array.from({ length: VALUE_BYTES }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    }),
  );
}
