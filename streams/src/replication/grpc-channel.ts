import { Metadata, status, type ClientDuplexStream, type ServerDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { ReplicationService, type Frame } from "@landfall/proto/gen/landfall/v1/replication";
import type { PeerCertificate } from "../identity/peer-certificate.js";
import { ERROR_CODES, LandfallError, type ErrorCode } from "../model/errors.js";
import { payloadBytes, type Channel } from "./transport.js";

/** Trailer in which a listener names its error code; the status carries the words. */
export const CODE_TRAILER = "landfall-code";
/** Of what a stranger says, so much is kept; and of what is said to one. */
const WORDS_CHARS_MAX = 500;
/** What a frame takes besides records, about: most that are not records are as short. */
const FRAME_BYTES = 64;

const STATUS_OF: Readonly<Partial<Record<ErrorCode, status>>> = {
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  CERTIFICATE_REFUSED: status.UNAUTHENTICATED,
  UNSUPPORTED_VERSION: status.FAILED_PRECONDITION,
  OVERLOADED: status.RESOURCE_EXHAUSTED,
};

const CODE_OF: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.OK]: "CLOSED",
  [status.CANCELLED]: "CLOSED",
  [status.UNAVAILABLE]: "CLOSED",
  [status.UNAUTHENTICATED]: "UNAUTHENTICATED",
};

/** An error as a gRPC status with its code beside it. */
export function toStatus(error: LandfallError): Partial<ServiceError> & Error {
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, error.code);
  const code = STATUS_OF[error.code] ?? status.INTERNAL;
  // Half of a pair of surrogates, which may be left of what a stranger calls itself, makes grpc-js throw.
  const details = Buffer.from(error.message.slice(0, WORDS_CHARS_MAX)).toString();
  return Object.assign(new Error(error.message), { code, details, metadata });
}

/** What a gRPC error means, with the words of whoever raised it. */
export function fromStatus(error: Partial<ServiceError> & Error): LandfallError {
  const named = error.metadata?.get(CODE_TRAILER)[0];
  const words = (error.details ?? error.message).slice(0, WORDS_CHARS_MAX);
  if (typeof named === "string" && isCode(named)) return theySay(named, words, error);
  const code = CODE_OF[error.code ?? status.UNKNOWN] ?? "PROTOCOL_ERROR";
  return new LandfallError(code, words, { cause: error });
}

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

function theySay(code: ErrorCode, words: string, cause?: unknown): LandfallError {
  return new LandfallError(code, `the other side says: ${words.slice(0, WORDS_CHARS_MAX)}`, { cause });
}

/** Stands for bytes that are no frame: grpc-js would end the call without telling its handler. */
const UNREADABLE: Frame = { body: undefined };

/** Reads a frame; what is none closes the channel that it came over. */
export function readFrame(bytes: Buffer): Frame {
  try {
    return ReplicationService.sync.requestDeserialize(bytes);
  } catch {
    return UNREADABLE;
  }
}

/**
 * A channel over one gRPC call, whichever side opened it.
 * @param release ends the call; `isOurs`: it was closed here, and the other side does not know why
 */
export function channelOver(
  call: ClientDuplexStream<Frame, Frame> | ServerDuplexStream<Frame, Frame>,
  certificate: PeerCertificate | undefined,
  release: (why: LandfallError, isOurs: boolean) => void,
): Channel {
  let closed: LandfallError | undefined;
  let onClose: Channel["onClose"] = () => undefined;
  let queuedBytes = 0;
  let onFrame: Channel["onFrame"] | undefined;
  const early: Frame[] = [];
  const deliver = (frame: Frame): void => {
    if (closed !== undefined) return;
    if (onFrame === undefined || early.length > 0) early.push(frame);
    else onFrame(frame);
  };
  const deliverEarly = (): void => {
    for (let frame = early[0]; frame !== undefined; frame = early[0]) {
      if (closed === undefined) onFrame?.(frame);
      early.shift();
    }
  };
  const finish = (why: LandfallError, isOurs = false) => {
    if (closed !== undefined) return;
    closed = why;
    release(why, isOurs);
    onClose(why);
  };
  const ended = (words: string) => () => finish(new LandfallError("CLOSED", words));
  const channel: Channel = {
    ...(certificate !== undefined && { certificate }),
    send(frame) {
      if (closed !== undefined) return;
      const bytes = payloadBytes(frame.body) + FRAME_BYTES;
      queuedBytes += bytes;
      call.write(frame, () => (queuedBytes -= bytes));
    },
    get queuedBytes() {
      return queuedBytes;
    },
    get onFrame() {
      return onFrame ?? (() => undefined);
    },
    set onFrame(given) {
      onFrame = given;
      // Whoever sets it may not be ready yet.
      if (early.length > 0) queueMicrotask(deliverEarly);
    },
    get onClose() {
      return onClose;
    },
    set onClose(given) {
      onClose = given;
      // It may have ended before anybody could set it.
      const why = closed;
      if (why !== undefined) queueMicrotask(() => given(why));
    },
    close: (reason, code = "CLOSED") => finish(new LandfallError(code, reason), true),
  };
  call.on("data", (frame: Frame) => {
    const { body } = frame;
    if (frame === UNREADABLE) channel.close("a frame that cannot be read", "PROTOCOL_ERROR");
    else if (body?.$case !== "closing") deliver(frame);
    else finish(theySay(isCode(body.value.code) ? body.value.code : "PROTOCOL_ERROR", body.value.message));
  });
  // A status, where there is one, says more than the end of the frames before it.
  const isClient = "getPeer" in call && "cancel" in call;
  if (isClient)
    call.on(
      "status",
      (given: { code: status }) => given.code === status.OK && ended("the other side closed the connection")(),
    );
  else call.on("end", ended("the other side closed the connection"));
  call.on("close", ended("the connection closed"));
  call.on("cancelled", ended("the connection was cut"));
  call.on("error", (error: Partial<ServiceError> & Error) => finish(fromStatus(error)));
  return channel;
}
