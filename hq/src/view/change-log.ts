import type { StreamName } from "@landfall/streams/model/names";

export type EntityKind = "container" | "ship" | "alert";

/** One thing of the fleet that changed, and when, counted in changes. */
export interface Change {
  readonly seq: number;
  readonly kind: EntityKind;
  /** Container number, IMO number, or an alert's id. */
  readonly id: string;
  /** Stream whose record changed it. */
  readonly stream: StreamName;
}

/**
 * What changed in what order, each thing and stream only with its last change: as long as there are things, however
 * many changes. Whoever remembers a seq can ask what changed since (live connections resume by it).
 */
export class ChangeLog {
  private log: Change[] = [];
  /** By stream and kind, then by id. */
  private readonly lastSeqs = new Map<StreamName, Record<EntityKind, Map<string, number>>>();
  private things = 0;
  private seq = 0;

  /** Seq of the last change; 0 before the first. */
  get last(): number {
    return this.seq;
  }

  touch(kind: EntityKind, id: string, stream: StreamName): void {
    const change = { seq: ++this.seq, kind, id, stream };
    let known = this.lastSeqs.get(stream);
    if (!known) this.lastSeqs.set(stream, (known = { container: new Map(), ship: new Map(), alert: new Map() }));
    if (!known[kind].has(id)) this.things++;
    known[kind].set(id, this.seq);
    this.log.push(change);
    // Overtaken entries are at most half of the log, so that dropping them costs a constant for each change.
    if (this.log.length > 2 * this.things + 64) this.log = this.log.filter((change) => this.isCurrent(change));
  }

  /** Things that changed after `seq`, oldest change first. */
  *since(seq: number): Generator<Change> {
    const log = this.log;
    let low = 0;
    let high = log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((log[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < log.length; i++) {
      const change = log[i];
      if (change && this.isCurrent(change)) yield change;
    }
  }

  private isCurrent(change: Change): boolean {
    return this.lastSeqs.get(change.stream)?.[change.kind].get(change.id) === change.seq;
  }
}
