import { systemEnv } from "../src/env.js";
import { streamName, topicName } from "../src/model/names.js";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import type { TimestampMs } from "../src/model/record.js";

/**
 * The process that embedded-crash.test.ts kills: appends as fast as it can from several callers at once, and says on its
 * standard output what was acknowledged, one line each: `stream seq offset value;`.
 */
const [folder = "", life = "0"] = process.argv.slice(2);
const CALLERS = 6;
const store = await openEmbeddedStore({ folder, site: "tokyo", node: "a", env: systemEnv, journalFileBytes: 300_000 });
process.stdout.write(`origin ${store.origin}\n`);

async function call(caller: number): Promise<never> {
  const stream = streamName(`customer-${caller % 3}.containers`);
  for (let i = 0; ; i++) {
    const values = Array.from({ length: 1 + ((i * 7 + caller) % 20) }, (_, n) => `${life}/${caller}/${i}/${n}`);
    const padding = ".".repeat((i * 131) % 4_000);
    const records = values.map((value, n) => ({
      topic: topicName(`topic-${n % 4}`),
      timestamp: systemEnv.now() as TimestampMs,
      value: new TextEncoder().encode(`${value} ${padding}`),
    }));
    const appended = await store.append(stream, records);
    process.stdout.write(appended.map(({ seq, offset }, n) => `${stream} ${seq} ${offset} ${values[n]};\n`).join(""));
  }
}

await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
