import { expect } from "vitest";
import { isLandfallError } from "../../src/model/errors.js";
import { streamName } from "../../src/model/names.js";
import { openEmbeddedStore } from "../../src/store/embedded-store.js";
import { verifyFolder } from "../../src/store/verify-folder.js";
import { ManualEnv } from "../../testing/manual-env.js";
import { MemoryDisk } from "../../testing/memory-disk.js";
import { FOREIGN, START_MS } from "../../testing/store-fixture.js";
import { foreignRecords, idsOf, recordFor } from "./crash-record.js";
import { Oracle } from "./oracle.js";
import type { ErrorCode } from "../../src/model/errors.js";
import type { StreamName } from "../../src/model/names.js";
import type { EmbeddedStore } from "../../src/store/embedded-store.js";

export const FOLDER = "/data";
export const STREAMS = ["bigblue.containers", "bigblue.ships", "duckworks.containers"].map(streamName);
/** What an expiring store keeps; runs advance the clock far beyond it. */
export const AGE_MS = 10_000;
const HOUR_MS = 3_600_000;
/** How an append ends when the disk or the process fails under it. SEQ_GAP: the batch before was not kept. */
const FAILURES: readonly ErrorCode[] = ["DISK_FULL", "DISK_FAILED", "SEQ_GAP", "CLOSED", "CORRUPT_BLOCK"];

/** The lives of one node on one disk in memory, all that happens drawn from one seed. */
export class CrashRun {
  readonly disk = new MemoryDisk();
  readonly env: ManualEnv;
  readonly oracle = new Oracle();
  /** How often the fault struck. */
  strikes = 0;
  /** Damage is healed by a peer; everything else the store must survive alone. */
  isDamaged = false;
  private appends = 0;
  private readonly journalFileBytes: number;

  constructor(
    seed: number,
    private readonly isExpiring: boolean,
  ) {
    this.env = new ManualEnv(START_MS + HOUR_MS, seed);
    this.disk.writesThrough = seed % 2 === 1;
    this.journalFileBytes = 500 + this.below(6_000);
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.env.random() * bound);
  }

  open(): Promise<EmbeddedStore> {
    return openEmbeddedStore({
      folder: FOLDER,
      site: "tokyo",
      node: "a",
      env: this.env,
      disk: this.disk.boot(),
      // Small, so that lives end in the middle of files, between commits, and while much is sealed and merged.
      journalFileBytes: this.journalFileBytes,
      commitBytes: 4_000,
      cacheBytes: 0,
      ...(this.isExpiring ? { retention: () => ({ ageMs: AGE_MS }) } : {}),
    });
  }

  /** Appends and applies at once, to several streams. Returns the codes of what failed. */
  async burst(store: EmbeddedStore, size = 4): Promise<ErrorCode[]> {
    const failures: ErrorCode[] = [];
    const tolerate = (error: unknown): void => {
      if (!isLandfallError(error) || !FAILURES.includes(error.code)) throw error;
      failures.push(error.code);
    };
    const work: Promise<void>[] = [];
    for (let i = 0; i < 1 + this.below(size); i++) {
      const stream = STREAMS[this.below(STREAMS.length)] as StreamName;
      work.push(this.append(store, stream, 1 + this.below(5)).catch(tolerate));
      this.env.nowMs += 1;
      // Sometimes they wait for each other, sometimes they share a commit.
      if (this.env.random() < 0.4) await Promise.all(work);
    }
    const stream = STREAMS[this.below(STREAMS.length)] as StreamName;
    work.push(this.apply(store, stream, 1 + this.below(4)).catch(tolerate));
    await Promise.all(work);
    return failures;
  }

  /** A life that ends in some way that is not the fault in question. */
  async ordinaryLife(): Promise<void> {
    const store = await this.open();
    await this.oracle.check(store, this.expiredBefore);
    for (let i = this.below(4); i >= 0; i--) await this.burst(store);
    const end = this.below(3);
    if (end > 0) await store.sealNow();
    if (end === 1) this.disk.kill();
    await store.close().catch(() => undefined);
  }

  /** Everything is there, the store works on, and a last power cut changes nothing. */
  async verify(): Promise<void> {
    this.clearFaults();
    if (this.isDamaged) await this.heal();
    const first = await this.open();
    await this.oracle.check(first, this.expiredBefore);
    expect(await this.burst(first)).toEqual([]);
    this.disk.cutPower(this.env.random);
    await first.close().catch(() => undefined);
    const store = await this.open();
    await this.oracle.check(store, this.expiredBefore);
    await store.sealNow();
    await this.oracle.check(store, this.expiredBefore);
    await store.close();
    expect((await verifyFolder(this.disk, FOLDER, false)).findings).toEqual([]);
  }

  clearFaults(): void {
    Object.assign(this.disk.faults, {
      capacity: Number.POSITIVE_INFINITY,
      onSync: undefined,
      onWrite: undefined,
      onRead: undefined,
      onRename: undefined,
      onRemove: undefined,
    });
  }

  private get expiredBefore(): number | undefined {
    return this.isExpiring ? this.env.nowMs - AGE_MS : undefined;
  }

  /** Whoever finds damage serves the rest; opened again, it takes from a peer what is lost. */
  private async heal(): Promise<void> {
    const damaged = await this.open();
    await this.oracle.checkDamaged(damaged);
    await damaged.close();
    const store = await this.open();
    await this.oracle.heal(store);
    await store.sealNow();
    await store.close();
    // What no reader ever sees is mended by whoever looks at the folder.
    await verifyFolder(this.disk, FOLDER, true);
  }

  private async append(store: EmbeddedStore, stream: StreamName, size: number): Promise<void> {
    const ids = idsOf("memory", this.appends++, size);
    const appended = await store.append(
      stream,
      ids.map((id) => recordFor(stream, id)),
    );
    this.oracle.acknowledge(stream, store.origin, appended, ids);
  }

  private async apply(store: EmbeddedStore, stream: StreamName, count: number): Promise<void> {
    const batch = foreignRecords(stream, store.vector(stream)[FOREIGN] ?? 0, count);
    await store.apply(batch);
    this.oracle.acknowledgeBatch(batch);
  }
}
