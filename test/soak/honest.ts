import { connect } from "node:net";
import { readFileSync } from "node:fs";
import { connect as tls } from "node:tls";
import { MqttClient } from "mqtt";
import { reading } from "../support/sensor.js";

export interface HonestOptions {
  readonly name: string;
  readonly password: string;
  readonly container: string;
  readonly address: string;
  readonly port: number;
  /** Over TLS, when set: authority of the broker's certificate. */
  readonly ca?: string;
}

/** Between two readings. */
const EVERY_MS = 1_000;
/** What is not acknowledged so long after the last reading never will be. */
const STOP_MS_MAX = 60_000;
/** Now and then a sensor is switched off and on: it has to get in again through all the others. */
const RESTART_CHANCE = 1 / 120;

/** A sensor that does what it should: one reading a second at QoS 1, each said again until it is acknowledged. */
export class HonestSensor {
  /** Times of readings that were acknowledged; how long each PUBACK took, and when it came (`performance.now`). */
  readonly acknowledged: number[] = [];
  readonly ackMs: number[] = [];
  readonly ackAt: number[] = [];
  readonly signInMs: number[] = [];
  /** Connections that ended without being asked to, after and before they had signed in. */
  cuts = 0;
  turnedAway = 0;
  /** Readings whose publish ended with an error, and what the last one said. */
  failed = 0;
  lastFailure: string | undefined;
  #client: MqttClient | undefined;
  #isStopping = false;
  #timer: NodeJS.Timeout | undefined;
  #time = Date.now() - 86_400_000;
  #pending = 0;

  constructor(
    private readonly options: HonestOptions,
    private readonly random: () => number,
  ) {}

  /** Resolves when it is signed in; from then on it reports. */
  async start(): Promise<void> {
    await this.#connect();
    this.#next();
  }

  /** Reports no more, and waits for what is not acknowledged; `pending` says what never was. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    const end = performance.now() + STOP_MS_MAX;
    while (this.#pending > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    await this.#client?.endAsync(this.#pending > 0);
  }

  /** Readings that are not answered. */
  get pending(): number {
    return this.#pending;
  }

  async #connect(): Promise<void> {
    const { name, password, port, address, ca } = this.options;
    const started = performance.now();
    const where = { port, host: "127.0.0.1", localAddress: address };
    const pem = ca === undefined ? undefined : readFileSync(ca);
    const client = new MqttClient(
      () => (pem ? tls({ ...where, ca: pem, checkServerIdentity: () => undefined } as never) : connect(where)),
      {
        protocolVersion: 4,
        clientId: name,
        username: name,
        password,
        clean: true,
        reconnectPeriod: 200,
        keepalive: 60,
      },
    );
    this.#client = client;
    client.on("error", () => undefined);
    let isIn = false;
    client.on("close", () => {
      if (client !== this.#client || this.#isStopping) return;
      if (isIn) this.cuts++;
      else this.turnedAway++;
    });
    await new Promise<void>((resolve) => client.once("connect", () => resolve()));
    isIn = true;
    this.signInMs.push(performance.now() - started);
  }

  #next(): void {
    if (this.#isStopping) return;
    const wait = EVERY_MS * (0.5 + this.random());
    this.#timer = setTimeout(() => {
      if (this.#pending === 0 && this.random() < RESTART_CHANCE) void this.#restart().then(() => this.#next());
      else {
        this.#report();
        this.#next();
      }
    }, wait);
  }

  #report(): void {
    const time = this.#time++;
    const sent = performance.now();
    this.#pending++;
    const topic = `containers/${this.options.container}/telemetry`;
    this.#client?.publish(topic, reading({ time }), { qos: 1 }, (error) => {
      // What is given up at the end was never answered.
      if (error && this.#isStopping) return;
      this.#pending--;
      if (error) {
        this.failed++;
        this.lastFailure = error.message;
        return;
      }
      this.acknowledged.push(time);
      this.ackAt.push(performance.now());
      this.ackMs.push(performance.now() - sent);
    });
  }

  async #restart(): Promise<void> {
    const old = this.#client;
    this.#client = undefined;
    await old?.endAsync();
    await this.#connect();
  }
}
