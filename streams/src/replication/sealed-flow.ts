import { SEALED_RECORDS_MIN, SEALED_RUNS_OPEN_MAX, SEALED_RUN_IDLE_MS } from "../limits.js";
import { LandfallError } from "../model/errors.js";
import type { Env } from "../env.js";
import type { OriginId, StreamName } from "../model/names.js";
import type { Seq } from "../model/record.js";
import type { LocalStore, SealedRunReader, SealedRunWriter } from "../store/store.js";
import type { Effect, KeyId, MachineState, RunFacts } from "./machine-state.js";

/** What a `read` effect is answered with when a sealed run begins there. */
export interface Part {
  readonly run: RunFacts;
  readonly first: number;
  readonly next: number;
  readonly bytes: Uint8Array;
}

interface Outgoing {
  readonly reader: SealedRunReader;
  usedAt: number;
}

/**
 * Sealed runs on their way out and in. A run that is being sent stays open, also for a while after its link was cut: the
 * peer that comes back goes on with the very same blocks, whatever was merged meanwhile.
 */
export class SealedFlow {
  readonly #outgoing = new Map<string, Outgoing>();
  readonly #incoming = new Map<KeyId, SealedRunWriter>();

  constructor(
    private readonly store: LocalStore,
    private readonly env: Env,
    private readonly machine: MachineState,
  ) {}

  /**
   * Undefined when what is wanted is to be sent record by record; "preparing" when a run is being made of it: `prepared` is
   * called when it is there, or is not to be had.
   * @throws LandfallError CORRUPT_BLOCK, DISK_FAILED
   */
  async read(effect: Extract<Effect, { type: "read" }>, prepared: () => void): Promise<Part | "preparing" | undefined> {
    const { stream, origin, from, staged, isFirst, prepare, maxBytes } = effect;
    const outgoing = this.#known(effect) ?? (await this.#open(effect));
    if (outgoing?.reader.run.packed !== true && prepare) {
      const preparing = this.store.prepareSealed(stream, origin, from as Seq, isFirst);
      if (preparing !== undefined) {
        preparing.then((reader) => void (reader === undefined || this.#keep(reader))).then(prepared, prepared);
        return "preparing";
      }
    }
    if (outgoing === undefined) return undefined;
    outgoing.usedAt = this.env.monotonic();
    const { run } = outgoing.reader;
    const first = staged?.run === run.id && staged.blocks < run.blocks ? staged.blocks : 0;
    return { run, first, ...(await outgoing.reader.read(first, maxBytes)) };
  }

  /** @throws LandfallError CORRUPT_BLOCK, SEQ_GAP, DISK_FULL, DISK_FAILED, TAKEN_OVER */
  async stage(
    { key, run, first, next, payload }: Extract<Effect, { type: "stage" }>,
    isOver: () => boolean,
  ): Promise<void> {
    const names = this.machine.keys.get(key);
    if (names === undefined) return;
    if (first === 0) {
      await this.drop(key);
      this.#incoming.set(key, await this.store.receiveSealed({ ...run, ...names }));
    }
    const writer = this.#incoming.get(key);
    if (writer === undefined) return;
    try {
      await writer.add(payload as Uint8Array);
      if (isOver()) throw new LandfallError("TAKEN_OVER", `${key}: another node of this site brings it`);
      if (next < run.blocks) return;
      this.#incoming.delete(key);
      await writer.finish();
    } catch (error) {
      await this.drop(key);
      throw error;
    }
  }

  /** A run of which a former process has left the first blocks. */
  goOn(key: KeyId, writer: SealedRunWriter): void {
    this.#incoming.set(key, writer);
  }

  /** Forgets what came of a run: its records come another way. */
  async drop(key: KeyId): Promise<void> {
    const writer = this.#incoming.get(key);
    this.#incoming.delete(key);
    await writer?.abandon();
  }

  /** Runs of this origin are not sent any more: what they hold was given up. */
  forget(stream: StreamName, origin: OriginId): void {
    for (const [id, { reader }] of this.#outgoing) {
      if (reader.run.stream !== stream || reader.run.origin !== origin) continue;
      this.#outgoing.delete(id);
      void reader.close();
    }
  }

  /** Once in a while: closes what nobody asked for in a long time. */
  tick(): void {
    const old = this.env.monotonic() - SEALED_RUN_IDLE_MS;
    for (const [id, { reader, usedAt }] of this.#outgoing) {
      if (usedAt > old && this.#outgoing.size <= SEALED_RUNS_OPEN_MAX) continue;
      this.#outgoing.delete(id);
      void reader.close();
    }
  }

  async close(): Promise<void> {
    const open = [...this.#outgoing.values()];
    this.#outgoing.clear();
    await Promise.all(open.map(({ reader }) => reader.close()));
    await Promise.all([...this.#incoming.values()].map((writer) => writer.suspend()));
  }

  /** The run of which blocks were sent already, or else one that begins there. */
  #known({ stream, origin, from, staged }: Extract<Effect, { type: "read" }>): Outgoing | undefined {
    const begun = staged === undefined ? undefined : this.#outgoing.get(staged.run);
    const candidates = begun === undefined ? [...this.#outgoing.values()].reverse() : [begun];
    return candidates.find(
      ({ reader: { run } }) => run.stream === stream && run.origin === origin && run.from === from,
    );
  }

  async #open({ stream, origin, from }: Extract<Effect, { type: "read" }>): Promise<Outgoing | undefined> {
    const reader = await this.store.openSealed(stream, origin, from as Seq);
    if (reader === undefined) return undefined;
    if (reader.run.count >= SEALED_RECORDS_MIN) return this.#keep(reader);
    await reader.close();
    return undefined;
  }

  #keep(reader: SealedRunReader): Outgoing {
    const known = this.#outgoing.get(reader.run.id);
    if (known !== undefined) {
      // Two peers have asked for it at the same time, and the other one is being read for already.
      void reader.close();
      return known;
    }
    const outgoing = { reader, usedAt: this.env.monotonic() };
    this.#outgoing.set(reader.run.id, outgoing);
    return outgoing;
  }
}
