import type { Env, TimerHandle } from "@landfall/streams/env";
import type { Exceptions, Sisters } from "@landfall/streams/node/node";
import type { Logger } from "pino";
import { ALONE_MS, ALONE_TICK_MS } from "../limits.js";

export interface SecondNodeOptions {
  readonly sisters: Pick<Sisters, "connected" | "waiting">;
  readonly env: Env;
  readonly log: Logger;
  readonly exceptions: Exceptions;
}

/**
 * Says when nothing can be acknowledged because no second node is in reach: at once in `/readyz`, and once in
 * `<owner>.exceptions` when messages have waited for a while.
 */
export class SecondNodeWatch {
  readonly #options: SecondNodeOptions;
  #timer: TimerHandle | undefined;
  /** Since when somebody waits in vain. */
  #since: number | undefined;
  #isTold = false;

  constructor(options: SecondNodeOptions) {
    this.#options = options;
  }

  /** Why the node is not ready, or undefined. */
  problem(): string | undefined {
    const isAlone = this.#options.sisters.connected().length === 0;
    return isAlone
      ? "no second node of this site is in reach, so nothing is acknowledged (cluster.ack: quorum)"
      : undefined;
  }

  start(): void {
    this.#timer = this.#options.env.setTimer(ALONE_TICK_MS, () => {
      this.#look();
      this.start();
    });
  }

  close(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { sisters, env, log, exceptions } = this.#options;
    const problem = this.problem();
    if (problem === undefined) {
      if (this.#isTold) log.info({ sisters: sisters.connected() }, "a second node is in reach again");
      this.#isTold = false;
      this.#since = undefined;
      return;
    }
    if (sisters.waiting === 0) return;
    this.#since ??= env.monotonic();
    if (this.#isTold || env.monotonic() - this.#since < ALONE_MS) return;
    this.#isTold = true;
    exceptions.report({ code: "NO_SECOND_NODE", source: "cluster", message: problem });
  }
}
