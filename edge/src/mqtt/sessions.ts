import { Readable } from "node:stream";
import type { AedesPublishPacket, Client, PublishPacket, Subscription } from "aedes";
import { RETAINED_BYTES_MAX } from "../limits.js";
import { Session, type Outgoing, type QueueLimits } from "./session.js";
import { filterMatches } from "./topic-filter.js";

export interface SessionsOptions extends QueueLimits {
  /** Sessions that outlive their connection. */
  readonly sessionsMax: number;
  readonly isConnected: (clientId: string) => boolean;
  /** Whether a client's subscription may outlive its connection: aedes hands over all filters of a packet of which one is allowed. */
  readonly mayKeep: (clientId: string, filter: string) => boolean;
  /** Something was left out or forgotten: there was no room for it. */
  readonly onFull: (
    clientId: string,
    code: "QUEUE_FULL" | "SESSION_FORGOTTEN" | "RETAINED_FULL",
    message: string,
  ) => void;
}

type Id = Pick<Client, "id">;

/**
 * What the broker keeps in memory for its clients, in the shape that aedes asks for: sessions, wills, retained messages. Unlike
 * the one that comes with it, it forgets a client of which nothing is left, and has a bound for everything that clients
 * can make it keep. Commands are in the store; readings are never here.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  /** In the order in which they were last begun. */
  readonly #sessions = new Map<string, Session>();
  readonly #retained = new Map<string, PublishPacket>();
  readonly #wills = new Map<string, PublishPacket>();
  #retainedBytes = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Clients of which something is kept. */
  get size(): number {
    return this.#sessions.size;
  }

  get wills(): number {
    return this.#wills.size;
  }

  async setup(): Promise<void> {}

  async destroy(): Promise<void> {}

  async storeRetained(packet: PublishPacket): Promise<void> {
    const before = this.#retained.get(packet.topic);
    if (before) this.#retainedBytes -= before.topic.length + before.payload.length;
    this.#retained.delete(packet.topic);
    if (packet.payload.length === 0) return;
    const bytes = packet.topic.length + packet.payload.length;
    if (this.#retainedBytes + bytes > RETAINED_BYTES_MAX) {
      const message = `${packet.topic}: kept for nobody who subscribes later, all such messages have ${RETAINED_BYTES_MAX} bytes`;
      return this.#options.onFull("", "RETAINED_FULL", message);
    }
    this.#retained.set(packet.topic, { ...packet });
    this.#retainedBytes += bytes;
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    const found = filters.flatMap((filter) =>
      [...this.#retained.values()].filter(({ topic }) => filterMatches(filter, topic)),
    );
    return Readable.from(found);
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  async addSubscriptions({ id }: Id, subscriptions: readonly Subscription[]): Promise<void> {
    const session = this.#open(id);
    for (const { topic, qos } of subscriptions) {
      if (this.#options.mayKeep(id, topic)) session.subscriptions.set(topic, { topic, qos });
    }
    this.#tidy(id);
  }

  async removeSubscriptions({ id }: Id, filters: readonly string[]): Promise<void> {
    const session = this.#sessions.get(id);
    for (const filter of filters) session?.subscriptions.delete(filter);
    this.#tidy(id);
  }

  async subscriptionsByClient({ id }: Id): Promise<Subscription[]> {
    return [...(this.#sessions.get(id)?.subscriptions.values() ?? [])];
  }

  /** 3.1.2-6: a clean session begins with nothing, what waited for the client included. */
  async cleanSubscriptions({ id }: Id): Promise<void> {
    this.#sessions.delete(id);
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    const subsCount = [...this.#sessions.values()].reduce((sum, { subscriptions }) => sum + subscriptions.size, 0);
    return { subsCount, clientsCount: this.#sessions.size };
  }

  /** Of each client one, with the largest QoS of those that match. */
  async subscriptionsByTopic(topic: string): Promise<(Subscription & { clientId: string })[]> {
    const found: (Subscription & { clientId: string })[] = [];
    for (const [clientId, { subscriptions }] of this.#sessions) {
      const matching = [...subscriptions.values()].filter((sub) => sub.qos > 0 && filterMatches(sub.topic, topic));
      const [best] = matching.sort((a, b) => b.qos - a.qos);
      if (best) found.push({ ...best, clientId });
    }
    return found;
  }

  async outgoingEnqueue(
    { clientId, qos }: { clientId: string; qos?: number },
    packet: AedesPublishPacket,
  ): Promise<void> {
    const granted = Math.min(qos ?? packet.qos, packet.qos) as 0 | 1 | 2;
    const queued = { ...packet, qos: granted, messageId: undefined } as unknown as Outgoing;
    if (this.#open(clientId).queue(queued, this.#options)) return;
    const message = `a message for it is left out, too many wait for it (mqtt.queuedPerClientMax, mqtt.queuedBytesPerClientMax)`;
    this.#options.onFull(clientId, "QUEUE_FULL", message);
  }

  async outgoingEnqueueCombi(
    subscriptions: readonly { clientId: string; qos?: number }[],
    packet: AedesPublishPacket,
  ): Promise<void> {
    for (const subscription of subscriptions) await this.outgoingEnqueue(subscription, packet);
  }

  async outgoingUpdate({ id }: Id, packet: Outgoing): Promise<void> {
    if (this.#sessions.get(id)?.update(packet) !== true) throw new Error("no such packet");
  }

  async outgoingClearMessageId({ id }: Id, { messageId }: { messageId?: number }): Promise<Outgoing | undefined> {
    const cleared = this.#sessions.get(id)?.acknowledged(messageId);
    this.#tidy(id);
    return cleared;
  }

  /** 3.3.1-1: what was sent before is marked so. */
  outgoingStream({ id }: Id): Readable {
    const queued = this.#sessions.get(id)?.outgoing ?? [];
    return Readable.from(
      queued.map((packet) =>
        packet.cmd === "publish" && packet.messageId !== undefined ? { ...packet, dup: true } : packet,
      ),
    );
  }

  async incomingStorePacket({ id }: Id, packet: AedesPublishPacket): Promise<void> {
    if (packet.messageId === undefined) return;
    // Whether it came before is all that is asked: its bytes are in the store, or were handed on.
    this.#open(id).incoming.set(packet.messageId, { ...packet, payload: "" });
  }

  async incomingGetPacket({ id }: Id, { messageId = -1 }: { messageId?: number }): Promise<AedesPublishPacket> {
    const packet = this.#sessions.get(id)?.incoming.get(messageId);
    if (packet === undefined) throw new Error("no such packet");
    return packet;
  }

  async incomingDelPacket({ id }: Id, { messageId = -1 }: { messageId?: number }): Promise<void> {
    if (this.#sessions.get(id)?.incoming.delete(messageId) !== true) throw new Error("no such packet");
    this.#tidy(id);
  }

  async cleanIncoming({ id }: Id): Promise<void> {
    this.#sessions.get(id)?.incoming.clear();
    this.#tidy(id);
  }

  /** Whether a QoS 2 publish of this id was taken in and not yet released. */
  hasTaken(id: string, messageId: number | undefined): boolean {
    return messageId !== undefined && this.#sessions.get(id)?.incoming.has(messageId) === true;
  }

  async putWill({ id }: Id, packet: PublishPacket): Promise<void> {
    this.#wills.set(id, packet);
  }

  async getWill({ id }: Id): Promise<PublishPacket | undefined> {
    return this.#wills.get(id);
  }

  async delWill({ id }: Id): Promise<PublishPacket | undefined> {
    const will = this.#wills.get(id);
    this.#wills.delete(id);
    return will;
  }

  /** Wills of brokers that died: there is no other broker whose wills would be here. */
  streamWill(): Readable {
    return Readable.from([]);
  }

  #open(id: string): Session {
    const known = this.#sessions.get(id) ?? new Session();
    this.#sessions.delete(id);
    this.#sessions.set(id, known);
    if (this.#sessions.size > this.#options.sessionsMax) this.#forgetOldest();
    return known;
  }

  #forgetOldest(): void {
    for (const id of this.#sessions.keys()) {
      // Those that are connected have the bound of connections.
      if (this.#options.isConnected(id)) continue;
      this.#sessions.delete(id);
      return this.#options.onFull(
        id,
        "SESSION_FORGOTTEN",
        "its session is forgotten, others are newer (mqtt.sessionsMax)",
      );
    }
  }

  #tidy(id: string): void {
    if (this.#sessions.get(id)?.isEmpty === true) this.#sessions.delete(id);
  }
}
