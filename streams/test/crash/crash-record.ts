import { crc32 } from "node:zlib";
import { topicName } from "../../src/model/names.js";
import { seededRandom } from "../../testing/seeded-random.js";
import { FOREIGN, START_MS, text } from "../../testing/store-fixture.js";
import type { StreamName } from "../../src/model/names.js";
import type { NewRecord, Offset, Seq, TimestampMs } from "../../src/model/record.js";
import type { Batch } from "../../src/store/store.js";

/**
 * Which record of which append this is: `run.append.index.size`, `size` being how many records the append had. All the
 * rest of a record follows from its stream and this, so that whoever finds it can tell whether it was invented.
 */
export type RecordId = `${string}.${number}.${number}.${number}`;

const TOPICS = 6;
const VALUE_BYTES_MAX = 3_000;

/** The ids of an append of so many records. */
export function idsOf(run: string, append: number, size: number): RecordId[] {
  return Array.from({ length: size }, (_, index): RecordId => `${run}.${append}.${index}.${size}`);
}

export function recordFor(stream: StreamName, id: RecordId): NewRecord {
  const random = seededRandom(crc32(`${stream} ${id}`));
  return {
    topic: topicName(`topic-${Math.floor(random() * TOPICS)}`),
    timestamp: (START_MS + Math.floor(random() * 1_000_000)) as TimestampMs,
    headers: random() < 0.5 ? {} : { id, kind: "telemetry" },
    // Mostly short, now and then larger than a block of the small journals here.
    value: text(`${id} ${".".repeat(Math.floor(random() ** 4 * VALUE_BYTES_MAX))}`),
  };
}

export function idOf(value: Uint8Array): RecordId {
  return new TextDecoder().decode(value).split(" ", 1)[0] as RecordId;
}

/** What an origin elsewhere appended: its records from `firstSeq` on. */
export function foreignRecords(stream: StreamName, firstSeq: number, count: number): Batch {
  const records = Array.from({ length: count }, (_, i) => {
    const seq = firstSeq + i;
    return {
      ...recordFor(stream, `foreign.${seq}.0.1`),
      headers: { kind: "foreign" },
      seq: seq as Seq,
      offset: (START_MS * 1000 + seq * 1024) as Offset,
      received: (START_MS + seq) as TimestampMs,
    };
  });
  return { stream, origin: FOREIGN, firstSeq: firstSeq as Seq, records };
}
