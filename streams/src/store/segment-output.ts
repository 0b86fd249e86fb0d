import { syncError, writeError } from "./disk-errors.js";
import type { DiskFile } from "./disk.js";

/**
 * Written to disk, and synced, in pieces of about this size: a commit of the journal waits behind those of each thread that writes
 * segments. Half of it costs a fifth of what sealing brings, and no commit waits for less.
 */
const CHUNK_BYTES = 512 * 1024;
/** What is written between two looks at whether a piece is full. */
const SLACK_BYTES = 1024 * 1024;

/** The bytes of a segment file on their way to the disk: one piece is written while the next is filled. */
export class SegmentOutput {
  private buffer: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES + SLACK_BYTES);
  private spare: Buffer | undefined;
  private used = 0;
  private writing: Promise<void> = Promise.resolve();

  /** @param flushed bytes that are in the file already */
  constructor(
    private readonly file: DiskFile,
    private readonly path: string,
    private flushed = 0,
  ) {}

  /** Everything so far. */
  get bytes(): number {
    return this.flushed + this.used;
  }

  /** A piece is full: it is time to flush. */
  get isDue(): boolean {
    return this.used >= CHUNK_BYTES;
  }

  /** Where so many bytes may be written next: from `at` on in `buffer`. What was written counts with `took`. */
  reserve(bytes: number): { readonly buffer: Buffer; readonly at: number } {
    if (this.used + bytes > this.buffer.byteLength) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.used + bytes, this.buffer.byteLength * 2));
      grown.set(this.buffer.subarray(0, this.used));
      this.buffer = grown;
    }
    return { buffer: this.buffer, at: this.used };
  }

  took(bytes: number): void {
    this.used += bytes;
  }

  push(bytes: Uint8Array): void {
    const { buffer, at } = this.reserve(bytes.byteLength);
    buffer.set(bytes, at);
    this.took(bytes.byteLength);
  }

  /**
   * Begins to write what is there, once what was before is on disk.
   * @throws LandfallError DISK_FULL, DISK_FAILED
   */
  async flush(): Promise<void> {
    await this.writing;
    if (this.used === 0) return;
    const full = this.buffer;
    const bytes = full.subarray(0, this.used);
    this.writing = this.write(bytes, this.flushed);
    // Whoever flushes or finishes next learns of it.
    this.writing.catch(() => undefined);
    this.buffer = this.spare ?? Buffer.allocUnsafeSlow(CHUNK_BYTES + SLACK_BYTES);
    this.spare = full;
    this.flushed += this.used;
    this.used = 0;
  }

  /** So many bytes more are in the file already; nothing may wait to be written. */
  skip(bytes: number): void {
    this.flushed += bytes;
  }

  /** Until all of it is on disk. @param head instead of the file's first bytes. @throws LandfallError DISK_FULL, DISK_FAILED */
  async finish(head?: Uint8Array): Promise<void> {
    await this.flush();
    await this.writing;
    if (head !== undefined) await this.write(head, 0);
    await this.file.close();
  }

  async abandon(): Promise<void> {
    await this.writing.catch(() => undefined);
    await this.file.close().catch(() => undefined);
  }

  private async write(bytes: Uint8Array, at: number): Promise<void> {
    try {
      await this.file.write(bytes, at);
    } catch (error) {
      throw writeError(error, this.path);
    }
    try {
      await this.file.sync();
    } catch (error) {
      throw syncError(error, this.path);
    }
  }
}
