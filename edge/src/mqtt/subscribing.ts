import type { AedesPublishPacket, Client, Subscription } from "aedes";
import { grantedQos } from "./topic-filter.js";
import type { Sensor, TopicRules } from "./topic-rules.js";

export interface SubscribingOptions {
  readonly rules: TopicRules;
  readonly sensorOf: (client: Client) => Sensor | undefined;
  readonly subscriptionsPerClientMax: number;
  readonly complain: (client: Client, code: string, message: string) => void;
  /** Who was let be sent, or not, what a filter names. */
  readonly tell: (client: Client, status: 200 | 403, filter: string) => void;
}

/** What aedes keeps of a client's subscriptions, by filter. */
type Subscriptions = Readonly<Record<string, { readonly qos: number }>>;

/** Characters of a filter that a complaint shows. */
const FILTER_CHARS_SHOWN = 200;

/** Who is sent what: asked with every SUBSCRIBE, when a session comes back, and before every delivery. */
export class Subscribing {
  readonly #options: SubscribingOptions;

  constructor(options: SubscribingOptions) {
    this.#options = options;
  }

  /** The subscription as it is granted, or null: 0x80 in the SUBACK. */
  authorize(client: Client, subscription: Subscription): Subscription | null {
    const { complain, tell, subscriptionsPerClientMax } = this.#options;
    const { topic } = subscription;
    if (!this.may(client, topic)) {
      const shown = JSON.stringify(topic.slice(0, FILTER_CHARS_SHOWN));
      complain(client, "SUBSCRIPTION_DENIED", `the client may not be sent what ${shown} names`);
      tell(client, 403, topic);
      return null;
    }
    const held = subscriptionsOf(client);
    if (!Object.hasOwn(held, topic) && Object.keys(held).length >= subscriptionsPerClientMax) {
      const message = `a client has at most ${subscriptionsPerClientMax} subscriptions (mqtt.subscriptionsPerClientMax)`;
      complain(client, "TOO_MANY_SUBSCRIPTIONS", message);
      return null;
    }
    // That a device listens for its own commands needs no telling.
    if (/[+#]/.test(topic)) tell(client, 200, topic);
    return subscription;
  }

  may(client: Client | undefined, filter: string): boolean {
    const sensor = client && this.#options.sensorOf(client);
    return sensor !== undefined && this.#options.rules.maySubscribe(sensor, filter);
  }

  /** The message as this client gets it, or null: it may have lost the right since it subscribed. */
  forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const sensor = this.#options.sensorOf(client);
    if (sensor === undefined || !this.#options.rules.mayReceive(sensor, packet.topic)) return null;
    const qos = grantedQos(subscriptionsOf(client), packet.topic, packet.qos);
    return qos === packet.qos ? packet : { ...packet, qos };
  }
}

function subscriptionsOf(client: Client): Subscriptions {
  return (client as Client & { readonly subscriptions: Subscriptions }).subscriptions;
}
