import { join } from "node:path";
import { JOURNAL_FILE_BYTES } from "../limits.js";
import { syncError, writeError } from "./disk-errors.js";
import { FilePool } from "./file-pool.js";
import { FILE_HEAD_BYTES, encodeFileHead, journalName } from "./journal-format.js";
import type { LandfallError } from "../model/errors.js";
import type { Disk, DiskFile } from "./disk.js";

/** The file that is being written. */
export interface JournalEnd {
  readonly number: number;
  readonly salt: Uint8Array;
  readonly file: DiskFile;
  /** Durable bytes; the next commit goes here. */
  size: number;
}

export interface JournalOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly fileBytes?: number;
  /** Eight random bytes. */
  readonly newSalt: () => Uint8Array;
  /** Makes the new file known, and its name durable, before anything is written to it: see identity.ts. */
  readonly onNewFile: (name: string, fingerprint: string) => Promise<void>;
}

/** Appends commits to the last file of the journal and reads from all of them. One commit at a time. */
export class Journal {
  private readonly pool: FilePool;
  private end: JournalEnd | undefined;
  /** A failed write left bytes behind the end that could not be cut off. */
  private littered = false;
  private failed: LandfallError | undefined;
  private olderBytes: number;

  constructor(
    private readonly options: JournalOptions,
    end: JournalEnd | undefined,
    olderBytes: number,
    private lastNumber: number,
  ) {
    this.pool = new FilePool(options.disk, options.folder);
    this.end = end;
    this.olderBytes = olderBytes;
  }

  get bytesOnDisk(): number {
    return this.olderBytes + (this.end?.size ?? 0);
  }

  /**
   * The file into which a commit of that size goes; begins a new one when the current one is full.
   * @throws LandfallError DISK_FULL, DISK_FAILED
   */
  async prepare(bytes: number): Promise<Readonly<JournalEnd>> {
    if (this.failed !== undefined) throw this.failed;
    const { fileBytes = JOURNAL_FILE_BYTES } = this.options;
    const { end } = this;
    if (end !== undefined && (end.size + bytes <= fileBytes || end.size === FILE_HEAD_BYTES)) return end;
    return this.beginFile();
  }

  /**
   * Writes one commit and waits until it is durable: all of it or, as far as anybody will ever read, nothing.
   * @throws LandfallError DISK_FULL (may pass), DISK_FAILED (then every later call does)
   */
  async commit(bytes: Uint8Array): Promise<void> {
    const end = await this.prepare(bytes.byteLength);
    const path = this.path(end.number);
    try {
      if (this.littered) await end.file.truncate(end.size);
      this.littered = false;
      await end.file.write(bytes, end.size);
    } catch (cause) {
      await this.cutOff(end);
      throw this.remember(writeError(cause, path));
    }
    try {
      await end.file.sync();
    } catch (cause) {
      throw this.remember(syncError(cause, path));
    }
    (end as JournalEnd).size += bytes.byteLength;
  }

  /** @throws LandfallError DISK_FAILED */
  read(file: number, into: Uint8Array, position: number): Promise<number> {
    return this.pool.read(file, into, position);
  }

  async close(): Promise<void> {
    await this.pool.close();
    // What was acknowledged is durable, and what is not was refused: nothing hangs on how this ends.
    await this.end?.file.close().catch(() => undefined);
    this.end = undefined;
  }

  private path(number: number): string {
    return join(this.options.folder, journalName(number));
  }

  private async beginFile(): Promise<JournalEnd> {
    const { disk, folder } = this.options;
    const number = this.lastNumber + 1;
    const name = journalName(number);
    const path = join(folder, name);
    const salt = this.options.newSalt();
    let file: DiskFile | undefined;
    try {
      file = await disk.open(path, "create");
      const head = encodeFileHead({ number, salt });
      await file.write(head, 0);
      await file.sync();
      // Makes the name durable, too.
      await this.options.onNewFile(name, await file.fingerprint());
    } catch (cause) {
      await file?.close().catch(() => undefined);
      // Ours alone, with nothing in it: `create` would have failed on another's.
      if (file !== undefined) await disk.remove(path).catch(() => undefined);
      throw this.remember(writeError(cause, path));
    }
    await this.end?.file.close();
    this.olderBytes += this.end?.size ?? 0;
    this.lastNumber = number;
    this.littered = false;
    this.end = { number, salt, file, size: FILE_HEAD_BYTES };
    return this.end;
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

  private remember(error: LandfallError): LandfallError {
    if (error.code === "DISK_FAILED") this.failed = error;
    return error;
  }
}
