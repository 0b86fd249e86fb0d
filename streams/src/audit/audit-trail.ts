import type { AuditValue } from "@landfall/proto/api";
import type { Env, TimerHandle } from "../env.js";
import { isLandfallError } from "../model/errors.js";
import { streamName, topicName, type StreamName } from "../model/names.js";
import type { NewRecord, TimestampMs } from "../model/record.js";
import type { StreamStore } from "../store/store.js";
import { AUDIT_FLUSH_MS, AUDIT_FOLD_MS, AUDIT_WAITING_MAX } from "./audit-limits.js";
import { Fold, type Counted, type Deed } from "./fold.js";

export interface AuditTrailParts {
  readonly store: Pick<StreamStore, "append">;
  readonly env: Env;
  /** The site's own company, and the names under which this node writes. */
  readonly owner: string;
  readonly site: string;
  readonly node: string;
  /** Milliseconds for which the same by the same is told once; by default ten minutes. */
  readonly foldMs?: number;
  /** Told when records of reads could not be written and were given up. */
  readonly onLost: (count: number, error: unknown) => void;
}

interface Waiting {
  readonly stream: StreamName;
  readonly record: NewRecord;
}

export function auditStream(owner: string): StreamName {
  return streamName(`${owner}.audit`);
}

/**
 * Writes `<owner>.audit`, topic `<site>.<node>`. What must be there before an answer goes out waits for the disk with `now`; the
 * rest is written together, a second later at most, so that no read waits. What is repeated is folded.
 */
export class AuditTrail {
  private readonly foldMs: number;
  private readonly fold: Fold;
  private waiting: Waiting[] = [];
  private timer: TimerHandle | undefined;
  private isTimerSoon = false;
  private writing: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly parts: AuditTrailParts) {
    this.foldMs = parts.foldMs ?? AUDIT_FOLD_MS;
    this.fold = new Fold(this.foldMs);
  }

  /** A read: told soon. Never throws, never waits. */
  soon(deed: Deed): void {
    if (this.isClosed) return;
    const { told, over } = this.fold.add(deed, this.parts.env.now());
    this.enqueue(told ? [told, ...over] : over);
    this.schedule();
  }

  /**
   * On disk when it resolves. Refusals are folded: of the same one, only the first waits.
   * @throws LandfallError what the store's `append` throws
   */
  async now(deed: Deed): Promise<void> {
    const at = this.parts.env.now();
    if (deed.outcome === "allowed")
      return this.write(auditStream(deed.owner), [this.toRecord({ deed, count: 1, first: at, last: at })]);
    const { told, over } = this.fold.add(deed, at);
    this.enqueue(over);
    this.schedule();
    if (told) await this.write(auditStream(told.deed.owner), [this.toRecord(told)]);
  }

  /** Writes what waits. On disk when it resolves, or given up. */
  async flush(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    this.enqueue(this.fold.over(this.parts.env.now()));
    this.writing = this.writing.then(() => this.writeWaiting());
    await this.writing;
    this.schedule();
  }

  /** Ends all folds and writes what waits, if the store takes it. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.timer?.cancel();
    this.timer = undefined;
    this.enqueue(this.fold.all());
    this.writing = this.writing.then(() => this.writeWaiting());
    await this.writing;
  }

  private async writeWaiting(): Promise<void> {
    const batch = this.waiting;
    this.waiting = [];
    const streams = new Map<StreamName, NewRecord[]>();
    for (const { stream, record } of batch) {
      const records = streams.get(stream);
      if (records) records.push(record);
      else streams.set(stream, [record]);
    }
    for (const [stream, records] of streams) {
      try {
        await this.write(stream, records);
      } catch (error) {
        // It is tried again with what comes next, as far as there is room.
        const room = this.isClosed ? 0 : Math.max(0, AUDIT_WAITING_MAX - this.waiting.length);
        const kept = room === 0 ? [] : records.slice(-room);
        if (kept.length < records.length) this.parts.onLost(records.length - kept.length, error);
        this.waiting.unshift(...kept.map((record) => ({ stream, record })));
      }
    }
  }

  /** To another company's audit where this site may write it; else into its own, with the company's name. */
  private async write(stream: StreamName, records: readonly NewRecord[]): Promise<void> {
    const own = auditStream(this.parts.owner);
    try {
      await this.parts.store.append(stream, records);
    } catch (error) {
      if (stream === own || !isLandfallError(error, "PRODUCE_FORBIDDEN")) throw error;
      await this.parts.store.append(own, records);
    }
  }

  private enqueue(counted: readonly Counted[]): void {
    for (const one of counted) this.waiting.push({ stream: auditStream(one.deed.owner), record: this.toRecord(one) });
  }

  private schedule(): void {
    if (this.isClosed || (this.waiting.length === 0 && this.fold.size === 0)) return;
    const isSoon = this.waiting.length > 0;
    // One that waits for a fold is in the way of what is to be told soon.
    if (this.timer && (this.isTimerSoon || !isSoon)) return;
    this.timer?.cancel();
    this.isTimerSoon = isSoon;
    this.timer = this.parts.env.setTimer(isSoon ? AUDIT_FLUSH_MS : this.foldMs, () => void this.flush());
  }

  private toRecord({ deed, count, first, last }: Counted): NewRecord {
    const { owner: _owner, ...said } = deed;
    const value: AuditValue = {
      kind: "audit",
      ...said,
      count,
      first: new Date(first).toISOString(),
      last: new Date(last).toISOString(),
    };
    return {
      topic: topicName(`${this.parts.site}.${this.parts.node}`),
      timestamp: last as TimestampMs,
      value: Buffer.from(JSON.stringify(value)),
    };
  }
}
