/**
 * What the store needs of a disk, narrow enough for tests to tear, fill and break it.
 * Errors are those of the system, with their `code`; the store says what they mean.
 */
export interface Disk {
  createFolder(path: string): Promise<void>;
  /** Names in the folder, in no order; none when there is no such folder. */
  list(folder: string): Promise<string[]>;
  /** Whole content of a small file, or undefined when there is none. */
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Reads until `into` is full or the file ends, at once; for little. Returns the bytes read. */
  readSync(path: string, into: Uint8Array, position: number): number;
  /**
   * `create` fails with EEXIST when the file is there, `read` and `write` with ENOENT when it is not.
   * @param through asks for a file whose writes are durable at once; where the system cannot do that, it is one like any other
   */
  open(path: string, mode: "create" | "read" | "write", through?: boolean): Promise<DiskFile>;
  /** Replaces what is at `to`, at once. Durable after `syncFolder`. */
  rename(from: string, to: string): Promise<void>;
  /** Nothing happens when there is no such file. */
  remove(path: string): Promise<void>;
  /** One process at a time in a folder. @throws LandfallError FOLDER_IN_USE naming the process that has it */
  lock(folder: string): Promise<FolderLock>;
  /** How much of the disk that holds the folder is in use by anybody, 0 to 100. */
  usedPercent(folder: string): Promise<number>;
  /** After it, names created, renamed and removed in the folder survive a power cut. */
  syncFolder(path: string): Promise<void>;
}

export interface FolderLock {
  release(): Promise<void>;
}

export interface DiskFile {
  /** What `write` wrote survives a power cut when it resolves; `sync` is not needed. */
  readonly isThrough?: boolean;
  size(): Promise<number>;
  /** The same for as long as this very file lives on this disk, different for every copy of it. */
  fingerprint(): Promise<string>;
  /** Reads until `into` is full or the file ends; returns the bytes read. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`; after an error, any part of them may have been written. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** After it, everything written survives a power cut (`fdatasync`). */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}
