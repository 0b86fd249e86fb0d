import { LandfallError } from "@landfall/streams/model/errors";

/** Lets so many in at the same time; others wait for their turn, and a bounded number of them. */
export class Gate {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly atOnce: number,
    private readonly waitingMax: number,
    /** For who is turned away: `too many people sign in at this moment`. */
    private readonly refusal: string,
  ) {}

  /** @throws LandfallError OVERLOADED when too many wait already, and whatever `work` throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.atOnce) {
      if (this.waiting.length >= this.waitingMax) {
        throw new LandfallError("OVERLOADED", `${this.refusal}: try again in a few seconds`);
      }
      // Who leaves hands its place on.
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else this.running++;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}
