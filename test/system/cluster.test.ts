import type { StatusReply } from "@landfall/proto/api";
import type { MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, askJson, recordsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { connectFailingOver, containerNumber, reading } from "../support/sensor.js";
import type { Service } from "../support/service.js";
import { startShipCluster, type ShipCluster } from "../support/ship-cluster.js";
import { OPS_TOKEN, SHIP } from "../support/small-fleet.js";

const STREAM = "bigblue.unassigned";
const CONTAINERS = Array.from({ length: 9 }, (_, i) => containerNumber(900 + i));
const FIRST_MS = Date.parse("2026-05-01T00:00:00.000Z");
/** What one sensor sends before it has heard that the one before is safe. */
const IN_FLIGHT_MAX = 10;

/** A sensor of one container that knows every broker on board, begins at one of them, and sends until it is stopped. */
class Sensor {
  readonly acknowledged: string[] = [];
  #client: MqttClient | undefined;
  #going = true;
  #done: Promise<void> | undefined;
  #next = 0;

  constructor(
    readonly container: string,
    private readonly ports: readonly number[],
  ) {}

  async start(): Promise<void> {
    this.#client = await connectFailingOver(this.ports, `sensor of ${this.container}`);
    this.#done = this.#run(this.#client);
  }

  async #run(client: MqttClient): Promise<void> {
    const inFlight = new Set<Promise<void>>();
    while (this.#going) {
      const n = this.#next++;
      const message = reading({ time: FIRST_MS + n * 60_000, temperatureC: (n % 50) - 10, n });
      const sent: Promise<void> = client
        .publishAsync(`containers/${this.container}/telemetry`, message, { qos: 1 })
        .then(() => void this.acknowledged.push(message))
        .finally(() => inFlight.delete(sent));
      inFlight.add(sent);
      if (inFlight.size >= IN_FLIGHT_MAX) await Promise.race(inFlight);
      // Load, not a flood: a steady stream that lasts through the kill.
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 5);
      });
    }
    await Promise.all(inFlight);
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#done;
  }

  async end(): Promise<void> {
    await this.#client?.endAsync(true);
  }
}

describe("a ship of three nodes loses one for good", () => {
  let ship: ShipCluster;
  let sensors: Sensor[] = [];

  beforeAll(async () => {
    ship = await startShipCluster();
    // Three sensors begin at each broker.
    sensors = CONTAINERS.map((container, i) => {
      const { mqttPorts } = ship;
      return new Sensor(container, [...mqttPorts.slice(i % 3), ...mqttPorts.slice(0, i % 3)]);
    });
    await Promise.all(sensors.map((sensor) => sensor.start()));
  });
  afterAll(async () => {
    await Promise.all(sensors.map((sensor) => sensor.end()));
    await ship?.close();
  });

  const count = () => sensors.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);

  async function expectOnce(service: Service): Promise<void> {
    for (const { container, acknowledged } of sensors) {
      const got = await eventually(`${acknowledged.length} records of ${container} at ${service.name}`, async () => {
        const records = await recordsOf(service, STREAM, container);
        return records.length >= acknowledged.length && records;
      });
      expect(got.map(({ value }) => value ?? "").toSorted()).toEqual(acknowledged.toSorted());
    }
  }

  it("S1, I1: sensors turn to other brokers, and nothing acknowledged goes with the disk", async () => {
    await eventually("some load", () => count() > 500);
    const before = sensors.map(({ acknowledged }) => acknowledged.length);
    await ship.nodes.b.kill9();
    ship.loseDisk("b");
    await eventually("every sensor to be heard elsewhere", () =>
      sensors.every(({ acknowledged }, i) => acknowledged.length > (before[i] as number) + 50),
    );
    await Promise.all(sensors.map((sensor) => sensor.stop()));
    for (const service of [ship.nodes.a, ship.nodes.c]) await expectOnce(service);
  });

  it("R3, R5: ashore comes everything that was acknowledged, once, also what the lost node had taken in", async () => {
    for (const node of ["a", "c"] as const) ship.ashore[node].restore();
    await expectOnce(ship.port);
    // One node may have sent it all before the other's link is there.
    await eventually("both nodes' links to the port", async () => {
      const { peers, links } = await askJson<StatusReply>(ship.port, "/api/status", OPS_TOKEN);
      const names = peers.map(({ site, node }) => `${site}.${node}`).toSorted();
      const nodes = links.map(({ node = "" }) => node).toSorted();
      return names.join() === `ship-${SHIP}.a,ship-${SHIP}.c` && nodes.join() === "a,c";
    });
    const origins = new Set((await recordsOf(ship.port, STREAM, CONTAINERS[1] as string)).map(({ origin }) => origin));
    expect([...origins].some((origin) => origin.startsWith(`ship-${SHIP}.b~`))).toBe(true);
  });

  it("R1: a new node with the lost one's name gets everything, and takes sensors again", async () => {
    ship.ashore.b.restore();
    // Ready once it has caught up.
    await ship.nodes.b.start();
    await expectOnce(ship.nodes.b);
    const [container] = CONTAINERS;
    const sensor = await connectFailingOver([ship.mqttPorts[1] as number], "a sensor that begins at the new node");
    const [old] = sensors[0]?.acknowledged ?? [];
    // Already taken in, by whichever node it was.
    await sensor.publishAsync(`containers/${container}/telemetry`, old ?? "", { qos: 1 });
    const fresh = reading({ time: FIRST_MS - 60_000, temperatureC: 4 });
    await sensor.publishAsync(`containers/${container}/telemetry`, fresh, { qos: 1 });
    sensors[0]?.acknowledged.push(fresh);
    await sensor.endAsync(true);
    await expectOnce(ship.port);
    await eventually("the new node to reach both others", async () =>
      /landfall_cluster_nodes_in_reach\{[^}]*\} 2/.test((await ask(ship.nodes.b, "/metrics", OPS_TOKEN)).text),
    );
  });
});
