import type { MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { book } from "../support/bookings.js";
import { login, recordsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { connectSensor, containerNumber, reading } from "../support/sensor.js";
import { startSmallFleet, type SmallFleet } from "../support/small-fleet.js";

const CONTAINERS = Array.from({ length: 10 }, (_, i) => containerNumber(500 + i));
const IN_FLIGHT_MAX = 50;
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");

/** Publishes readings of ten containers, in turn, until stopped; remembers those that were acknowledged. */
class Load {
  readonly acknowledged = new Map<string, string[]>(CONTAINERS.map((container) => [container, []]));
  #going = true;
  #next = 0;
  #done: Promise<void>;

  constructor(
    private readonly clients: readonly MqttClient[],
    private readonly startMs: number,
  ) {
    this.#done = this.#run();
  }

  get count(): number {
    return this.#next;
  }

  async #run(): Promise<void> {
    const inFlight = new Set<Promise<void>>();
    while (this.#going) {
      const n = this.#next++;
      const container = CONTAINERS[n % CONTAINERS.length] as string;
      const client = this.clients[n % this.clients.length] as MqttClient;
      const message = reading({ time: this.startMs + n * 1_000, temperatureC: (n % 50) - 10, n });
      const sent: Promise<void> = this.#send(client, container, message).finally(() => inFlight.delete(sent));
      inFlight.add(sent);
      if (inFlight.size >= IN_FLIGHT_MAX) await Promise.race(inFlight);
      // Load, not a flood: a steady stream that lasts through every kill.
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 1);
      });
    }
    await Promise.all(inFlight);
  }

  /** Resolves after the PUBACK, over reconnects too: the client sends again what was not acknowledged. */
  async #send(client: MqttClient, container: string, message: string): Promise<void> {
    await client.publishAsync(`containers/${container}/telemetry`, message, { qos: 1 });
    this.acknowledged.get(container)?.push(message);
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#done;
  }
}

describe("kill -9 of any one process under load", () => {
  let fleet: SmallFleet;
  let clients: MqttClient[] = [];
  let round = 0;

  beforeAll(async () => {
    fleet = await startSmallFleet();
    const ops = await login(fleet.losAngeles, "ops");
    fleet.portLink.restore();
    for (const container of CONTAINERS) {
      await book(fleet.losAngeles, ops, { container, owner: "duckworks", from: "2026-01-01T00:00:00.000Z" }, [
        fleet.ship,
        fleet.yard,
      ]);
    }
    clients = [
      await connectSensor(fleet.mqttPort, "gateway-1"),
      await connectSensor(fleet.mqttPort, "gateway-2"),
      await connectSensor(fleet.yardMqttPort, "gateway-3"),
    ];
  });
  afterAll(async () => {
    for (const client of clients) await client.endAsync(true);
    await fleet?.close();
  });

  const expected = new Map<string, string[]>(CONTAINERS.map((container) => [container, []]));

  it.each(["ship", "yard", "tokyo", "singapore", "losAngeles", "duckworks"] as const)(
    "S1, I1, R4: %s is killed twice; nothing acknowledged is lost, nothing is doubled, everywhere",
    async (name) => {
      const victim = fleet[name];
      const load = new Load(clients, FIRST_MS + round++ * 86_400_000);
      for (let kill = 1; kill <= 2; kill++) {
        const seen = load.count;
        await eventually("some load", () => load.count > seen + 300);
        await victim.kill9();
        if (name !== "ship" && name !== "yard") {
          const killed = load.count;
          await eventually("ingest to go on without the victim", () => load.count > killed + 100);
        }
        await victim.start();
      }
      const restarted = load.count;
      await eventually("load after the last restart", () => load.count > restarted + 300);
      await load.stop();
      for (const [container, messages] of load.acknowledged) expected.get(container)?.push(...messages);

      for (const service of [fleet.losAngeles, fleet.duckworks, fleet.tokyo, fleet.singapore]) {
        for (const container of CONTAINERS) {
          const want = (expected.get(container) ?? []).toSorted();
          const got = await eventually(`${want.length} records of ${container} at ${service.name}`, async () => {
            const records = await recordsOf(service, "duckworks.containers", container);
            return records.length >= want.length && records;
          });
          expect(got.map(({ value }) => value ?? "").toSorted()).toEqual(want);
        }
      }
    },
  );
});
