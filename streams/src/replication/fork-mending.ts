import type { Logger } from "pino";
import type { Hole } from "../model/gap.js";
import type { OriginId } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { Exceptions } from "../node/node.js";
import type { Batch, LocalStore } from "../store/store.js";
import type { Effect, Key, KeyId, MachineEvent, MachineState } from "./machine-state.js";
import type { SealedFlow } from "./sealed-flow.js";

export interface ForkMendingOptions {
  readonly store: LocalStore;
  readonly machine: MachineState;
  readonly sealed: SealedFlow;
  readonly log: Logger;
  readonly exceptions: Exceptions;
  readonly run: (event: MachineEvent) => void;
  readonly failed: (what: string, key: KeyId, error: unknown) => void;
  /** What stands under the numbers of this key has changed. */
  readonly mended: (key: KeyId) => void;
}

/** Does in the store what the machine decides about forks, see forks.ts. */
export class ForkMending {
  constructor(private readonly options: ForkMendingOptions) {}

  async reincarnate({ key, next }: Extract<Effect, { type: "reincarnate" }>, peer: string): Promise<void> {
    const { store, exceptions, machine, run, failed } = this.options;
    const former = store.origin;
    let own: OriginId | undefined;
    try {
      // It may have been done because of another stream meanwhile.
      own = machine.keys.get(key)?.origin === former ? await store.reincarnate() : former;
    } catch (error) {
      failed("take a new origin because of", key, error);
    }
    if (own !== undefined && own !== former) {
      const message = `${peer} holds other records of this node, ${key}, up to seq ${next}: this folder was restored, and appends under ${own} from now on`;
      exceptions.report({ code: "RESTORED", source: "replication", message, detail: { peer } });
    }
    run({ type: "reincarnated", key, own });
  }

  async appendAgain({ key, from }: Extract<Effect, { type: "appendAgain" }>): Promise<void> {
    const { store, run, failed } = this.options;
    const { stream, origin } = this.nameOf(key);
    let ok = true;
    try {
      await store.appendAgain(stream, origin, from as Seq);
    } catch (error) {
      ok = false;
      failed("append again what was written under", key, error);
    }
    run({ type: "appendedAgain", key, ok });
  }

  async setAside({ key, isForked }: Extract<Effect, { type: "setAside" }>): Promise<void> {
    const { store, sealed, log, run, failed, mended } = this.options;
    const { stream, origin } = this.nameOf(key);
    let part: Hole | undefined;
    try {
      part = await store.setAside(stream, origin, isForked);
    } catch (error) {
      failed("give up what stands again of", key, error);
    }
    if (part !== undefined) {
      sealed.forget(stream, origin);
      mended(key);
      log.info(
        { key, from: part.from, to: part.to },
        "records stand under a later origin, their former numbers are free",
      );
    }
    run({ type: "setAside", key, part });
  }

  /** What was given up is not taken back from somebody who has not done so yet. */
  async standsAgain({ stream, origin, records: [first] }: Batch): Promise<boolean> {
    return first !== undefined && (await this.options.store.standsAgain(stream, origin, first));
  }

  private nameOf(key: KeyId): Key {
    return this.options.machine.keys.get(key) as Key;
  }
}
