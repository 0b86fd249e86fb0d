import type { Logger } from "pino";

/** What was opened, closed in the reverse order; one failure does not keep the rest from being closed. */
export class Teardown {
  readonly #steps: { readonly name: string; readonly close: () => Promise<void> }[] = [];
  #done: Promise<void> | undefined;

  constructor(private readonly log: Logger) {}

  add(name: string, close: () => Promise<void>): void {
    this.#steps.push({ name, close });
  }

  /** Idempotent: a second caller waits for the first. */
  run(): Promise<void> {
    return (this.#done ??= this.#run());
  }

  async #run(): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step.close();
      } catch (error) {
        this.log.error({ err: error, part: step.name }, "not closed cleanly");
      }
    }
  }
}
