import { COMMIT_BYTES_MAX, COMMIT_PENDING_BYTES_MAX } from "../limits.js";
import { LandfallError, isLandfallError } from "../model/errors.js";
import { parseFreshBlock } from "./block-parse.js";
import { GroupBuilder } from "./group-builder.js";
import { FRAME_HEAD_BYTES, writeFrameHead } from "./journal-format.js";
import type { Env } from "../env.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { BlockCache } from "./block-cache.js";
import type { ParsedBlock } from "./block-parse.js";
import type { BlockBuilder } from "./block-builder.js";
import type { EncodedRecords } from "./encoded-records.js";
import type { Journal } from "./journal.js";
import type { RecordIndex } from "./record-index.js";
import type { Appended, Batch, Committed } from "./store.js";

interface Pending {
  readonly bytes: number;
  /** Puts its records into the group; what it returns is called when they are durable. */
  build(group: GroupBuilder, nowMs: number): () => void;
  reject(error: unknown): void;
}

export interface GroupCommitOptions {
  readonly index: RecordIndex;
  readonly journal: Journal;
  readonly cache: BlockCache;
  readonly origin: OriginId;
  readonly slot: number;
  readonly env: Env;
  readonly nextCommit: number;
  readonly commitBytes?: number;
  readonly pendingBytes?: number;
  readonly onCommit: (committed: readonly Committed[]) => void;
}

/**
 * One write and one fdatasync for everything that arrived while the last one ran, over all streams and origins.
 * Groups are built, written and made visible one after the other, so a failed one leaves nothing to undo.
 */
export class GroupCommit {
  commits = 0;
  recordsAppended = 0;
  recordsApplied = 0;
  bytesWritten = 0;
  /** Why the last commit failed; cleared by the next that succeeds. */
  failed: LandfallError | undefined;
  private queue: Pending[] = [];
  private queuedBytes = 0;
  private nextCommit: number;
  private running: Promise<void> | undefined;

  constructor(private readonly options: GroupCommitOptions) {
    this.nextCommit = options.nextCommit;
  }

  /** @throws LandfallError CLOCK_REFUSED, DISK_FULL, DISK_FAILED, OVERLOADED */
  append(stream: StreamName, records: EncodedRecords): Promise<Appended[]> {
    return new Promise((resolve, reject) => {
      this.enqueue({
        bytes: records.bytes.byteLength,
        reject,
        build: (group, nowMs) => {
          const appended = group.append(stream, records, nowMs);
          return () => resolve(appended);
        },
      });
    });
  }

  /** @throws LandfallError SEQ_GAP, PROTOCOL_ERROR, CLOCK_REFUSED, DISK_FULL, DISK_FAILED, OVERLOADED */
  apply(batch: Batch, encoded: EncodedRecords): Promise<void> {
    return new Promise((resolve, reject) => {
      this.enqueue({
        bytes: encoded.bytes.byteLength,
        reject,
        build: (group) => {
          group.apply(batch, encoded);
          return resolve;
        },
      });
    });
  }

  /** Until everything that was accepted is durable or refused. */
  async idle(): Promise<void> {
    await this.running;
  }

  private enqueue(pending: Pending): void {
    const { pendingBytes = COMMIT_PENDING_BYTES_MAX } = this.options;
    if (this.failed?.code === "DISK_FAILED") throw this.failed;
    if (this.queuedBytes + pending.bytes > pendingBytes && this.queue.length > 0) {
      throw new LandfallError("OVERLOADED", `${this.queuedBytes} bytes wait for the disk already; try again later`);
    }
    this.queue.push(pending);
    this.queuedBytes += pending.bytes;
    this.running ??= this.run();
  }

  private async run(): Promise<void> {
    // Let everybody who appends in this turn of the event loop into the first group.
    await Promise.resolve();
    while (this.queue.length > 0) await this.commitGroup(this.takeGroup());
    this.running = undefined;
  }

  private takeGroup(): Pending[] {
    const { commitBytes = COMMIT_BYTES_MAX } = this.options;
    let bytes = 0;
    let count = 0;
    while (count < this.queue.length) {
      bytes += (this.queue[count] as Pending).bytes;
      if (count > 0 && bytes > commitBytes) break;
      count++;
    }
    const group = this.queue.splice(0, count);
    for (const pending of group) this.queuedBytes -= pending.bytes;
    return group;
  }

  private async commitGroup(group: readonly Pending[]): Promise<void> {
    const { index, origin, slot, env } = this.options;
    const builder = new GroupBuilder(index, origin, slot);
    const nowMs = Math.floor(env.now());
    const accepted: { pending: Pending; done: () => void }[] = [];
    for (const pending of group) {
      try {
        accepted.push({ pending, done: pending.build(builder, nowMs) });
      } catch (error) {
        pending.reject(error);
      }
    }
    try {
      // Empty when all of it was here already, and that is durable.
      if (builder.blocks.length > 0) await this.write(builder, nowMs);
    } catch (error) {
      this.fail(error);
      for (const { pending } of accepted) pending.reject(error);
      return;
    }
    for (const { done } of accepted) done();
  }

  private async write(builder: GroupBuilder, arrived: number): Promise<void> {
    const { journal } = this.options;
    const { blocks } = builder;
    const size = blocks.reduce((sum, block) => sum + FRAME_HEAD_BYTES + block.bytes, 0);
    const { number: file, salt, size: start } = await journal.prepare(size);
    const bytes = new Uint8Array(size);
    const places = this.writeFrames(blocks, salt, arrived, bytes);
    await journal.commit(bytes);
    this.failed = undefined;
    this.nextCommit++;
    this.commits++;
    this.bytesWritten += size;
    this.recordsAppended += builder.recordsAppended;
    this.recordsApplied += builder.recordsApplied;
    this.publish(bytes, places, file, start, arrived);
  }

  /** Returns where each block lies in `bytes`. */
  private writeFrames(blocks: readonly BlockBuilder[], salt: Uint8Array, arrived: number, bytes: Uint8Array): number[] {
    const places: number[] = [];
    let at = 0;
    blocks.forEach((block, i) => {
      const head = { blockBytes: block.bytes, index: i, frames: blocks.length, commit: this.nextCommit, arrived };
      writeFrameHead(head, salt, bytes, at);
      at += FRAME_HEAD_BYTES;
      block.write(bytes, at);
      places.push(at);
      at += block.bytes;
    });
    return places;
  }

  /** Durable: now everybody may see it. */
  private publish(bytes: Uint8Array, places: readonly number[], file: number, start: number, arrived: number): void {
    const { index, cache } = this.options;
    const before = new Map<string, Committed>();
    const blocks: [number, ParsedBlock][] = [];
    places.forEach((at, i) => {
      const end = (places[i + 1] ?? bytes.byteLength + FRAME_HEAD_BYTES) - FRAME_HEAD_BYTES;
      const block = parseFreshBlock(bytes.subarray(at, end));
      const { stream, origin } = block;
      const key = `${stream} ${origin}`;
      if (!before.has(key)) {
        const firstSeq = index.vectorNext(stream, origin) as Committed["firstSeq"];
        before.set(key, { stream, origin, firstSeq, nextSeq: firstSeq });
      }
      const number = index.add(block, { file, position: start + at, bytes: end - at }, arrived);
      if (number !== undefined) blocks.push([number, block]);
    });
    cache.add(blocks, bytes.byteLength);
    const committed = [...before.values()].map((entry): Committed => ({
      ...entry,
      nextSeq: index.vectorNext(entry.stream, entry.origin) as Committed["nextSeq"],
    }));
    this.options.onCommit(committed);
  }

  private fail(error: unknown): void {
    this.failed = isLandfallError(error)
      ? error
      : new LandfallError("DISK_FAILED", `a commit failed: ${String(error)}`, { cause: error });
    if (this.failed.code !== "DISK_FAILED") return;
    // Nothing that waits can become durable any more.
    const waiting = this.queue;
    this.queue = [];
    this.queuedBytes = 0;
    for (const pending of waiting) pending.reject(this.failed);
  }
}
