import { networkOf } from "./network.js";

/** Told whether it is one's turn, or whether one is turned away. */
type Waiting = (isTurn: boolean) => void;

/**
 * Lets so many in at the same time. The others wait, and networks take turns: whoever sends a thousand makes a
 * thousand of his own wait, and delays anybody else by one. When too many wait, whoever has most of them loses his newest.
 */
export class FairGate {
  readonly #atOnce: number;
  readonly #waitingMax: number;
  #running = 0;
  #waitingCount = 0;
  /** In the order in which networks are served. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(atOnce: number, waitingMax: number) {
    this.#atOnce = atOnce;
    this.#waitingMax = waitingMax;
  }

  get waiting(): number {
    return this.#waitingCount;
  }

  /** Resolves with what `work` does, or with undefined when too many wait: at once, or while it waits. */
  async run<T>(address: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#running >= this.#atOnce) {
      if (!(await this.#turn(networkOf(address)))) return undefined;
    } else this.#running++;
    try {
      return await work();
    } finally {
      this.#handOn();
    }
  }

  #turn(network: string): Promise<boolean> {
    const queue = this.#waiting.get(network) ?? [];
    if (this.#waitingCount >= this.#waitingMax && !this.#makeRoom(queue.length)) return Promise.resolve(false);
    this.#waiting.set(network, queue);
    this.#waitingCount++;
    return new Promise((resolve) => queue.push(resolve));
  }

  /** Turns away the newest of the network that has most, for one that has `own`; not where they would only change places. */
  #makeRoom(own: number): boolean {
    let most: Waiting[] = [];
    for (const queue of this.#waiting.values()) if (queue.length > most.length) most = queue;
    if (most.length <= own + 1) return false;
    this.#waitingCount--;
    most.pop()?.(false);
    return true;
  }

  /** Who leaves hands its place to the network that has waited longest for a turn. */
  #handOn(): void {
    for (const [network, queue] of this.#waiting) {
      this.#waiting.delete(network);
      const next = queue.shift();
      if (queue.length > 0) this.#waiting.set(network, queue);
      if (next === undefined) continue;
      this.#waitingCount--;
      return next(true);
    }
    this.#running--;
  }
}
