import { holeAt } from "../model/gap.js";
import { LandfallError } from "../model/errors.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Sisters } from "../node/node.js";
import {
  heldNext,
  isOfOwnSite,
  isOwn,
  keyId,
  receivedNext,
  type Announced,
  type KeyId,
  type MachineState,
} from "./machine-state.js";

interface Waiter {
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject: (error: LandfallError) => void;
}

/**
 * What the other nodes of this site are known to hold, out of what they announced over links that are up. A sister that
 * lost its disk says so by announcing less; what was said over a link that is gone counts no more.
 */
export class SisterCopies implements Sisters {
  readonly #waiters = new Map<KeyId, Waiter[]>();
  /** Connections over which a ping was answered: what the other side had to announce came before that. */
  readonly #answered = new Set<number>();
  #count = 0;
  #isClosed = false;
  /** Foreign keys of this site by stream, made anew when keys were added. */
  #byStream = new Map<StreamName, { readonly key: KeyId; readonly origin: OriginId }[]>();
  #keysSeen = 0;

  constructor(private readonly machine: MachineState) {}

  get waiting(): number {
    return this.#count;
  }

  connected(): string[] {
    const conns = [...this.machine.conns.values()];
    const names = conns.filter(({ sister, id }) => sister && this.#answered.has(id)).map(({ peer }) => peer);
    return [...new Set(names)].sort();
  }

  /** Whether a connected sister has said that it holds this record. */
  isCopied(stream: StreamName, origin: OriginId, seq: number): boolean {
    return this.#announced(keyId(stream, origin)).some((announced) => holds(announced, seq));
  }

  secondCopy(stream: StreamName, origin: OriginId, seq: number): Promise<void> {
    const key = keyId(stream, origin);
    if (this.isCopied(stream, origin, seq)) return Promise.resolve();
    if (this.#isClosed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(key) ?? [];
      this.#waiters.set(key, waiters);
      this.#count++;
      waiters.push({ seq, resolve, reject });
    });
  }

  /** A ping was answered. */
  answered(conn: number): void {
    if (this.#answered.has(conn)) return;
    for (const id of this.#answered) if (!this.machine.conns.has(id)) this.#answered.delete(id);
    this.#answered.add(conn);
  }

  /** A sister said how far it is. */
  heard(holdings: readonly { readonly stream: string; readonly origin: string }[]): void {
    if (this.#count === 0) return;
    for (const { stream, origin } of holdings) {
      const key = keyId(stream, origin);
      const waiters = this.#waiters.get(key);
      if (waiters === undefined) continue;
      const announced = this.#announced(key);
      const left = waiters.filter((waiter) => {
        const isThere = announced.some((one) => holds(one, waiter.seq));
        if (isThere) waiter.resolve();
        return !isThere;
      });
      this.#count -= waiters.length - left.length;
      if (left.length > 0) this.#waiters.set(key, left);
      else this.#waiters.delete(key);
    }
  }

  known(stream: StreamName): ReadonlyMap<OriginId, number> {
    const known = new Map<OriginId, number>();
    for (const { key, origin } of this.#foreignKeys(stream)) known.set(origin, this.#next(key));
    return known;
  }

  isLevel(): boolean {
    for (const { sister, id } of this.machine.conns.values()) if (sister && !this.#answered.has(id)) return false;
    for (const key of this.machine.keys.keys()) {
      if (isOfOwnSite(this.machine, key) && !isOwn(this.machine, key) && heldNext(this.machine, key) < this.#next(key))
        return false;
    }
    return true;
  }

  close(): void {
    this.#isClosed = true;
    for (const waiters of this.#waiters.values()) for (const { reject } of waiters) reject(closed());
    this.#waiters.clear();
    this.#count = 0;
  }

  #next(key: KeyId): number {
    return Math.max(receivedNext(this.machine, key), ...this.#announced(key).map(({ next }) => next));
  }

  #announced(key: KeyId): Announced[] {
    const all: Announced[] = [];
    for (const { sister, announced } of this.machine.conns.values()) {
      const one = sister ? announced.get(key) : undefined;
      if (one !== undefined) all.push(one);
    }
    return all;
  }

  #foreignKeys(stream: StreamName): readonly { readonly key: KeyId; readonly origin: OriginId }[] {
    const { keys } = this.machine;
    if (keys.size !== this.#keysSeen) {
      this.#keysSeen = keys.size;
      this.#byStream = new Map();
      for (const [key, names] of keys) {
        if (!isOfOwnSite(this.machine, key) || isOwn(this.machine, key)) continue;
        const list = this.#byStream.get(names.stream) ?? [];
        this.#byStream.set(names.stream, list);
        list.push({ key, origin: names.origin });
      }
    }
    return this.#byStream.get(stream) ?? [];
  }
}

/** What its retention removed it had. */
function holds({ next, holes }: Announced, seq: number): boolean {
  return seq < next && (holeAt(holes, seq)?.reason ?? "expired") === "expired";
}

function closed(): LandfallError {
  return new LandfallError("CLOSED", "this node is closing");
}
