/**
 * Runs at most once per `everyMs`, the first call at once, the last of several at the end of the wait. Never two at
 * the same time: a call that comes while one is under way starts the next when it has ended.
 */
export function throttle(everyMs: number, run: () => Promise<void>): { trigger(): void } {
  let busy = false;
  let wanted = false;

  const start = (): void => {
    wanted = false;
    busy = true;
    const settle = (): void => {
      setTimeout(() => {
        busy = false;
        if (wanted) start();
      }, everyMs);
    };
    run().then(settle, settle);
  };

  return {
    trigger() {
      if (busy) wanted = true;
      else start();
    },
  };
}
