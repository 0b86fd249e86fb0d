import { SHOWN_CHARS_MAX } from "../limits.js";

/** Why a publish can never be stored, however often it is repeated. */
export type RefusalCode =
  | "UNKNOWN_TOPIC"
  | "BAD_IDENTIFIER"
  | "PAYLOAD_TOO_LARGE"
  | "NOT_JSON"
  | "BAD_TIME"
  | "BAD_VALUE"
  | "BAD_EVENT"
  | "NO_MEASUREMENT"
  | "REFUSED_BY_STORE";

/** One thing that is wrong: where, what stands there, and what is wanted, in a sentence. */
export interface Problem {
  readonly code: RefusalCode;
  /** Field of the payload, or `topic`, or `payload`. */
  readonly field: string;
  readonly message: string;
}

export function problem(code: RefusalCode, field: string, message: string): Problem {
  return { code, field, message };
}

/** A value as it is shown in an error: JSON, cut. */
export function show(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  const text = typeof value === "string" ? JSON.stringify(value.slice(0, SHOWN_CHARS_MAX + 1)) : JSON.stringify(value);
  if (text === undefined) return String(value);
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}
