import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

/** What a test leaves behind. */
export interface Closing {
  /** Done after the test: what was pushed last comes first. */
  push(...closes: readonly (() => Promise<unknown>)[]): void;
  /** A folder of the test's own, removed behind all that is closed in it. */
  folder(name: string): Promise<string>;
}

/** For the suite that calls this. */
export function closingAfterEach(): Closing {
  let steps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of steps.toReversed()) await close();
    steps = [];
  });
  return {
    push: (...closes) => void steps.push(...closes),
    async folder(name) {
      const folder = await mkdtemp(join(tmpdir(), `landfall-${name}-`));
      steps.unshift(() => rm(folder, { recursive: true, force: true }));
      return folder;
    },
  };
}
