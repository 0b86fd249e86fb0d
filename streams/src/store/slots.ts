/** Lets so many things go on at once; the others wait, first come, first served. */
export class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];
  private next = 0;

  constructor(count: number) {
    this.free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      this.pass();
    }
  }

  private pass(): void {
    const next = this.waiting[this.next];
    if (next === undefined) {
      this.free++;
      return;
    }
    this.next++;
    // Shifting every time would move the whole queue every time.
    if (this.next * 2 > this.waiting.length) {
      this.waiting.splice(0, this.next);
      this.next = 0;
    }
    next();
  }
}
