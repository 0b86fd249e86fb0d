import type { AedesPublishPacket, PubrelPacket, Subscription } from "aedes";

/** A message on its way to a client, or the PUBREL that stands for it in the second half of QoS 2. */
export type Outgoing = (
  AedesPublishPacket | (PubrelPacket & { topic?: undefined; payload?: undefined; qos?: undefined })
) & {
  brokerId?: string;
  brokerCounter?: number;
};

export interface QueueLimits {
  readonly queuedPerClientMax: number;
  readonly queuedBytesPerClientMax: number;
}

/** What is kept for one client id between its connections, bounded. */
export class Session {
  readonly subscriptions = new Map<string, Subscription>();
  /** Message ids of QoS 2 publishes that were stored and not yet released. */
  readonly incoming = new Map<number, AedesPublishPacket>();
  #outgoing: Outgoing[] = [];
  #bytes = 0;

  get isEmpty(): boolean {
    return this.subscriptions.size === 0 && this.incoming.size === 0 && this.#outgoing.length === 0;
  }

  get outgoing(): readonly Outgoing[] {
    return this.#outgoing;
  }

  /** False when there is no room for it. */
  queue(packet: Outgoing, limits: QueueLimits): boolean {
    const bytes = this.#bytes + bytesOf(packet);
    if (this.#outgoing.length >= limits.queuedPerClientMax || bytes > limits.queuedBytesPerClientMax) return false;
    this.#outgoing.push(packet);
    this.#bytes = bytes;
    return true;
  }

  /** Gives a queued message the id under which it was sent, or puts its PUBREL in its place. False when it is not queued. */
  update(packet: Outgoing): boolean {
    const at = this.#outgoing.findIndex((queued) =>
      queued.brokerId === packet.brokerId && queued.brokerId !== undefined
        ? queued.brokerCounter === packet.brokerCounter
        : queued.messageId === packet.messageId,
    );
    const queued = this.#outgoing[at];
    if (queued === undefined) return false;
    if (queued.cmd === "publish" && packet.cmd === "publish") Object.assign(queued, { messageId: packet.messageId });
    else {
      this.#bytes -= bytesOf(queued);
      this.#outgoing[at] = packet;
    }
    return true;
  }

  /** The message that a client has acknowledged, taken off; undefined when none has that id. */
  acknowledged(messageId: number | undefined): Outgoing | undefined {
    const at = this.#outgoing.findIndex((queued) => queued.messageId === messageId);
    if (at < 0) return undefined;
    const [packet] = this.#outgoing.splice(at, 1);
    if (packet !== undefined) this.#bytes -= bytesOf(packet);
    return packet;
  }
}

function bytesOf({ topic = "", payload = "" }: Outgoing): number {
  return topic.length + payload.length;
}
