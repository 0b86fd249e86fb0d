import { Generation } from "./generation.js";
import { Streams } from "./stream-state.js";
import type { Journal } from "./journal.js";
import type { OriginLog } from "./origin-log.js";
import type { Run, Segment } from "./segment-format.js";
import type { StreamState } from "./stream-state.js";

/** What is where: the journals that are not sealed yet, record by record, and the sealed runs, as wholes. */
export class Catalog {
  readonly streams = new Streams();
  /** Unsealed, oldest first; the last one is being written. */
  readonly generations: Generation[] = [];
  readonly segments = new Map<number, Segment>();

  beginGeneration(number: number): Generation {
    const last = this.generations.at(-1);
    const capacity =
      last === undefined ? undefined : { records: Math.max(1024, last.count), topics: Math.max(128, last.topicCount) };
    const generation = new Generation(number, capacity);
    this.generations.push(generation);
    return generation;
  }

  generationOf(number: number | undefined): Generation | undefined {
    return this.generations.find((generation) => generation.number === number);
  }

  dropGeneration(generation: Generation): void {
    this.generations.splice(this.generations.indexOf(generation), 1);
  }

  /** Groups that waited have failed: their seqs are free again. */
  forgetPlans(): void {
    for (const stream of this.streams.all) for (const log of stream.logs.values()) log.forgetPlans();
  }

  /** Largest offset of a topic in the journals that are not sealed; 0 for none. */
  lastOffset(stream: StreamState, topic: string): number {
    let last = 0;
    for (const generation of this.generations) {
      const topics = generation.indexAll();
      const found = topics.find(stream.number, topic);
      if (found >= 0) last = Math.max(last, topics.highest(found));
    }
    return last;
  }

  /** Whether an unsealed record of this origin has this offset in this topic. */
  holdsUnsealed(log: OriginLog, topic: string, offset: number): boolean {
    for (const generation of this.generations) {
      const topics = generation.indexAll();
      const found = topics.find(log.stream.number, topic);
      if (found < 0 || topics.highest(found) < offset) continue;
      let holds = false;
      generation.walk(found, (record) => {
        const own = generation.offsets[record] as number;
        holds = own === offset && generation.block(generation.blockOf(record)).log === log;
        return !holds && (own >= offset || topics.isDisordered(found));
      });
      if (holds) return true;
    }
    return false;
  }

  addSegment(segment: Segment): void {
    this.segments.set(segment.number, segment);
    for (const run of segment.runs) {
      const { stream } = run.log;
      stream.runs.push(run);
      run.log.saw(run.highest);
    }
  }

  removeRun(run: Run): void {
    const { stream } = run.log;
    stream.runs = stream.runs.filter((other) => other !== run);
  }

  /** Bytes of the journals that are not sealed. */
  bytesUnsealed(journal: Journal): number {
    let bytes = 0;
    for (const generation of this.generations) {
      const last = generation.blocks.at(-1);
      if (generation.number === journal.endNumber) bytes += journal.endSize ?? 0;
      else if (last !== undefined) bytes += last.position + last.bytes;
    }
    return bytes;
  }

  get bytesSealed(): number {
    let bytes = 0;
    for (const segment of this.segments.values()) bytes += segment.bytes;
    return bytes;
  }
}
