import type { StatusReply, StreamsReply } from "@landfall/proto/api";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import type { MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askJson, recordsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { shipAtSea } from "../support/ship-at-sea.js";
import { containerNumber, reading } from "../support/sensor.js";
import type { Service } from "../support/service.js";
import { verifySites } from "../support/verify.js";
import { OPS_TOKEN, SHIP, type SmallFleet } from "../support/small-fleet.js";

const SEED = testSeed(20_260_303);
const CONTAINERS = Array.from({ length: 20 }, (_, i) => containerNumber(900 + i));
/** Of days at sea; at 1 Mbit/s they take some seconds to come ashore. */
const BACKLOG = 4_000;
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");
const STREAM = "duckworks.containers";

describe(`dropping links while a ship unloads (seed ${SEED})`, () => {
  let fleet: SmallFleet;
  let sensor: MqttClient;
  const random = seededRandom(SEED);
  const published = new Map<string, string[]>(CONTAINERS.map((container) => [container, []]));
  let next = 0;

  beforeAll(async () => {
    ({ fleet, sensor } = await shipAtSea({ latencyMs: 20, kbps: 1_000 }, CONTAINERS));
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
      const message = reading({ time: FIRST_MS + next * 1_000, temperatureC: Math.round(400 * random()) / 10 });
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

  /** Waits until so many more records of this unloading have reached Tokyo. */
  async function unloaded(records: number): Promise<void> {
    const before = await heldAt(fleet.tokyo);
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
    fleet.portLink.restore();
    await unloaded(BACKLOG / 8);
    fleet.portLink.cut();
    const held = await heldAt(fleet.tokyo);
    expect(held).toBeLessThan(next);
    fleet.portLink.restore();
    await unloaded(BACKLOG / 8);
    fleet.portLink.halfOpen();
    await eventually("the ship to notice that nobody is there", async () => {
      const { links } = await askJson<StatusReply>(fleet.ship, "/api/status", OPS_TOKEN);
      return links.some(({ id, state }) => id === `ship-${SHIP}~tokyo` && state === "down");
    });
    fleet.portLink.restore();
    await isAshore(fleet.tokyo, fleet.singapore, fleet.losAngeles, fleet.duckworks);
    await everywhereTheSame();
  });

  it("R1, R5: each link behind the port, cut in turn, is gone around", async () => {
    const around = ["tokyo~los-angeles", "tokyo~singapore", "singapore~los-angeles"].toSorted(() => random() - 0.5);
    for (const id of around) {
      fleet.portLink.cut();
      await days(BACKLOG / 4);
      fleet.portLink.restore();
      await unloaded(BACKLOG / 16);
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
});
