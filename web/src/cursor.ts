import { createStore, type Store } from "./store.js";

/** The moment under the pointer, in the chart or on the track: too quick for the state and the address bar. */
export interface Cursor {
  readonly ms?: number;
}

export function createCursor(): Store<Cursor, Cursor> {
  return createStore<Cursor, Cursor>((before, next) => (before.ms === next.ms ? before : next), {});
}
