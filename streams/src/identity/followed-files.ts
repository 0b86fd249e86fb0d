import type { Env, TimerHandle } from "../env.js";
import type { FileBytes } from "./pem-files.js";

/** How often the files are looked at: a revocation holds within this time. */
const LOOK_MS = 1_000;

export interface FollowedFilesOptions<Key extends string, T> {
  /** @throws LandfallError INVALID_SETTINGS for a file that cannot be read */
  readonly read: () => FileBytes<Key>;
  /** What the files say. @throws LandfallError INVALID_SETTINGS when they do not fit together */
  readonly check: (bytes: FileBytes<Key>) => T;
  readonly env: Env;
  /** Told once of files that changed and are not good: the old ones stay in force. */
  readonly trouble: (message: string) => void;
  /** Called at each look, after the files were read. */
  readonly onLook?: () => void;
}

/** What some files say, read again every second: other files are in force as soon as they are good. */
export class FollowedFiles<Key extends string, T> {
  #value: T;
  #inForce: FileBytes<Key>;
  #timer: TimerHandle | undefined;
  /** What was wrong with the files at the last look, and what of it has been told. */
  #complaint: string | undefined;
  #told: string | undefined;
  readonly #listeners = new Set<(value: T) => void>();

  /** @throws LandfallError INVALID_SETTINGS */
  constructor(private readonly options: FollowedFilesOptions<Key, T>) {
    this.#inForce = options.read();
    this.#value = options.check(this.#inForce);
  }

  get value(): T {
    return this.#value;
  }

  /** Calls back whenever other files are in force. @returns how to end that */
  onChange(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows the files until `stop`. */
  start(): void {
    this.#look();
    this.#timer = this.options.env.setTimer(LOOK_MS, () => this.start());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { read, check, trouble, onLook } = this.options;
    let complaint: string | undefined;
    try {
      const bytes = read();
      if (Object.entries<Buffer>(bytes).some(([key, now]) => !now.equals(this.#inForce[key as Key]))) {
        this.#value = check(bytes);
        this.#inForce = bytes;
        for (const listener of this.#listeners) listener(this.#value);
      }
    } catch (error) {
      complaint = `${(error as Error).message}; what was there before stays in force`;
    }
    // Files are replaced one after the other: what does not fit together is told when it still does not a look later.
    const isLasting = complaint !== undefined && complaint === this.#complaint;
    if (isLasting && complaint !== undefined && complaint !== this.#told) trouble(complaint);
    this.#told = isLasting ? complaint : undefined;
    this.#complaint = complaint;
    onLook?.();
  }
}
