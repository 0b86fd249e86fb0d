/** Work of one kind that is done one piece after the other, in the order in which it came. */
export class TurnByTurn<K> {
  private readonly last = new Map<K, Promise<unknown>>();

  isTaken(key: K): boolean {
    return this.last.has(key);
  }

  take<T>(key: K, work: () => Promise<T>): Promise<T> {
    const turn = (this.last.get(key) ?? Promise.resolve()).then(work, work);
    const end = turn.then(
      () => undefined,
      () => undefined,
    );
    this.last.set(key, end);
    void end.finally(() => {
      if (this.last.get(key) === end) this.last.delete(key);
    });
    return turn;
  }
}
