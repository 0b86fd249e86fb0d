/** Something that comes from the server, with what there is to show until it is there or when it does not come. */
export type Remote<T> =
  | { readonly phase: "idle" }
  | { readonly phase: "loading"; readonly value?: T }
  | { readonly phase: "ready"; readonly value: T }
  /** `missing`: it does not exist, or not for this person; trying again would not help. */
  | { readonly phase: "failed"; readonly message: string; readonly missing: boolean; readonly value?: T };

export const IDLE = { phase: "idle" } as const;

export function valueOf<T>(remote: Remote<T>): T | undefined {
  return remote.phase === "idle" ? undefined : remote.value;
}

/** Whether an answer is still to come, or did not come and may come another time. */
export function isUnanswered(remote: Remote<unknown>): boolean {
  return remote.phase === "loading" || (remote.phase === "failed" && !remote.missing);
}

/** Loading again keeps what is shown. */
export function toLoading<T>(before: Remote<T>): Remote<T> {
  const value = valueOf(before);
  return value === undefined ? { phase: "loading" } : { phase: "loading", value };
}

/** A failure keeps what was there before, unless it is not there any more. */
export function toFailed<T>(before: Remote<T>, message: string, missing: boolean): Remote<T> {
  const value = missing ? undefined : valueOf(before);
  return value === undefined ? { phase: "failed", message, missing } : { phase: "failed", message, missing, value };
}

/** Changes the value in place, if there is one; the same object comes back when nothing changed. */
export function mapRemote<T>(remote: Remote<T>, change: (value: T) => T): Remote<T> {
  const value = valueOf(remote);
  if (value === undefined) return remote;
  const next = change(value);
  return next === value ? remote : ({ ...remote, value: next } as Remote<T>);
}
