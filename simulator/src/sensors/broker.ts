import { GATEWAYS_PER_BROKER, OUTBOX_MESSAGES_MAX } from "../limits.js";
import { hash } from "../random.js";
import type { Publish } from "../world/state.js";
import { Gateway } from "./gateway.js";
import { Outbox } from "./outbox.js";

export interface BrokerAddress {
  /** Site of the node, e.g. `ship-9321483`. */
  readonly site: string;
  /** e.g. `mqtt://127.0.0.1:1883` */
  readonly url: string;
  /** Brokers of the site's other nodes, to which gateways turn when this one does not answer. */
  readonly others?: readonly string[];
  readonly username?: string;
  readonly password?: string;
}

/**
 * The gateways of one ship or yard. Everything about one container goes through the same gateway, so that it comes
 * in its order.
 */
export class Broker {
  readonly site: string;
  private readonly lanes: { readonly outbox: Outbox; readonly gateway: Gateway }[];

  constructor(address: BrokerAddress) {
    this.site = address.site;
    const login = {
      ...(address.username !== undefined && { username: address.username }),
      ...(address.password !== undefined && { password: address.password }),
    };
    this.lanes = Array.from({ length: GATEWAYS_PER_BROKER }, (_, i) => {
      const outbox = new Outbox(Math.ceil(OUTBOX_MESSAGES_MAX / GATEWAYS_PER_BROKER));
      const urls = [address.url, ...(address.others ?? [])];
      return { outbox, gateway: new Gateway(urls, `gateway-${address.site}-${i + 1}`, outbox, login) };
    });
  }

  start(): void {
    for (const { gateway } of this.lanes) gateway.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.lanes.map(({ gateway }) => gateway.stop()));
  }

  push(publish: Publish): void {
    // containers/<container>/… and ships/<imo>/…: the second part says whose it is.
    const whose = publish.topic.split("/")[1] ?? "";
    this.lanes[hash(0, whose) % this.lanes.length]?.outbox.push(publish);
  }

  pump(): void {
    for (const { gateway } of this.lanes) gateway.pump();
  }

  get isConnected(): boolean {
    return this.lanes.every(({ gateway }) => gateway.isConnected);
  }

  /** Messages not acknowledged yet. */
  get pending(): number {
    return this.lanes.reduce((sum, { outbox }) => sum + outbox.size, 0);
  }

  get dropped(): number {
    return this.lanes.reduce((sum, { outbox }) => sum + outbox.dropped, 0);
  }

  get acknowledged(): number {
    return this.lanes.reduce((sum, { gateway }) => sum + gateway.acknowledged, 0);
  }

  unacknowledged(): Publish[] {
    return this.lanes.flatMap(({ outbox }) => outbox.unacknowledged());
  }
}
