import { describe, expect, it } from "vitest";
import { originId, streamName } from "../src/model/names.js";
import type { Seq } from "../src/model/record.js";
import { createMachine, keyId, type Effect } from "../src/replication/machine-state.js";
import { SealedFlow } from "../src/replication/sealed-flow.js";
import type { LocalStore, SealedRun, SealedRunReader } from "../src/store/store.js";
import { deferred } from "../testing/deferred.js";
import { ManualEnv } from "../testing/manual-env.js";

const STREAM = streamName("bigblue.containers");
const ORIGIN = originId("ship.a~x");
const RUN = {
  id: "run",
  stream: STREAM,
  origin: ORIGIN,
  from: 0 as Seq,
  to: 1_000 as Seq,
  count: 1_000,
  blocks: 2,
  bytes: 100,
  rawBytes: 100,
  packed: true,
} satisfies SealedRun;

/** A run that can be read as long as it is open; a read ends when it is let. */
class SlowReader implements SealedRunReader {
  readonly run = RUN;
  readonly gate = deferred<void>();
  isClosed = false;

  async read(block: number): Promise<{ bytes: Uint8Array; next: number }> {
    await this.gate.promise;
    if (this.isClosed) throw new Error("read after it was closed");
    return { bytes: new Uint8Array(50), next: block + 1 };
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

describe("sealed runs that are sent", () => {
  it("S3: two peers that ask for one at the same time both get it, from one file that stays open", async () => {
    const opened = [deferred<SlowReader>(), deferred<SlowReader>()];
    const opening = opened.values();
    const store = {
      openSealed: () => opening.next().value?.promise,
      prepareSealed: () => undefined,
    } as unknown as LocalStore;
    const flow = new SealedFlow(store, new ManualEnv(0), createMachine("ship.a", ORIGIN));
    const asked = {
      type: "read",
      requestId: 1,
      key: keyId(STREAM, ORIGIN),
      stream: STREAM,
      origin: ORIGIN,
      from: 0,
      to: Infinity,
      maxBytes: 1_000,
      digests: [],
      sealed: true,
      staged: undefined,
      isFirst: true,
      prepare: true,
    } satisfies Omit<Extract<Effect, { type: "read" }>, "conn">;
    const parts = [1, 2].map((conn) => flow.read({ ...asked, conn }, () => undefined));
    const readers = [new SlowReader(), new SlowReader()];
    for (const [i, reader] of readers.entries()) {
      opened[i]?.resolve(reader);
      await opened[i]?.promise;
      // As long as it takes until it is read for.
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    for (const { gate } of readers) gate.resolve();
    expect(await Promise.all(parts)).toMatchObject([{ next: 1 }, { next: 1 }]);
    expect(readers.map(({ isClosed }) => isClosed)).toEqual([false, true]);
  });
});
