import type { Env } from "@landfall/streams/env";
import type { Sisters } from "@landfall/streams/node/node";
import type { StreamStore } from "@landfall/streams/store/store";
import { CATCH_UP_IDLE_MS, CATCH_UP_TICK_MS, SISTERS_MS_MAX } from "../limits.js";

/**
 * Resolves once this node holds what its sisters hold: before that it would not know a sensor's repetition, a booking or
 * the manifest. Sisters that do not come up are waited for a short while only, and a transfer that stands still is
 * not waited for either: a node that lags is better than none.
 */
export async function caughtUp(
  sisters: Pick<Sisters, "connected" | "isLevel">,
  others: number,
  store: Pick<StreamStore, "stats">,
  env: Env,
  isClosed: () => boolean,
): Promise<void> {
  const startedAt = env.monotonic();
  let movedAt = startedAt;
  let seen = -1;
  while (!isClosed()) {
    const now = env.monotonic();
    const { recordsApplied, bytesWritten } = store.stats();
    if (recordsApplied + bytesWritten !== seen) movedAt = now;
    seen = recordsApplied + bytesWritten;
    const areThere = sisters.connected().length >= others || now - startedAt >= SISTERS_MS_MAX;
    if (areThere && (sisters.isLevel() || now - movedAt >= CATCH_UP_IDLE_MS)) return;
    await new Promise<void>((resolve) => void env.setTimer(CATCH_UP_TICK_MS, resolve));
  }
}
