/** The closed list of what can go wrong. Tests and clients look at the code, never at the message. */
export const ERROR_CODES = {
  INVALID_NAME: { http: 400, retriable: false },
  INVALID_ARGUMENT: { http: 400, retriable: false },
  INVALID_EXPRESSION: { http: 400, retriable: false },
  INVALID_SETTINGS: { http: 500, retriable: false },
  VALUE_TOO_LARGE: { http: 413, retriable: false },
  UNAUTHENTICATED: { http: 401, retriable: false },
  /** A peer's certificate: unknown authority, expired, revoked, another site's, or none at all. */
  CERTIFICATE_REFUSED: { http: 401, retriable: false },
  /** Also what a forbidden stream looks like from outside (A3). */
  NOT_FOUND: { http: 404, retriable: false },
  STREAM_NOT_FOUND: { http: 404, retriable: false },
  TOPIC_NOT_FOUND: { http: 404, retriable: false },
  /** A site has written, or would write, into a stream in which it may not produce (R8). */
  PRODUCE_FORBIDDEN: { http: 403, retriable: false },
  /** A site offers a stream that it may not hold (R8). */
  REPLICATE_FORBIDDEN: { http: 403, retriable: false },
  /** Who looks as somebody else changes nothing. */
  PREVIEW_ONLY: { http: 403, retriable: false },
  /** What was to be changed is not what it was when the asker looked. */
  CONFLICT: { http: 409, retriable: false },
  CLOSED: { http: 503, retriable: true },
  DISK_FULL: { http: 503, retriable: true },
  DISK_FAILED: { http: 503, retriable: false },
  CLOCK_REFUSED: { http: 503, retriable: false },
  CORRUPT_BLOCK: { http: 500, retriable: false },
  SEQ_GAP: { http: 500, retriable: true },
  FOLDER_IN_USE: { http: 500, retriable: false },
  UNSUPPORTED_FORMAT: { http: 500, retriable: false },
  /** A peer speaks no version of the protocol between sites that this one does. */
  UNSUPPORTED_VERSION: { http: 500, retriable: false },
  /** A peer says that it has records, and does not send them when it is asked. */
  CLAIM_UNMET: { http: 500, retriable: true },
  PROTOCOL_ERROR: { http: 500, retriable: false },
  PORT_IN_USE: { http: 500, retriable: false },
  /** A defect: something that nobody foresaw. Its cause is in the log. */
  INTERNAL: { http: 500, retriable: false },
  /** Another process has taken this one's name: this one writes no more. */
  FENCED: { http: 503, retriable: false },
  /** Another node of the site brings this now. */
  TAKEN_OVER: { http: 503, retriable: true },
  /** Another program that this one needs does not answer. */
  UNAVAILABLE: { http: 503, retriable: true },
  OVERLOADED: { http: 429, retriable: true },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Every error that Landfall itself raises. `cause` holds what the system or a library said. */
export class LandfallError extends Error {
  override readonly name = "LandfallError";
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
  get retriable(): boolean {
    return ERROR_CODES[this.code].retriable;
  }
  get httpStatus(): number {
    return ERROR_CODES[this.code].http;
  }
}

export function isLandfallError(error: unknown, code?: ErrorCode): error is LandfallError {
  return error instanceof LandfallError && (code === undefined || error.code === code);
}
