/** What can go wrong with brokers of ours: a message that says what, and what to do. */
export class BrokersError extends Error {
  override readonly name = "BrokersError";
  constructor(
    readonly code: BrokersErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export type BrokersErrorCode =
  /** Neither a list of brokers nor Docker nor Java is here. */
  | "NO_WAY"
  | "INVALID_ARGUMENT"
  /** Kafka could not be fetched, or did not start. */
  | "UNAVAILABLE"
  /** It runs, and does not answer in time. */
  | "LATE"
  /** The brokers are somebody else's: nobody here may stop them. */
  | "NOT_OURS";
