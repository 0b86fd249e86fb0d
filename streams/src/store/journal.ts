import { join } from "node:path";
import { syncError, writeError } from "./disk-errors.js";
import { FILE_HEAD_BYTES, encodeFileHead, journalName } from "./journal-format.js";
import type { LandfallError } from "../model/errors.js";
import type { Disk, DiskFile } from "./disk.js";
import type { JournalSpares } from "./journal-spares.js";

/** The file that is being written. */
export interface JournalEnd {
  readonly number: number;
  readonly salt: Uint8Array;
  readonly file: DiskFile;
  /** Durable bytes; the next commit goes here. */
  size: number;
  /** The file may go on behind it with an earlier journal. */
  readonly overwrites: boolean;
}

export interface JournalOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly spares: JournalSpares;
  /** Eight random bytes. */
  readonly newSalt: () => Uint8Array;
  /** Makes the new file known before anything is written to it, see identity.ts. */
  readonly onNewFile: (name: string, fingerprint: string) => Promise<void>;
}

/** Appends commits to the last file of the journal. One commit at a time. */
export class Journal {
  private end: JournalEnd | undefined;
  /** A failed write left bytes behind the end that could not be cut off. */
  private littered = false;
  private failed: LandfallError | undefined;
  /** The next file, made before it is needed; undefined in it when that failed. */
  private ahead: Promise<JournalEnd | undefined> | undefined;
  private making = false;
  /** Former files that are being closed. */
  private readonly leaving = new Set<Promise<void>>();

  constructor(
    private readonly options: JournalOptions,
    end: JournalEnd | undefined,
    public lastNumber: number,
  ) {
    this.end = end;
  }

  /** Number of the file that is being written; undefined when the next commit begins one. */
  get endNumber(): number | undefined {
    return this.end?.number;
  }

  /** The next file is being made, and not ready yet. */
  get isMakingNext(): boolean {
    return this.making;
  }

  /** Durable bytes of that file. */
  get endSize(): number | undefined {
    return this.end?.size;
  }

  /** The salt of the file that is being written, if it has that number. */
  saltOf(number: number): Uint8Array | undefined {
    return this.end?.number === number ? this.end.salt : undefined;
  }

  /**
   * The file with that number, which is begun when it is not the current one.
   * @throws LandfallError DISK_FULL, DISK_FAILED
   */
  async prepare(number: number): Promise<Readonly<JournalEnd>> {
    if (this.failed !== undefined) throw this.failed;
    if (this.end?.number !== number) this.end = await this.nextFile(number);
    return this.end;
  }

  /**
   * Makes the next file in the background, in the place of one of so many bytes: that takes several waits for the disk, which
   * no commit should have to share. With 0 bytes, and no spare file, it is one that grows. For want of space it is tried again when the file is needed; what else fails is final, as everywhere.
   */
  prepareNext(bytes: number): void {
    const number = this.lastNumber + 1;
    const make = async (): Promise<JournalEnd | undefined> => {
      try {
        if (bytes > 0) await this.options.spares.make(bytes);
        return await this.newFile(number);
      } catch (cause) {
        await this.remember(writeError(cause, this.path(number)));
        return undefined;
      } finally {
        this.making = false;
      }
    };
    if (this.ahead !== undefined) return;
    this.making = true;
    this.ahead = make();
  }

  /**
   * Writes one commit to the prepared file and waits until it is durable: all of it or, as far as anybody will ever read, nothing.
   * @throws LandfallError DISK_FULL (may pass), DISK_FAILED (then every later call does)
   */
  async commit(bytes: Uint8Array): Promise<void> {
    if (this.failed !== undefined) throw this.failed;
    const end = this.end as JournalEnd;
    const path = this.path(end.number);
    try {
      if (this.littered) await end.file.truncate(end.size);
      this.littered = false;
      await end.file.write(bytes, end.size);
    } catch (cause) {
      await this.cutOff(end);
      const error = writeError(cause, path);
      // A write that was to be durable at once may have failed in that, too: what is not for want of space is final.
      throw await this.remember(
        end.file.isThrough === true && error.code !== "DISK_FULL" ? syncError(cause, path) : error,
      );
    }
    try {
      if (end.file.isThrough !== true) await end.file.sync();
    } catch (cause) {
      throw await this.remember(syncError(cause, path));
    }
    end.size += bytes.byteLength;
  }

  async close(): Promise<void> {
    const { end } = this;
    // What was acknowledged is durable, and what is not was refused: nothing hangs on how this ends. A file that ends with its
    // last commit only makes it plain to whoever opens it.
    if (end?.overwrites === true) await end.file.truncate(end.size).catch(() => undefined);
    await end?.file.close().catch(() => undefined);
    this.end = undefined;
    const ahead = await this.ahead;
    await ahead?.file.close().catch(() => undefined);
    await Promise.all(this.leaving);
  }

  /** What is in the file is durable: nobody has to wait until it is closed. */
  private leave(file: DiskFile): void {
    const closed = file.close().catch(() => undefined);
    this.leaving.add(closed);
    void closed.finally(() => this.leaving.delete(closed));
  }

  private path(number: number): string {
    return join(this.options.folder, journalName(number));
  }

  private async nextFile(number: number): Promise<JournalEnd> {
    const ahead = await this.ahead;
    this.ahead = undefined;
    let next: JournalEnd;
    try {
      next = ahead ?? (await this.newFile(number));
    } catch (cause) {
      throw await this.remember(writeError(cause, this.path(number)));
    }
    if (this.end !== undefined) this.leave(this.end.file);
    this.lastNumber = next.number;
    this.littered = false;
    return next;
  }

  /** A file with its head, durable and known, ready for the first commit; in the place of a spare one, if there is any. */
  private async newFile(number: number): Promise<JournalEnd> {
    const { disk, folder, spares, onNewFile } = this.options;
    const path = this.path(number);
    const salt = this.options.newSalt();
    const spare = spares.take();
    const overwrites = spare !== undefined;
    let at = spare === undefined ? path : join(folder, spare);
    let file: DiskFile | undefined;
    try {
      file = await disk.open(at, spare === undefined ? "create" : "write", true);
      await file.write(encodeFileHead({ number, salt, overwrites }), 0);
      await file.sync();
      // A journal from now on: its head is new, so that nothing of the earlier one can be taken for its own.
      if (at !== path) await disk.rename(at, path);
      at = path;
      await disk.syncFolder(folder);
      await onNewFile(journalName(number), await file.fingerprint());
    } catch (cause) {
      await file?.close().catch(() => undefined);
      // Ours alone, with nothing in it: `create` would have failed on another's.
      if (file !== undefined) await disk.remove(at).catch(() => undefined);
      throw cause;
    }
    return { number, salt, file, size: FILE_HEAD_BYTES, overwrites };
  }

  /** Best effort here, made sure of before the next write. */
  private async cutOff(end: JournalEnd): Promise<void> {
    this.littered = true;
    try {
      await end.file.truncate(end.size);
      this.littered = false;
    } catch {
      // The next commit tries again first.
    }
  }

  private async remember(error: LandfallError): Promise<LandfallError> {
    if (error.code === "DISK_FAILED") this.failed = error;
    else await this.options.spares.drop();
    return error;
  }
}
