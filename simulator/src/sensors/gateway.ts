import { connect, type MqttClient } from "mqtt";
import { GATEWAY_ANSWER_MS_MAX, GATEWAY_IN_FLIGHT_MAX, GATEWAY_RETRY_MS_MAX, GATEWAY_RETRY_MS_MIN } from "../limits.js";
import type { Outbox } from "./outbox.js";

/** Keep-alive, seconds: a broker that vanished without a word is noticed within one and a half of them. */
const KEEP_ALIVE_S = 10;

/** One connection of sensors to a broker, or to another when that one does not answer: sends what is in the outbox, QoS 1, and again until it is acknowledged. */
export class Gateway {
  private client: MqttClient | undefined;
  private connected = false;
  private inFlight = 0;
  private failures = 0;
  private turn = 0;
  private retry: NodeJS.Timeout | undefined;
  private watchdog: NodeJS.Timeout | undefined;
  private lastAnswerMs = 0;
  private stopped = false;
  private acknowledgedCount = 0;

  /** @param urls brokers of one ship or yard; after a failure the next one is dialled */
  constructor(
    private readonly urls: readonly string[],
    private readonly clientId: string,
    private readonly outbox: Outbox,
    private readonly options: { readonly username?: string; readonly password?: string } = {},
  ) {}

  get isConnected(): boolean {
    return this.connected;
  }

  /** PUBACKs since the start. */
  get acknowledged(): number {
    return this.acknowledgedCount;
  }

  start(): void {
    this.dial();
    this.watchdog = setInterval(() => this.watch(), GATEWAY_ANSWER_MS_MAX / 4);
    this.watchdog.unref();
  }

  /** Sends as much as may be under way; to be called when something was put into the outbox. */
  pump(): void {
    const { client } = this;
    if (!this.connected || client === undefined) return;
    while (this.inFlight < GATEWAY_IN_FLIGHT_MAX) {
      const next = this.outbox.take();
      if (next === undefined) return;
      if (this.inFlight++ === 0) this.lastAnswerMs = performance.now();
      client.publish(next.publish.topic, next.publish.payload, { qos: 1 }, (error) => {
        // A callback of a connection that is gone: its messages are in the outbox again.
        if (client !== this.client) return;
        this.inFlight--;
        this.lastAnswerMs = performance.now();
        if (error === undefined || error === null) {
          this.acknowledgedCount++;
          next.acknowledged();
        }
        this.pump();
      });
    }
  }

  /** Says goodbye. What is not acknowledged stays in the outbox. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.retry);
    clearInterval(this.watchdog);
    const { client } = this;
    this.lose();
    await client?.endAsync(true).catch(() => undefined);
  }

  private dial(): void {
    const client = connect(this.urls[this.turn % this.urls.length] ?? "", {
      // aedes speaks 3.1.1.
      protocolVersion: 4,
      clientId: this.clientId,
      clean: true,
      keepalive: KEEP_ALIVE_S,
      connectTimeout: GATEWAY_ANSWER_MS_MAX,
      // The outbox knows what to send again; a new connection starts clean.
      reconnectPeriod: 0,
      resubscribe: false,
      ...this.options,
    });
    this.client = client;
    client.on("connect", () => {
      if (client !== this.client) return;
      this.connected = true;
      this.failures = 0;
      this.pump();
    });
    // The reason comes with close; without a listener it would be thrown.
    client.on("error", () => undefined);
    client.on("close", () => {
      if (client === this.client) this.again(client);
    });
  }

  private again(client: MqttClient): void {
    this.lose();
    client.end(true);
    if (this.stopped) return;
    this.turn++;
    const wait = Math.min(GATEWAY_RETRY_MS_MAX, GATEWAY_RETRY_MS_MIN * 2 ** Math.min(this.failures++, 8));
    this.retry = setTimeout(() => this.dial(), wait);
  }

  private lose(): void {
    this.client = undefined;
    this.connected = false;
    this.inFlight = 0;
    this.outbox.connectionLost();
  }

  /** A broker that takes messages and acknowledges none, or never answers CONNECT, is dialled anew. */
  private watch(): void {
    const { client } = this;
    if (client === undefined || this.inFlight === 0) return;
    if (performance.now() - this.lastAnswerMs > GATEWAY_ANSWER_MS_MAX) this.again(client);
  }
}
