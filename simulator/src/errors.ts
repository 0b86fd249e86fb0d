/** What the simulator and the demo raise themselves: a message that says what is wrong, where, and what to do. */
export class SimulatorError extends Error {
  override readonly name = "SimulatorError";
  constructor(
    readonly code: SimulatorErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
  get status(): number {
    return STATUS[this.code];
  }
}

const STATUS = {
  INVALID_ARGUMENT: 400,
  INVALID_SETTINGS: 500,
  NOT_FOUND: 404,
  CONFLICT: 409,
  UNSUPPORTED_FORMAT: 500,
  FOLDER_IN_USE: 500,
  PORT_IN_USE: 500,
  UNREACHABLE: 502,
  OVERLOADED: 429,
} as const;

export type SimulatorErrorCode = keyof typeof STATUS;

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
