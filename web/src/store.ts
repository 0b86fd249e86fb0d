/** Holds the state: one writer (`dispatch`), many readers. */
export interface Store<S, A> {
  getState(): S;
  dispatch(action: A): void;
  /** Calls back after every change; returns how to stop. */
  subscribe(listener: (state: S, before: S) => void): () => void;
}

export function createStore<S, A>(reduce: (state: S, action: A) => S, initial: S): Store<S, A> {
  let state = initial;
  const listeners = new Set<(state: S, before: S) => void>();
  return {
    getState: () => state,
    dispatch(action) {
      const before = state;
      state = reduce(state, action);
      if (state === before) return;
      for (const listener of listeners) listener(state, before);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
