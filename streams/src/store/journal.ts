import { join } from "node:path";
import { syncError, writeError } from "./disk-errors.js";
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

  /** Durable bytes of that file. */
  get endSize(): number | undefined {
    return this.end?.size;
  }

  /**
   * The file with that number, which is begun when it is not the current one.
   * @throws LandfallError DISK_FULL, DISK_FAILED
   */
  async prepare(number: number): Promise<Readonly<JournalEnd>> {
    if (this.failed !== undefined) throw this.failed;
    const { end } = this;
    return end !== undefined && end.number === number ? end : this.beginFile(number);
  }

  /**
   * Writes one commit to the prepared file and waits until it is durable: all of it or, as far as anybody will ever read, nothing.
   * @throws LandfallError DISK_FULL (may pass), DISK_FAILED (then every later call does)
   */
  async commit(bytes: Uint8Array): Promise<void> {
    const end = this.end as JournalEnd;
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
    end.size += bytes.byteLength;
  }

  async close(): Promise<void> {
    // What was acknowledged is durable, and what is not was refused: nothing hangs on how this ends.
    await this.end?.file.close().catch(() => undefined);
    this.end = undefined;
  }

  private path(number: number): string {
    return join(this.options.folder, journalName(number));
  }

  private async beginFile(number: number): Promise<JournalEnd> {
    const { disk, folder } = this.options;
    const name = journalName(number);
    const path = join(folder, name);
    const salt = this.options.newSalt();
    let file: DiskFile | undefined;
    try {
      file = await disk.open(path, "create");
      const head = encodeFileHead({ number, salt });
      await file.write(head, 0);
      await file.sync();
      await disk.syncFolder(folder);
      await this.options.onNewFile(name, await file.fingerprint());
    } catch (cause) {
      await file?.close().catch(() => undefined);
      // Ours alone, with nothing in it: `create` would have failed on another's.
      if (file !== undefined) await disk.remove(path).catch(() => undefined);
      throw this.remember(writeError(cause, path));
    }
    await this.end?.file.close();
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
