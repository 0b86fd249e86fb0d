/** So many pieces of work at once; what comes more waits in line. */
export class Permits {
  private readonly waiting: (() => void)[] = [];

  constructor(private left: number) {}

  async with<T>(work: () => Promise<T>): Promise<T> {
    if (this.left > 0) this.left--;
    else await new Promise<void>((go) => this.waiting.push(go));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.left++;
      else next();
    }
  }
}
