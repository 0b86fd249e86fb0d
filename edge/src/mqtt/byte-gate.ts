/** Counts bytes under way; while there are too many the gate is shut and everybody waits at it. */
export class ByteGate {
  readonly #max: number;
  #bytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(max: number) {
    this.#max = max;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isOpen(): boolean {
    return this.#bytes < this.#max;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
    if (!this.isOpen || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const go of waiting) go();
  }

  /** Calls `go` once when the gate opens. Returns how to stop waiting. */
  whenOpen(go: () => void): () => void {
    this.#waiting.add(go);
    return () => this.#waiting.delete(go);
  }
}
