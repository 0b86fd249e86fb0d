import type { DigestsReply, DigestsRequest, RangeDigests, RepairReply, RepairRequest } from "@landfall/proto/api";
import type { Hole } from "../model/gap.js";
import { originId, streamName, type OriginId, type StreamName } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { DigestSpan, LocalStore, SpanDigests } from "../store/store.js";

/**
 * What this node's store answers to who compares sites; whoever asks may read these streams. What is wanted of one origin is
 * read together, in one look at each run.
 * @throws LandfallError INVALID_NAME, INVALID_ARGUMENT, DISK_FAILED
 */
export async function digestsHere(store: LocalStore, { ranges, deep = false }: DigestsRequest): Promise<DigestsReply> {
  const byKey = new Map<string, number[]>();
  ranges.forEach(({ stream, origin }, i) => {
    const key = `${stream} ${origin}`;
    byKey.set(key, [...(byKey.get(key) ?? []), i]);
  });
  const answers = ranges.map(({ from }): RangeDigests => ({ next: from, digests: [], damaged: [] }));
  for (const numbers of byKey.values()) {
    const own = numbers.map((i) => ranges[i] as DigestsRequest["ranges"][number]);
    const [first] = own;
    const [stream, origin] = [streamName(first?.stream ?? ""), originId(first?.origin ?? "")];
    const sums = await store.digests(stream, origin, own, deep);
    for (const [n, sum] of sums.entries()) {
      answers[numbers[n] as number] = await answerOf(store, stream, origin, own[n] as DigestSpan, sum);
    }
    // So much was read that whoever asked is to come again: others may have their turn in between.
    if (sums.some(({ next }, n) => next < (own[n] as DigestSpan).to)) break;
  }
  return { ranges: answers };
}

/** @throws LandfallError INVALID_NAME, INVALID_ARGUMENT, DISK_FULL, DISK_FAILED */
export async function repairHere(store: LocalStore, { ranges }: RepairRequest): Promise<RepairReply> {
  const answers: { lacking: Hole[] }[] = [];
  for (const { stream, origin, from, to } of ranges) {
    const lacking = await store.repair(streamName(stream), originId(origin), from as Seq, to as Seq);
    answers.push({ lacking });
  }
  return { ranges: answers };
}

async function answerOf(
  store: LocalStore,
  stream: StreamName,
  origin: OriginId,
  { from, step }: DigestSpan,
  { cells, next, damaged, named }: SpanDigests,
): Promise<RangeDigests> {
  if (step > 1) {
    return { next, damaged, digests: cells.map(({ count, high, low }) => [count, high, low] as const) };
  }
  const here = new Set(named.map(({ seq }) => seq));
  const absent: Hole[] = [];
  for (let seq = from; seq < next;) {
    const hole = here.has(seq) ? undefined : await store.holeAt(stream, origin, seq as Seq);
    if (hole !== undefined) absent.push({ ...hole, to: Math.min(hole.to, next) as Seq });
    seq = hole === undefined ? seq + 1 : hole.to;
  }
  return { next, damaged, digests: [], records: named, absent };
}
