import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

export interface PeerRecord {
  readonly topic: string;
  /** Larger than that of every record before. */
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly value: Uint8Array;
}

/** A store as the comparison drives it. */
export interface Peer {
  /** All of these are as safe as the store ever says they are when it resolves. */
  append(records: readonly PeerRecord[]): Promise<void>;
  /** Brings what was appended into the shape in which the store keeps it. */
  settle(): Promise<void>;
  /** Reads the whole history of a topic, oldest first; returns how many records came, of `expected`. */
  history(topic: string, expected: number): Promise<number>;
  bytesOnDisk(): number;
  close(): Promise<void>;
}

/** Something that keeps topics of records. */
export interface PeerKind {
  readonly scenario: string;
  /** Name and version, or why it cannot be run here. */
  find(): { readonly name: string } | { readonly missing: string };
  /** @param folder is there, and empty */
  open(folder: string): Promise<Peer>;
}

export function bytesOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
