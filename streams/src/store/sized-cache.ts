/** Keeps what was used last, up to so many bytes. */
export class SizedCache<T> {
  private readonly entries = new Map<string, { readonly value: T; readonly bytes: number }>();
  private bytes = 0;

  constructor(private readonly bytesMax: number) {}

  get(key: string): T | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    // Last used, last in the map.
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  /** Puts it in, or says anew what it takes. */
  add(key: string, value: T, bytes: number): void {
    const known = this.entries.get(key);
    if (known?.value === value && known.bytes === bytes) return;
    if (known !== undefined) {
      this.entries.delete(key);
      this.bytes -= known.bytes;
    }
    if (bytes > this.bytesMax) return;
    this.entries.set(key, { value, bytes });
    this.bytes += bytes;
    for (const [oldest, entry] of this.entries) {
      if (this.bytes <= this.bytesMax) return;
      this.entries.delete(oldest);
      this.bytes -= entry.bytes;
    }
  }
}
