import { setTimeout as sleep } from "node:timers/promises";

const LOOK_MS = 50;

/** Waits until `check` says yes. The bound is generous: a test that hangs says nothing. */
export async function eventually(
  what: string,
  check: () => Promise<boolean> | boolean,
  withinMs = 120_000,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`waited ${withinMs / 1_000} s for ${what}`);
    await sleep(LOOK_MS);
  }
}
