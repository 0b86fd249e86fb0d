import type { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import type { PeerCertificate } from "../identity/peer-certificate.js";
import type { ErrorCode, LandfallError } from "../model/errors.js";

/** Bytes of records in a frame: nearly all of what it takes. */
export function payloadBytes(body: Frame["body"]): number {
  if (body?.$case === "data") return body.value.block.byteLength;
  return body?.$case === "sealed" ? body.value.bytes.byteLength : 0;
}

/** One open connection to a peer. Frames arrive in order, once, or not at all. */
export interface Channel {
  /** What the peer proved with its certificate; absent on a channel without TLS. */
  readonly certificate?: PeerCertificate;
  /** Queues a frame. Never throws; on a closed channel it does nothing. */
  send(frame: Frame): void;
  /** About so many bytes are queued and not yet handed to the network. */
  readonly queuedBytes: number;
  /** Called for each frame; frames that come before it is set wait for it. */
  onFrame: (frame: Frame) => void;
  /**
   * Called once, soon after it is set where the channel has closed before; no frame follows. The code is CLOSED for a link that ended as links do, and what went wrong
   * otherwise, on this side or, as it said, on the other.
   */
  onClose: (why: LandfallError) => void;
  /**
   * Closes both directions; what is queued may be lost. Idempotent; `onClose` is called. The reason and code reach the other
   * side, unless the code is CLOSED: then a listener's alone do.
   */
  close(reason: string, code?: ErrorCode): void;
}

/** How a site says who it is where there is no TLS. */
export interface Credentials {
  readonly site: string;
  readonly token: string;
}

/** What the listener learned of the dialler before the first frame: proven by a certificate, or claimed. */
export interface Caller extends Credentials {
  readonly certificate?: PeerCertificate;
  /** It takes the listener's hello before it has said its own: that saves a round trip. */
  readonly takesHello?: boolean;
}

export interface Listener {
  /** Port that is listened on (useful where 0 was asked for). */
  readonly port: number;
  close(): Promise<void>;
}

export interface ListenerEvents {
  /** Why a caller is refused, or undefined. */
  admit(caller: Caller): LandfallError | undefined;
  accept(channel: Channel, caller: Caller): void;
  /** Somebody was turned away before it had said who it is. `from` is its address. */
  turnedAway(why: LandfallError, from: string): void;
}

/** Connections between sites. One implementation over gRPC, one in memory for simulations. */
export interface Transport {
  /**
   * Opens a channel to `host:port`, where `site` is expected.
   * @throws LandfallError UNAVAILABLE when nobody answers within the time, CERTIFICATE_REFUSED when somebody else
   * answers or our certificate is refused there, UNAUTHENTICATED when this site is refused there
   */
  dial(address: string, site: string, credentials: Credentials): Promise<Channel>;
  /** @throws LandfallError PORT_IN_USE */
  listen(address: string, events: ListenerEvents): Promise<Listener>;
}
