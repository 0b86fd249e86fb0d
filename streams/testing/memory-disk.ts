import { posix } from "node:path";
import { LandfallError } from "../src/model/errors.js";
import type { Disk, DiskFile, FolderLock } from "../src/store/disk.js";

/** What may go wrong; a test sets these while a store is at work. */
export interface DiskFaults {
  /** Bytes that all files together may take; more fails with ENOSPC, what still fits is written. */
  capacity: number;
  /** Called before each sync of a file; throw to fail it. */
  onSync: ((path: string) => void) | undefined;
  /** Called before each write; throw to fail it. */
  onWrite: ((path: string) => void) | undefined;
  /** Called before each read; throw to fail it. */
  onRead: ((path: string) => void) | undefined;
  /** Called before a file takes this name; throw to fail it. */
  onRename: ((to: string) => void) | undefined;
  /** Called before a file is removed; throw to fail it. */
  onRemove: ((path: string) => void) | undefined;
  /** Files cannot be cut. */
  failTruncate: boolean;
}

const SECTOR_BYTES = 512;

/** Bytes of a file as programs see them, and what of them would survive a power cut. */
class Content {
  bytes = Buffer.alloc(0);
  durable = Buffer.alloc(0);
  /** What was written over since the last sync, so that a large file costs no more than what is written to it. */
  private changedFrom = Infinity;
  private changedTo = 0;
  constructor(
    readonly id: number,
    /** Its name, for faults: who has it open need not know that it was renamed. */
    public path: string,
  ) {}

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.byteLength;
    if (end > this.bytes.byteLength) {
      const grown = Buffer.alloc(end);
      this.bytes.copy(grown);
      this.bytes = grown;
    }
    this.bytes.set(bytes, position);
    this.changedFrom = Math.min(this.changedFrom, position);
    this.changedTo = Math.max(this.changedTo, end);
  }

  truncate(size: number): void {
    this.bytes = Buffer.from(this.bytes.subarray(0, size));
    this.changedFrom = Math.min(this.changedFrom, size);
    this.changedTo = this.durable.byteLength;
  }

  sync(): void {
    const { bytes, durable, changedFrom, changedTo } = this;
    if (bytes.byteLength !== durable.byteLength) this.durable = Buffer.from(bytes);
    else if (changedTo > changedFrom)
      bytes.copy(durable, changedFrom, changedFrom, Math.min(changedTo, bytes.byteLength));
    this.changedFrom = Infinity;
    this.changedTo = 0;
  }

  /** What a power cut leaves: of each sector that was not synced, the old, the new, or, of a new one, zeros. */
  tear(random: () => number): void {
    const { durable, bytes } = this;
    if (random() < 0.5) {
      // Written from the front: some of the beginning is there, and behind it what was there before, if anything.
      const same = commonBytes(durable, bytes);
      const kept = same + Math.floor(random() * (bytes.byteLength - same + 1));
      const whole = kept < durable.byteLength ? kept - (kept % SECTOR_BYTES) : kept;
      this.bytes = Buffer.concat([bytes.subarray(0, whole), durable.subarray(whole)]);
    } else {
      const torn = Buffer.alloc(bytes.byteLength);
      durable.copy(torn);
      for (let at = 0; at < torn.byteLength; at += SECTOR_BYTES) {
        if (random() < 0.5) bytes.copy(torn, at, at, at + SECTOR_BYTES);
      }
      this.bytes = torn;
    }
    this.durable = Buffer.from(this.bytes);
  }
}

function commonBytes(a: Buffer, b: Buffer): number {
  let at = 0;
  while (at < a.byteLength && at < b.byteLength && a[at] === b[at]) at++;
  return at;
}

/** A disk in memory that forgets what was not synced when the power is cut, and that can be filled and broken. */
export class MemoryDisk implements Disk {
  readonly faults: DiskFaults = {
    capacity: Number.POSITIVE_INFINITY,
    onSync: undefined,
    onWrite: undefined,
    onRead: undefined,
    onRename: undefined,
    onRemove: undefined,
    failTruncate: false,
  };
  /** Whether files that are asked to be are durable with each write, as on Linux, or need a sync, as elsewhere. */
  writesThrough = false;
  /** Handles that are not closed, of all lives. */
  openFiles = 0;
  private names = new Map<string, Content>();
  private durableNames = new Map<string, Content>();
  private nextId = 1;
  /** Power cuts and kills so far: what was opened in an earlier life is dead, also if it dies while at work. */
  private life = 0;
  private readonly locked = new Set<string>();

  /** @param pause how long an operation takes: later than now, as on a real disk, so that others get their turn */
  constructor(private readonly pause: () => Promise<void> = nextTurn) {}

  /** Nothing that was opened before works any more; what was not synced is torn. */
  cutPower(random: () => number): void {
    this.life++;
    this.locked.clear();
    // Each name that was not made durable may or may not be there.
    const names = new Map<string, Content>();
    for (const [path, content] of this.durableNames) names.set(path, content);
    for (const [path, content] of this.names) if (random() < 0.5) names.set(path, content);
    for (const path of names.keys()) if (!this.names.has(path) && random() < 0.5) names.delete(path);
    // Renaming is one step: a file has its old name or its new one, never both.
    const pathOf = new Map<Content, string>();
    for (const [path, content] of names) {
      const other = pathOf.get(content);
      if (other !== undefined) names.delete(other);
      pathOf.set(content, path);
    }
    for (const [content, path] of pathOf) {
      content.path = path;
      content.tear(random);
    }
    this.names = names;
    this.durableNames = new Map(names);
  }

  /** The process is killed: what it wrote is there, in the system's cache. */
  kill(): void {
    this.life++;
    this.locked.clear();
  }

  /** The disk as one process sees it: after a cut or a kill, that process can do nothing any more. */
  boot(): Disk {
    const { life } = this;
    const run = async <R>(work: () => Promise<R>): Promise<R> => {
      if (life !== this.life) throw systemError("EBADF", "a dead process");
      return work();
    };
    return {
      createFolder: () => run(() => this.createFolder()),
      list: (folder) => run(() => this.list(folder)),
      readFile: (path) => run(() => this.readFile(path)),
      readSync: (path, into, position) => {
        if (life !== this.life) throw systemError("EBADF", "a dead process");
        return this.readSync(path, into, position);
      },
      open: (path, mode, through) => run(() => this.open(path, mode, through)),
      lock: (folder) => run(() => this.lock(folder)),
      rename: (from, to) => run(() => this.rename(from, to)),
      remove: (path) => run(() => this.remove(path)),
      usedPercent: () => run(() => this.usedPercent()),
      syncFolder: (path) => run(() => this.syncFolder(path)),
    };
  }

  /** The file's bytes, to look at or to damage. */
  bytes(path: string): Buffer {
    return this.find(path).bytes;
  }

  replace(path: string, bytes: Uint8Array): void {
    const content = this.find(path);
    content.bytes = Buffer.from(bytes);
    content.durable = Buffer.from(bytes);
  }

  /** What `cp -r` makes: the same names and bytes in other files. */
  copyFolder(from: string, to: string): void {
    for (const [path, content] of this.names) {
      if (posix.dirname(path) !== from) continue;
      const name = posix.join(to, posix.basename(path));
      const copy = this.newContent(name);
      copy.bytes = Buffer.from(content.bytes);
      copy.durable = Buffer.from(content.bytes);
      this.names.set(name, copy);
      this.durableNames.set(name, copy);
    }
  }

  async createFolder(): Promise<void> {}

  async list(folder: string): Promise<string[]> {
    return [...this.names.keys()].filter((path) => posix.dirname(path) === folder).map((path) => posix.basename(path));
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    const content = this.names.get(path);
    if (content === undefined) return undefined;
    this.faults.onRead?.(path);
    return Uint8Array.from(content.bytes);
  }

  readSync(path: string, into: Uint8Array, position: number): number {
    const { bytes } = this.find(path);
    this.faults.onRead?.(path);
    return bytes.copy(into, 0, position);
  }

  async open(path: string, mode: "create" | "read" | "write", through = false): Promise<DiskFile> {
    const existing = this.names.get(path);
    if (mode === "create" && existing !== undefined) throw systemError("EEXIST", path);
    if (mode !== "create" && existing === undefined) throw systemError("ENOENT", path);
    const content = existing ?? this.newContent(path);
    this.names.set(path, content);
    return this.handle(path, content, mode, through && this.writesThrough);
  }

  async lock(folder: string): Promise<FolderLock> {
    const { life } = this;
    if (this.locked.has(folder)) throw new LandfallError("FOLDER_IN_USE", `${folder} is in use`);
    this.locked.add(folder);
    return {
      release: async () => {
        if (life === this.life) this.locked.delete(folder);
      },
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const { life } = this;
    this.faults.onRename?.(to);
    if (life !== this.life) throw systemError("EBADF", to);
    const content = this.find(from);
    content.path = to;
    this.names.set(to, content);
    this.names.delete(from);
  }

  async remove(path: string): Promise<void> {
    const { life } = this;
    if (this.names.has(path)) this.faults.onRemove?.(path);
    if (life !== this.life) throw systemError("EBADF", path);
    this.names.delete(path);
  }

  async usedPercent(): Promise<number> {
    return (100 * this.usedBytes()) / this.faults.capacity;
  }

  async syncFolder(folder: string): Promise<void> {
    const { life } = this;
    this.faults.onSync?.(folder);
    if (life !== this.life) throw systemError("EBADF", folder);
    const within = (path: string): boolean => posix.dirname(path) === folder;
    for (const path of this.durableNames.keys()) if (within(path)) this.durableNames.delete(path);
    for (const [path, content] of this.names) if (within(path)) this.durableNames.set(path, content);
  }

  private handle(path: string, content: Content, mode: string, isThrough: boolean): DiskFile {
    const { life, faults } = this;
    let isOpen = true;
    this.openFiles++;
    const checkAlive = (): void => {
      if (!isOpen || life !== this.life) throw systemError("EBADF", path);
    };
    const alive = async (): Promise<void> => {
      await this.pause();
      checkAlive();
    };
    const writable = (): void => {
      if (mode === "read") throw systemError("EBADF", path);
    };
    const sync = (): void => {
      faults.onSync?.(content.path);
      checkAlive();
      content.sync();
    };
    return {
      isThrough,
      size: async () => content.bytes.byteLength,
      fingerprint: async () => `memory:${content.id}`,
      read: async (into, position) => {
        await alive();
        faults.onRead?.(content.path);
        checkAlive();
        return content.bytes.copy(into, 0, position);
      },
      write: async (bytes, position) => {
        await alive();
        writable();
        faults.onWrite?.(content.path);
        checkAlive();
        const free = faults.capacity - this.usedBytes() + Math.max(content.bytes.byteLength - position, 0);
        const fits = bytes.subarray(0, Math.max(Math.min(bytes.byteLength, free), 0));
        content.write(fits, position);
        if (fits.byteLength < bytes.byteLength) throw systemError("ENOSPC", path);
        if (isThrough) sync();
      },
      sync: async () => {
        await alive();
        sync();
      },
      truncate: async (size) => {
        await alive();
        writable();
        if (faults.failTruncate) throw systemError("EIO", path);
        content.truncate(size);
      },
      close: async () => {
        if (isOpen) this.openFiles--;
        isOpen = false;
      },
    };
  }

  private usedBytes(): number {
    let bytes = 0;
    for (const content of this.names.values()) bytes += content.bytes.byteLength;
    return bytes;
  }

  private newContent(path: string): Content {
    return new Content(this.nextId++, path);
  }

  private find(path: string): Content {
    const content = this.names.get(path);
    if (content === undefined) throw systemError("ENOENT", path);
    return content;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
