/**
 * Waits until `check` returns something that is not undefined or false, and returns it. An error that `check` throws
 * ends the wait at once. `what` may be asked for when nothing came of it, to say what was seen last. There is no deadline but
 * this one, generous, because a test that hangs says nothing.
 */
export async function eventually<T>(
  what: string | (() => string),
  check: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const result = await check();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > end) {
      throw new Error(`waited ${withinMs / 1_000} s for ${typeof what === "string" ? what : what()}`);
    }
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}
