import { Generation } from "./generation.js";
import { Streams } from "./stream-state.js";
import type { Journal } from "./journal.js";
import type { Run, Segment } from "./segment-format.js";

/** What is where: the journals that are not sealed yet, record by record, and the sealed runs, as wholes. */
export class Catalog {
  readonly streams = new Streams();
  /** Unsealed, oldest first; the last one is being written. */
  readonly generations: Generation[] = [];
  readonly segments = new Map<number, Segment>();

  beginGeneration(number: number): Generation {
    const generation = new Generation(number);
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
