import type { ApiRecord } from "@landfall/proto/api";
import type { StoredRecord } from "../model/record.js";

// `ignoreBOM`: a value comes out byte for byte, so the mark must stay.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A record as the API shows it: its value as text where it is UTF-8, in base64 otherwise. */
export function toApiRecord(record: StoredRecord): ApiRecord {
  return {
    topic: record.topic,
    offset: record.offset,
    origin: record.origin,
    seq: record.seq,
    timestamp: new Date(record.timestamp).toISOString(),
    received: new Date(record.received).toISOString(),
    arrived: new Date(record.arrived).toISOString(),
    headers: record.headers,
    ...textOrBase64(record.value),
  };
}

function textOrBase64(value: Uint8Array): { value: string } | { valueBase64: string } {
  try {
    return { value: utf8.decode(value) };
  } catch {
    return { valueBase64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
}
