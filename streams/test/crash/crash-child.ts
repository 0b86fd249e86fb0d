import { systemEnv } from "../../src/env.js";
import { streamName } from "../../src/model/names.js";
import { openEmbeddedStore } from "../../src/store/embedded-store.js";
import { FOREIGN } from "../../testing/store-fixture.js";
import { foreignRecords, idOf, idsOf, recordFor } from "./crash-record.js";
import type { OriginId, StreamName } from "../../src/model/names.js";
import type { Appended } from "../../src/store/store.js";

/**
 * The process that real-kills.ts kills: appends and applies as fast as it can from several callers at once, sealing and
 * merging all the time, and says on its standard output what was acknowledged: `stream origin seq offset received id;`.
 */
const [folder = "", life = "0"] = process.argv.slice(2);
type Place = Pick<Appended, "seq" | "offset" | "received">;
const CALLERS = 6;
const FOREIGN_RECORDS = 8;
const store = await openEmbeddedStore({ folder, site: "tokyo", node: "a", env: systemEnv, journalFileBytes: 100_000 });
process.stdout.write(`origin ${store.origin}\n`);

function say(stream: StreamName, origin: OriginId, { seq, offset, received }: Place, id: string): void {
  process.stdout.write(`${stream} ${origin} ${seq} ${offset} ${received} ${id};\n`);
}

async function call(caller: number): Promise<never> {
  const stream = streamName(`customer-${caller % 3}.containers`);
  for (let i = 0; ; i++) {
    const ids = idsOf(`life${life}-caller${caller}`, i, 1 + ((i * 7 + caller) % 20));
    const appended = await store.append(
      stream,
      ids.map((id) => recordFor(stream, id)),
    );
    appended.forEach((one, n) => say(stream, store.origin, one, ids[n] ?? ""));
  }
}

async function relay(stream: StreamName): Promise<never> {
  for (;;) {
    const batch = foreignRecords(stream, store.vector(stream)[FOREIGN] ?? 0, FOREIGN_RECORDS);
    await store.apply(batch);
    for (const record of batch.records) say(stream, FOREIGN, record, idOf(record.value));
  }
}

await Promise.all([
  ...Array.from({ length: CALLERS }, (_, caller) => call(caller)),
  relay(streamName("customer-0.containers")),
]);
