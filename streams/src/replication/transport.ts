import type { Frame } from "@landfall/proto/gen/landfall/v1/replication";

/** One open connection to a peer. Frames arrive in order, once, or not at all. */
export interface Channel {
  /** Queues a frame. Never throws; on a closed channel it does nothing. */
  send(frame: Frame): void;
  /** Bytes queued and not yet handed to the network. */
  readonly queuedBytes: number;
  /** Called for each frame. Set before the first turn of the event loop after the channel was handed over. */
  onFrame: (frame: Frame) => void;
  /** Called once, with the reason in words. No frame follows. */
  onClose: (reason: string) => void;
  /** Closes both directions; what is queued may be lost. Idempotent; `onClose` is called. */
  close(reason: string): void;
}

/** What the listener learned of the dialler before the first frame. */
export interface Credentials {
  readonly site: string;
  readonly token: string;
}

export interface Listener {
  /** Port that is listened on (useful where 0 was asked for). */
  readonly port: number;
  close(): Promise<void>;
}

/** Connections between sites. One implementation over gRPC, one in memory for simulations. */
export interface Transport {
  /**
   * Opens a channel to `host:port`.
   * @throws LandfallError PROTOCOL_ERROR when nobody answers within the time, UNAUTHENTICATED when refused
   */
  dial(address: string, credentials: Credentials): Promise<Channel>;
  /**
   * Accepts channels; `admit` says why a dialler is refused, or undefined.
   * @throws LandfallError PORT_IN_USE
   */
  listen(
    address: string,
    admit: (credentials: Credentials) => string | undefined,
    accept: (channel: Channel, credentials: Credentials) => void,
  ): Promise<Listener>;
}
