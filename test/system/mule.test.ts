import type { StatusReply, StreamsReply } from "@landfall/proto/api";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import type { MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askJson, recordsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { CARGO, PORTS, startMuleFleet, type MuleFleet, type Port, type Ship } from "../support/mule-fleet.js";
import { connectSensor, containerNumber, noise, reading } from "../support/sensor.js";
import type { Service } from "../support/service.js";
import { OPS_TOKEN } from "../support/small-fleet.js";
import { verifySites } from "../support/verify.js";

const SEED = testSeed(20_260_304);
const BACKLOG = 4_000;
const NOISE_CHARS = 120;
const LIVE = 100;
const IN_FLIGHT_MAX = 200;
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");
/** One container at each place that writes. */
const BOXES = { tokyo: containerNumber(701), sydney: containerNumber(702), idler: containerNumber(703) };
type Writer = keyof typeof BOXES;

describe(`a ship that sails between two ports which nothing links (seed ${SEED})`, () => {
  let fleet: MuleFleet;
  const random = seededRandom(SEED);
  const sensors: Partial<Record<Writer, MqttClient>> = {};
  const published: Record<Writer, string[]> = { tokyo: [], sydney: [], idler: [] };

  beforeAll(async () => {
    fleet = await startMuleFleet();
    for (const port of PORTS) sensors[port] = await connectSensor(fleet.yards[port], `${port}-yard`);
    sensors.idler = await connectSensor(fleet.idler.mqttPort, "idler");
  });
  afterAll(async () => {
    for (const sensor of Object.values(sensors)) await sensor.endAsync(true);
    await fleet?.close();
  });

  /** Readings taken in there, all of them acknowledged. */
  async function measure(at: Writer, count: number): Promise<void> {
    const inFlight: Promise<unknown>[] = [];
    const said = published[at];
    for (let i = 0; i < count; i++) {
      const [time, note] = [FIRST_MS + said.length * 1_000, noise(NOISE_CHARS, random)];
      const message = reading({ time, temperatureC: said.length % 40, note });
      said.push(message);
      inFlight.push((sensors[at] as MqttClient).publishAsync(`containers/${BOXES[at]}/telemetry`, message, { qos: 1 }));
      if (inFlight.length >= IN_FLIGHT_MAX) await Promise.all(inFlight.splice(0));
    }
    await Promise.all(inFlight);
  }

  async function heldAt(service: Service): Promise<number> {
    const { streams } = await askJson<StreamsReply>(service, "/api/streams", OPS_TOKEN);
    return streams.find(({ name }) => name === CARGO)?.records ?? 0;
  }
  const holds = (service: Service, records: number) =>
    eventually(`${records} records at ${service.name}`, async () => (await heldAt(service)) >= records, 180_000);
  const written = (...writers: Writer[]) => writers.reduce((sum, at) => sum + published[at].length, 0);
  const isUp = ({ service }: Ship, port: Port) =>
    eventually(`${service.name} to be in ${port}`, async () => {
      const { links } = await askJson<StatusReply>(service, "/api/status", OPS_TOKEN);
      return links.some(({ peer, state }) => peer === port && state === "up");
    });
  function sail(ship: Ship, from: Port, to: Port): Promise<unknown> {
    ship.berths[from].cut();
    ship.berths[to].restore();
    return isUp(ship, to);
  }
  const historiesAt = async (service: Service) =>
    Promise.all(
      Object.entries(BOXES).map(async ([at, box]) => [
        at,
        (await recordsOf(service, CARGO, box)).map(({ value }) => value),
      ]),
    );

  it("R1, R4, R5: brings either port the other's backlog, killed on the way, and what is new; one that does not want it carries nothing", async () => {
    const { mule, idler, ports } = fleet;
    await measure("tokyo", BACKLOG);
    await measure("sydney", LIVE);
    await holds(ports.tokyo, BACKLOG);
    // Both are in Tokyo. The mule's node dies while it takes the backlog in, and comes back.
    for (const ship of [mule, idler]) ship.berths.tokyo.restore();
    const aboard = await eventually(
      "some of the backlog aboard",
      async () => (await heldAt(mule.service)) || undefined,
    );
    expect(aboard).toBeLessThan(BACKLOG);
    await mule.service.kill9();
    await mule.service.start(300_000);
    await holds(mule.service, BACKLOG);
    await measure("tokyo", LIVE);
    await holds(mule.service, written("tokyo"));
    await isUp(idler, "tokyo");

    await sail(idler, "tokyo", "sydney");
    await measure("idler", LIVE);
    await holds(ports.sydney, written("sydney", "idler"));
    // The idler was in both ports, and brought only what it had measured itself.
    expect(await heldAt(idler.service)).toBe(LIVE);
    expect(await recordsOf(ports.sydney, CARGO, BOXES.tokyo)).toEqual([]);

    // The line in Sydney drops while the mule unloads.
    await sail(mule, "tokyo", "sydney");
    mule.berths.sydney.cut();
    mule.berths.sydney.restore();
    await holds(ports.sydney, written("tokyo", "sydney", "idler"));
    await measure("sydney", LIVE);
    await measure("tokyo", LIVE);
    await holds(mule.service, written("tokyo", "sydney", "idler") - LIVE);

    // Back in Tokyo with Sydney's and the idler's; away again with what Tokyo has measured meanwhile.
    await sail(mule, "sydney", "tokyo");
    await holds(ports.tokyo, written("tokyo", "sydney", "idler"));
    await measure("tokyo", LIVE);
    await holds(mule.service, written("tokyo", "sydney", "idler"));
    await sail(mule, "tokyo", "sydney");
    await holds(ports.sydney, written("tokyo", "sydney", "idler"));

    const { code, output } = await verifySites(ports.tokyo, ports.sydney, "--stream", CARGO);
    expect([code, output]).toEqual([0, expect.stringContaining("tokyo and sydney: equal")]);
    // Complete, in order, and each of them once.
    for (const service of [ports.tokyo, ports.sydney, mule.service]) {
      expect(await historiesAt(service)).toEqual(Object.entries(published));
    }
    for (const port of PORTS) {
      const { peers } = await askJson<StatusReply>(ports[port], "/api/status", OPS_TOKEN);
      expect(peers.map(({ site }) => site).toSorted()).toEqual(["idler", "mule", `${port}-yard`].toSorted());
    }
  });
});
