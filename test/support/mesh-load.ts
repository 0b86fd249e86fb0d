import { Gateway } from "@landfall/simulator/sensors/gateway";
import { Outbox } from "@landfall/simulator/sensors/outbox";
import { eventually } from "./eventually.js";
import type { Mesh } from "./mesh.js";
import { containerNumber, reading } from "./sensor.js";

const CONTAINERS = Array.from({ length: 40 }, (_, i) => containerNumber(700 + i));
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");
/** Of one gateway: while so many wait for their broker, its sensors say nothing new. */
const WAITING_MAX = 500;
/** Long after a broker on a busy machine should have answered. */
const ACKNOWLEDGED_MS = 300_000;

/**
 * A gateway of the demo at each site that publishes readings, in turn for forty containers, until stopped. The stock client's
 * own repeating after a reconnect is not used: it forgets what it has under way when a new publish takes a number that
 * an old one had.
 */
export class MeshLoad {
  #going = true;
  /** Resolves when the load may go on; while nobody has paused it, at once. */
  #open: Promise<void> = Promise.resolve();
  #resume: () => void = () => undefined;
  /** By site, how many readings were published. */
  readonly published: number[];
  readonly #outboxes: readonly Outbox[];
  readonly #gateways: readonly Gateway[];

  /** @param pauseMs between two readings of one site */
  constructor(
    mesh: Mesh,
    private readonly pauseMs: number,
  ) {
    this.published = mesh.sites.map(() => 0);
    this.#outboxes = mesh.sites.map(() => new Outbox(Number.POSITIVE_INFINITY));
    this.#gateways = mesh.sites.map(
      ({ mqttPort }, i) => new Gateway([`mqtt://127.0.0.1:${mqttPort}`], `gateway-${i}`, this.#outboxes[i] as Outbox),
    );
    for (const [site, gateway] of this.#gateways.entries()) {
      gateway.start();
      void this.#run(gateway, this.#outboxes[site] as Outbox, site);
    }
  }

  get total(): number {
    return this.published.reduce((sum, count) => sum + count, 0);
  }

  get acknowledged(): number {
    return this.#outboxes.reduce((left, { size }) => left - size, this.total);
  }

  async #run(gateway: Gateway, outbox: Outbox, site: number): Promise<void> {
    for (;;) {
      await this.#open;
      if (!this.#going) return;
      if (outbox.size < WAITING_MAX) {
        this.#say(outbox, site);
        gateway.pump();
      }
      await new Promise<void>((resolve) => {
        setTimeout(resolve, this.pauseMs);
      });
    }
  }

  #say(outbox: Outbox, site: number, note = ""): void {
    const n = this.published[site] as number;
    this.published[site] = n + 1;
    const topic = `containers/${CONTAINERS[n % CONTAINERS.length]}/telemetry`;
    const timeMs = FIRST_MS + n * 1_000;
    outbox.push({ via: "", topic, payload: readingOf(site, n, timeMs, note), timeMs });
  }

  /** Publishes so many readings of one site at once, each with a note of so many characters; resolves when they are acknowledged. */
  async burst(site: number, count: number, noteChars: number): Promise<void> {
    const outbox = this.#outboxes[site] as Outbox;
    for (let i = 0; i < count; i++) this.#say(outbox, site, "x".repeat(noteChars));
    const said = this.published[site] as number;
    this.#gateways[site]?.pump();
    const acknowledged = (): number => (this.published[site] as number) - outbox.size;
    await eventually(`${count} readings to be acknowledged`, () => acknowledged() >= said, ACKNOWLEDGED_MS);
  }

  /** Publishes nothing more for now. Resolves when everything that was published is acknowledged, over reconnects too. */
  async pause(): Promise<void> {
    this.#open = new Promise((resolve) => (this.#resume = resolve));
    await eventually("everything to be acknowledged", () => this.acknowledged === this.total, ACKNOWLEDGED_MS);
  }

  resume(): void {
    this.#resume();
  }

  async close(): Promise<void> {
    this.#going = false;
    this.#resume();
    await Promise.all(this.#gateways.map((gateway) => gateway.stop()));
  }
}

/** The n-th reading of a site: it says which one it is. */
function readingOf(site: number, n: number, time: number, note: string): string {
  return reading({ time, temperatureC: (n % 50) - 10, site, n, ...(note !== "" && { note }) });
}

/** Which reading a record is. */
export function identify(value: string): { readonly site: number; readonly n: number } {
  return JSON.parse(value) as { site: number; n: number };
}
