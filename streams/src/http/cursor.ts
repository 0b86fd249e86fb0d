import { LandfallError } from "../model/errors.js";
import { originId, type StreamName } from "../model/names.js";
import type { Cursor } from "../model/record.js";
import { CURSOR_CHARS_MAX, CURSOR_ORIGINS_MAX } from "./http-limits.js";

/** What the text holds: the cursor, and its stream, so that it is not used on another by mistake. */
interface CursorText extends Cursor {
  readonly stream: string;
}

/** A cursor as clients hold it: opaque, valid at every site (O4). */
export function encodeCursor(stream: StreamName, cursor: Cursor): string {
  const text: CursorText = { ...cursor, stream };
  return Buffer.from(JSON.stringify(text)).toString("base64url");
}

/** @throws LandfallError INVALID_ARGUMENT when the text is none of ours, of another version or another stream */
export function decodeCursor(stream: StreamName, text: string): Cursor {
  if (text.length > CURSOR_CHARS_MAX) throw refused(`it is longer than ${CURSOR_CHARS_MAX} characters`);
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw refused("it is not base64url");
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch (error) {
    throw refused("it was changed on the way", error);
  }
  if (typeof value !== "object" || value === null) throw refused("it was changed on the way");
  const { v, next, stream: of } = value as Partial<CursorText>;
  if (v !== 1) throw refused("its version is not known here");
  if (of !== stream) throw refused(`it belongs to another stream than ${stream}`);
  if (typeof next !== "object" || next === null || Array.isArray(next)) throw refused("it was changed on the way");
  const entries = Object.entries(next);
  if (entries.length > CURSOR_ORIGINS_MAX) throw refused(`it names more than ${CURSOR_ORIGINS_MAX} origins`);
  for (const [origin, seq] of entries) {
    if (!Number.isSafeInteger(seq) || seq < 0) throw refused("it was changed on the way");
    try {
      originId(origin);
    } catch (error) {
      throw refused("it was changed on the way", error);
    }
  }
  // Whatever else a later minor version adds to a cursor is the store's to read.
  const { stream: _stream, ...cursor } = value as CursorText;
  return cursor;
}

function refused(why: string, cause?: unknown): LandfallError {
  return new LandfallError(
    "INVALID_ARGUMENT",
    `body/cursor: not a cursor of this stream: ${why}; leave it out to read from the beginning`,
    { cause },
  );
}
