import { RECORD_HEADER_BYTES, RECORD_TOPIC_AT, viewOf } from "./block-layout.js";
import { journalFields, journalRecordAt } from "./journal-block.js";
import type { JournalBlock } from "./journal-block.js";

/** The records of a block of version 1, whose names stand in a table, as version 2 has them: each name behind the fixed fields. */
export function inSecondVersion(block: JournalBlock): Uint8Array {
  const { bytes, count, recordsAt } = block;
  const fields = journalFields();
  let size = 0;
  for (let i = 0, at = recordsAt; i < count; i++) {
    const { nameBytes, end } = journalRecordAt(block, at, fields);
    size += end - at + nameBytes;
    at = end;
  }
  const records = new Uint8Array(size);
  const view = viewOf(records);
  let to = 0;
  for (let i = 0, at = recordsAt; i < count; i++) {
    const { nameAt, nameBytes, headersAt, end } = journalRecordAt(block, at, fields);
    records.set(bytes.subarray(at, at + RECORD_HEADER_BYTES), to);
    view.setUint16(to + RECORD_TOPIC_AT, nameBytes, true);
    to += RECORD_HEADER_BYTES;
    records.set(bytes.subarray(nameAt, nameAt + nameBytes), to);
    to += nameBytes;
    records.set(bytes.subarray(headersAt, end), to);
    to += end - headersAt;
    at = end;
  }
  return records;
}
