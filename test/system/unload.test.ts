import type { StatusReply, StreamsReply } from "@landfall/proto/api";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import type { MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askJson, recordsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { shipAtSea } from "../support/ship-at-sea.js";
import { connectSensor, containerNumber, noise, reading } from "../support/sensor.js";
import type { Service } from "../support/service.js";
import { verifySites } from "../support/verify.js";
import { OPS_TOKEN, SHIP, type SmallFleet } from "../support/small-fleet.js";

const SEED = testSeed(20_260_303);
const CONTAINERS = Array.from({ length: 20 }, (_, i) => containerNumber(900 + i));
/** Nobody has booked it. */
const YARD_CONTAINER = containerNumber(990);
/** Of days at sea. */
const BACKLOG = 4_000;
const NOISE_CHARS = 120;
/** While the ship's own link is cut in the middle of them: they take ten seconds to come ashore. */
const SLOW_KBPS = 300;
/** And at other times. */
const KBPS = 1_000;
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");
const STREAM = "duckworks.containers";

describe(`dropping links while a ship unloads (seed ${SEED})`, () => {
  let fleet: SmallFleet;
  let sensor: MqttClient;
  const random = seededRandom(SEED);
  const published = new Map<string, string[]>(CONTAINERS.map((container) => [container, []]));
  let next = 0;

  beforeAll(async () => {
    ({ fleet, sensor } = await shipAtSea({ latencyMs: 20, kbps: KBPS }, CONTAINERS));
  });
  afterAll(async () => {
    await sensor?.endAsync(true);
    await fleet?.close();
  });

  /** What the sensors say at sea, all of it acknowledged. */
  async function days(readings: number): Promise<void> {
    const inFlight: Promise<unknown>[] = [];
    for (let i = 0; i < readings; i++, next++) {
      const container = CONTAINERS[next % CONTAINERS.length] as string;
      const [time, note] = [FIRST_MS + next * 1_000, noise(NOISE_CHARS, random)];
      const message = reading({ time, temperatureC: Math.round(400 * random()) / 10, note });
      published.get(container)?.push(message);
      inFlight.push(sensor.publishAsync(`containers/${container}/telemetry`, message, { qos: 1 }));
      if (inFlight.length >= 200) await Promise.all(inFlight.splice(0));
    }
    await Promise.all(inFlight);
  }

  async function heldAt(service: Service): Promise<number> {
    const { streams } = await askJson<StreamsReply>(service, "/api/streams", OPS_TOKEN);
    return streams.find(({ name }) => name === STREAM)?.records ?? 0;
  }

  async function isAshore(...services: Service[]): Promise<void> {
    for (const service of services) {
      await eventually(`${next} records at ${service.name}`, async () => (await heldAt(service)) >= next, 180_000);
    }
  }

  /** Restores the ship's link, and waits until so many more records have reached Tokyo. */
  async function unload(records: number): Promise<void> {
    const before = await heldAt(fleet.tokyo);
    fleet.portLink.restore();
    await eventually(`${records} more records in Tokyo`, async () => (await heldAt(fleet.tokyo)) >= before + records);
  }

  async function everywhereTheSame(): Promise<void> {
    for (const service of [fleet.tokyo, fleet.singapore, fleet.losAngeles, fleet.duckworks]) {
      for (const container of CONTAINERS) {
        const records = await recordsOf(service, STREAM, container);
        expect(records.map(({ value }) => value)).toEqual(published.get(container));
      }
    }
    for (const other of [fleet.ship, fleet.singapore, fleet.losAngeles, fleet.duckworks]) {
      const { code, output } = await verifySites(fleet.tokyo, other, "--stream", "duckworks.*");
      expect([code, output]).toEqual([0, expect.stringContaining(`tokyo and ${other.name}: equal`)]);
    }
  }

  it("R1, R4: the ship's own link, cut and half-open, resumes; nothing is lost and nothing doubled, and verify says equal", async () => {
    await days(BACKLOG);
    fleet.portLink.throttle(SLOW_KBPS);
    await unload(BACKLOG / 8);
    fleet.portLink.cut();
    const held = await heldAt(fleet.tokyo);
    expect(held).toBeLessThan(next);
    await unload(BACKLOG / 8);
    fleet.portLink.halfOpen();
    await eventually("the ship to notice that nobody is there", async () => {
      const { links } = await askJson<StatusReply>(fleet.ship, "/api/status", OPS_TOKEN);
      return links.some(({ id, state }) => id === `ship-${SHIP}~tokyo` && state === "down");
    });
    fleet.portLink.throttle(KBPS);
    fleet.portLink.restore();
    await isAshore(fleet.tokyo, fleet.singapore, fleet.losAngeles, fleet.duckworks);
    await everywhereTheSame();
  });

  it("R1, R5: each link behind the port, cut in turn, is gone around", async () => {
    const around = ["tokyo~los-angeles", "tokyo~singapore", "singapore~los-angeles"].toSorted(() => random() - 0.5);
    for (const id of around) {
      fleet.portLink.cut();
      await days(BACKLOG / 4);
      await unload(BACKLOG / 16);
      fleet.links.get(id)?.cut();
      // Complete over the other two sides of the triangle, while this one is down.
      await isAshore(fleet.tokyo, fleet.singapore, fleet.losAngeles);
      fleet.links.get(id)?.restore();
    }
    // Nobody else may carry this one's data: it waits, and goes on.
    fleet.portLink.cut();
    await days(BACKLOG / 4);
    fleet.links.get("duckworks~tokyo")?.cut();
    fleet.portLink.restore();
    await isAshore(fleet.tokyo, fleet.singapore, fleet.losAngeles);
    expect(await heldAt(fleet.duckworks)).toBeLessThan(next);
    fleet.links.get("duckworks~tokyo")?.restore();
    await isAshore(fleet.duckworks);
    await everywhereTheSame();
  });

  it("R1, R5: what the ship's satellite would carry goes over the quay while that is cut; a yard's only line, cut, goes on with what waited", async () => {
    const atYard = await connectSensor(fleet.yardMqttPort, "yard-gateway");
    const yardLine = fleet.links.get("tokyo-yard~tokyo");
    const publish = (client: MqttClient, topic: string, time: number) =>
      client.publishAsync(topic, reading({ time }), { qos: 1 });
    const ashore = (stream: string, topic: string, count: number, ...services: Service[]) =>
      Promise.all(
        services.map((service) =>
          eventually(
            `${count} records of ${topic} at ${service.name}`,
            async () => (await recordsOf(service, stream, topic)).length >= count,
          ),
        ),
      );
    fleet.portLink.cut();
    await days(BACKLOG / 8);
    fleet.satellite.cut();
    yardLine?.cut();
    for (let i = 0; i < 5; i++) await publish(atYard, `containers/${YARD_CONTAINER}/telemetry`, FIRST_MS + i);
    fleet.portLink.restore();
    await publish(sensor, `ships/${SHIP}/position`, FIRST_MS);
    await ashore("bigblue.ships", `${SHIP}.position`, 1, fleet.losAngeles);
    await isAshore(fleet.tokyo, fleet.singapore, fleet.losAngeles, fleet.duckworks);
    expect(await recordsOf(fleet.tokyo, "bigblue.unassigned", YARD_CONTAINER)).toEqual([]);
    yardLine?.restore();
    fleet.satellite.restore();
    await ashore("bigblue.unassigned", YARD_CONTAINER, 5, fleet.tokyo, fleet.singapore, fleet.losAngeles);
    await publish(sensor, `ships/${SHIP}/position`, FIRST_MS + 1_000);
    await ashore("bigblue.ships", `${SHIP}.position`, 2, fleet.tokyo, fleet.losAngeles);
    await atYard.endAsync(true);
    await everywhereTheSame();
  });
});
