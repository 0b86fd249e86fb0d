import type { RunBlock } from "./run-block.js";

/** The records of a block with seqs in [from, to), copied, so that the rest need not stay in memory. */
export function partOf(block: RunBlock, from: number, to: number): RunBlock | undefined {
  const { seqs, topics: allTopics, topicEnds: allEnds, headerOf: allHeaders } = block;
  const kept = new Uint32Array(block.count);
  let count = 0;
  let size = 0;
  for (let i = 0; i < block.count; i++) {
    const seq = seqs[i] as number;
    if (seq < from || seq >= to) continue;
    kept[count++] = i;
    size += (block.valueStarts[i + 1] as number) - (block.valueStarts[i] as number);
  }
  if (count === 0) return undefined;
  const topics: string[] = [];
  const topicEnds: number[] = [];
  const bytes = new Uint8Array(size);
  const valueStarts = new Uint32Array(count + 1);
  const headerOf = allHeaders === undefined ? undefined : new Uint16Array(count);
  let at = 0;
  let topic = 0;
  let last = -1;
  for (let n = 0; n < count; n++) {
    const i = kept[n] as number;
    while (i >= (allEnds[topic] as number)) topic++;
    if (topic !== last) {
      topics.push(allTopics[topic] as string);
      topicEnds.push(n);
      last = topic;
    }
    topicEnds[topicEnds.length - 1] = n + 1;
    if (headerOf !== undefined) headerOf[n] = allHeaders?.[i] as number;
    bytes.set(block.bytes.subarray(block.valueStarts[i], block.valueStarts[i + 1]), at);
    at += (block.valueStarts[i + 1] as number) - (block.valueStarts[i] as number);
    valueStarts[n + 1] = at;
  }
  const pick = (numbers: Float64Array): Float64Array => {
    const picked = new Float64Array(count);
    for (let n = 0; n < count; n++) picked[n] = numbers[kept[n] as number] as number;
    return picked;
  };
  return {
    count,
    topics,
    topicEnds,
    seqs: pick(seqs),
    offsets: pick(block.offsets),
    timestamps: pick(block.timestamps),
    received: pick(block.received),
    arrived: pick(block.arrived),
    headers: block.headers,
    headerBytes: block.headerBytes,
    headerOf,
    bytes,
    valueStarts,
  };
}
