import { setTimeout as pause } from "node:timers/promises";
import { CommandError } from "./command-error.js";
import { askNode } from "./node-client.js";
import type { Target } from "./target.js";
import type { SiteView } from "../verify/site-view.js";

/** A request for digests reads a million records or a whole run of four million at most. */
const DIGEST_MS_MAX = 300_000;
/** A node that has enough to do (429) is asked again so often. */
const BUSY_PAUSE_MS = 500;
const BUSY_TRIES_MAX = 120;

/** A site to be compared, over its node's HTTP API. */
export function httpSite(target: Target): SiteView {
  const ask = async <T>(path: string, body: object): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await askNode<T>(target, path, body, { msMax: DIGEST_MS_MAX });
      } catch (error) {
        const isBusy = error instanceof CommandError && error.message.endsWith("(OVERLOADED)");
        if (!isBusy || tries === BUSY_TRIES_MAX) throw error;
        await pause(BUSY_PAUSE_MS);
      }
    }
  };
  return {
    holdings: (request) => ask("/api/holdings", request),
    digests: (request) => ask("/api/digests", request),
    repair: (request) => ask("/api/repair", request),
  };
}
