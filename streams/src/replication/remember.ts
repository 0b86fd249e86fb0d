import type { StreamName } from "../model/names.js";

/** More streams than any fleet has: whoever names more of them makes them up. */
const REMEMBERED_MAX = 10_000;

export interface Remembering<T> {
  (stream: StreamName): T;
  forget(): void;
}

/** Streams are few per node next to the times they are asked about. */
export function remember<T>(ask: (stream: StreamName) => T): Remembering<T> {
  const known = new Map<StreamName, T>();
  const answer = (stream: StreamName): T => {
    let found = known.get(stream);
    if (found === undefined) {
      if (known.size >= REMEMBERED_MAX) known.clear();
      found = ask(stream);
      known.set(stream, found);
    }
    return found;
  };
  return Object.assign(answer, { forget: () => known.clear() });
}
