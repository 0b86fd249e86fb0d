import type { Seq } from "../src/model/record.js";
import type { KeyId, RunFacts } from "../src/replication/machine-state.js";

const RECORDS_PER_BLOCK = 16;
const RECORD_BYTES = 12;

interface SimRun {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

/** Which records of a simulated site are sealed, and into which runs: each site cuts, and merges, as chance will have it. */
export class SimulatedRuns {
  private readonly byKey = new Map<KeyId, SimRun[]>();
  private made = 0;

  constructor(
    private readonly site: string,
    private readonly random: () => number,
  ) {}

  /** What came since the last time becomes a run. */
  seal(key: KeyId, end: number): void {
    const runs = this.runs(key);
    const from = runs.at(-1)?.to ?? 0;
    if (end > from) runs.push({ id: `${this.site} ${this.made++}`, from, to: end });
  }

  /** Two neighbours become one. */
  merge(key: KeyId): void {
    const runs = this.runs(key);
    if (runs.length < 2) return;
    const i = Math.floor(this.random() * (runs.length - 1));
    const [first, second] = runs.slice(i, i + 2) as [SimRun, SimRun];
    runs.splice(i, 2, { id: `${this.site} ${this.made++}`, from: first.from, to: second.to });
  }

  /** A run came from another site. What lay before it is sealed by now. */
  take(key: KeyId, run: RunFacts): void {
    this.seal(key, run.from);
    this.runs(key).push({ id: run.id, from: run.from, to: run.to });
  }

  /** Records from this seq on were given up. */
  forget(key: KeyId, from: number): void {
    this.byKey.set(
      key,
      this.runs(key).filter((run) => run.to <= from),
    );
  }

  at(key: KeyId, from: number): RunFacts | undefined {
    const run = this.runs(key).find((one) => one.from === from);
    if (run === undefined) return undefined;
    const count = run.to - run.from;
    const blocks = Math.ceil(count / RECORDS_PER_BLOCK);
    const bytes = count * RECORD_BYTES;
    return { id: run.id, from: from as Seq, to: run.to as Seq, count, blocks, bytes, rawBytes: bytes, packed: true };
  }

  private runs(key: KeyId): SimRun[] {
    let runs = this.byKey.get(key);
    if (runs === undefined) this.byKey.set(key, (runs = []));
    return runs;
  }
}

/** The values of blocks from `first` on, as many as fit, and the number of the block behind them. */
export function runPart(
  run: RunFacts,
  valueAt: (seq: number) => number,
  first: number,
  maxBytes: number,
): { readonly bytes: Uint8Array; readonly next: number } {
  const blocks = Math.max(1, Math.floor(maxBytes / (RECORDS_PER_BLOCK * RECORD_BYTES)));
  const next = Math.min(run.blocks, first + blocks);
  const from = run.from + first * RECORDS_PER_BLOCK;
  const to = Math.min(run.to, run.from + next * RECORDS_PER_BLOCK);
  const part = Float64Array.from({ length: to - from }, (_, i) => valueAt(from + i));
  return { bytes: new Uint8Array(part.buffer), next };
}
