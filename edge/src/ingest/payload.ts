import { isUtf8 } from "node:buffer";
import { PAYLOAD_BYTES_MAX } from "../limits.js";
import { problem, type Problem } from "./problem.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** The JSON object that a payload holds, or why it is none. */
export function readPayload(bytes: Uint8Array): { readonly object: Record<string, unknown> } | Problem {
  if (bytes.byteLength > PAYLOAD_BYTES_MAX) {
    const wanted = `at most ${PAYLOAD_BYTES_MAX} (64 KiB)`;
    return problem("PAYLOAD_TOO_LARGE", "payload", `the payload has ${bytes.byteLength} bytes: want ${wanted}`);
  }
  if (bytes.byteLength === 0) return notJson("the payload is empty");
  if (!isUtf8(bytes)) return notJson("the payload is not UTF-8 text");
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch (error) {
    return notJson(`the payload is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return notJson(
      `the payload is JSON, but ${Array.isArray(value) ? "a list" : `a bare ${value === null ? "null" : typeof value}`}`,
    );
  }
  const object = value as Record<string, unknown>;
  // JSON.parse keeps the last of two equal keys and says nothing; another reader may keep the first.
  if (countTopLevelKeys(bytes) !== Object.keys(object).length) {
    return notJson("the payload names a field twice, and readers disagree on which of the two counts");
  }
  return { object };
}

function notJson(what: string): Problem {
  return problem("NOT_JSON", "payload", `${what}: want one JSON object, e.g. {"temperatureC": 4.5}`);
}

/** Keys of the outermost object, as they stand in valid JSON text: its colons that are in no string and no inner value. */
function countTopLevelKeys(json: Uint8Array): number {
  let depth = 0;
  let keys = 0;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte === QUOTE) {
      for (i++; json[i] !== QUOTE; i++) if (json[i] === BACKSLASH) i++;
    } else if (byte === COLON) {
      if (depth === 1) keys++;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth++;
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    }
  }
  return keys;
}
