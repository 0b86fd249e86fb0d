import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import type { StreamsReply } from "@landfall/proto/api";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import { Kafka, logLevel } from "kafkajs";
import type { MqttClient } from "mqtt";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askJson } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { containerNumber, reading } from "../support/sensor.js";
import { shipAtSea } from "../support/ship-at-sea.js";
import { OPS_TOKEN, type SmallFleet } from "../support/small-fleet.js";
import { verifySites } from "../support/verify.js";

const skip = await skipWithoutKafka();
const SEED = testSeed(20_261_128);
const CONTAINERS = Array.from({ length: 20 }, (_, i) => containerNumber(800 + i));
const BACKLOG = 8_000;
/** Goes ashore as a sealed run. */
const SEALED_BACKLOG = 22_000;
/** How long all brokers stay down, beyond what it takes to be noticed. */
const DOWN_MS = Number(process.env["LANDFALL_KAFKA_DOWN_MS"] ?? 0);
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");
const STREAM = "duckworks.containers";

describe.skipIf(skip)(`ports whose logs are in Kafka, while a ship unloads (seed ${SEED})`, () => {
  let kafka: KafkaCluster;
  let fleet: SmallFleet;
  let sensor: MqttClient;
  let written = 0;
  const random = seededRandom(SEED);

  beforeAll(async () => {
    kafka = await startKafka({ brokers: 3 });
    ({ fleet, sensor } = await shipAtSea({ latencyMs: 20, kbps: 1_000 }, CONTAINERS, kafka.brokers));
  }, START_MS_MAX);
  afterAll(async () => {
    await sensor?.endAsync(true);
    await fleet?.close();
    await kafka?.close();
  });

  async function publish(count: number): Promise<void> {
    const inFlight: Promise<unknown>[] = [];
    for (let i = 0; i < count; i++) {
      const container = CONTAINERS[written % CONTAINERS.length] as string;
      const message = reading({
        time: FIRST_MS + written++ * 1_000,
        temperatureC: Math.round(400 * random()) / 10,
        note: Array.from({ length: 60 }, () => Math.floor(random() * 36).toString(36)).join(""),
      });
      inFlight.push(sensor.publishAsync(`containers/${container}/telemetry`, message, { qos: 1 }));
      if (inFlight.length >= 400) await Promise.all(inFlight.splice(0));
    }
    await Promise.all(inFlight);
  }

  /** The other node of Tokyo. */
  const tokyoB = (): SmallFleet["tokyo"] => fleet.tokyoB as SmallFleet["tokyo"];

  async function heldAt(service: SmallFleet["tokyo"]): Promise<number> {
    const { streams } = await askJson<StreamsReply>(service, "/api/streams", OPS_TOKEN).catch(() => ({ streams: [] }));
    return streams.find(({ name }) => name === STREAM)?.records ?? 0;
  }

  /** A backlog goes ashore, and in the middle of it something happens; then all have all of it, and verify says equal. */
  async function unload(
    trouble: () => Promise<void>,
    backlog = BACKLOG,
    there: () => Promise<number> = () => heldAt(fleet.tokyo),
  ): Promise<void> {
    const lines = [fleet.portLink, fleet.portLinkB];
    for (const line of lines) line?.cut();
    await publish(backlog);
    const before = await there();
    for (const line of lines) line?.restore();
    await eventually("some of it in Tokyo", async () => (await there()) > before, 120_000);
    await trouble();
    for (const port of [fleet.tokyo, tokyoB(), fleet.singapore, fleet.losAngeles]) {
      await eventually(`all of it at ${port.name}`, async () => (await heldAt(port)) >= written, 180_000);
      expect(await heldAt(port)).toBe(written);
      const { code, output } = await verifySites(port, fleet.ship, "--stream", "duckworks.*");
      expect([code, output]).toEqual([0, expect.stringContaining("equal")]);
    }
  }

  it("R4: with all three brokers up; nothing to warn of", { timeout: 400_000 }, async () => {
    await unload(() => Promise.resolve());
    const ready: unknown = await (await fetch(`${fleet.tokyo.url}/readyz`)).json();
    expect(ready).toEqual({ ready: true, reasons: [] });
  });

  it("R4: a broker that leads is killed, and comes back", { timeout: 400_000 }, async () => {
    await unload(async () => {
      await kafka.kill(0);
      await kafka.restart(0);
    });
  });

  it("R4: a broker hangs; then they are restarted one after the other", { timeout: 400_000 }, async () => {
    await unload(async () => {
      await kafka.pause(2);
      const before = await heldAt(fleet.tokyo);
      await eventually("more of it in Tokyo", async () => (await heldAt(fleet.tokyo)) > before, 120_000);
      await kafka.resume(2);
      for (const index of [0, 1, 2]) await kafka.restart(index);
    });
  });

  it("R4: all brokers are down, the port says so, and goes on when they are back", { timeout: 400_000 }, async () => {
    await unload(async () => {
      await Promise.all([0, 1, 2].map((index) => kafka.kill(index)));
      await eventually(
        "Tokyo to say so",
        async () => (await fetch(`${fleet.tokyo.url}/readyz`)).status === 503,
        120_000,
      );
      const held = await heldAt(fleet.tokyo);
      if (DOWN_MS > 0) await sleep(DOWN_MS);
      expect(await heldAt(fleet.tokyo)).toBe(held);
      await kafka.start();
    });
  });

  it(
    "R4: of the port's two nodes one is killed with kill -9, then the other; the one that lives goes on",
    { timeout: 600_000 },
    async () => {
      for (const [node, other] of [
        [fleet.tokyo, tokyoB()],
        [tokyoB(), fleet.tokyo],
      ] as const) {
        await unload(async () => {
          await node.kill9();
          await eventually(`all of it at ${other.name}`, async () => (await heldAt(other)) >= written, 180_000);
          await node.start();
        });
      }
    },
  );

  it("R4: the port is killed with kill -9 while it hands a sealed run on to Kafka", { timeout: 400_000 }, async () => {
    const client = new Kafka({ clientId: "watching", brokers: kafka.brokers, logLevel: logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    const inKafka = async (): Promise<number> => {
      // There is no such topic before the first record.
      const offsets = await admin.fetchTopicOffsets(`tokyo.${STREAM}`).catch(() => []);
      return offsets.reduce((sum, { high }) => sum + Number(high), 0);
    };
    const nodes = [fleet.tokyo, tokyoB()];
    try {
      await unload(
        async () => {
          for (const node of nodes) await node.kill9();
          await Promise.all(nodes.map((node) => node.start()));
        },
        SEALED_BACKLOG,
        inKafka,
      );
    } finally {
      await admin.disconnect();
    }
  });

  it("R4: the port is killed with kill -9", { timeout: 400_000 }, async () => {
    const nodes = [fleet.tokyo, tokyoB()];
    await unload(async () => {
      for (const node of nodes) await node.kill9();
      await Promise.all(nodes.map((node) => node.start()));
    });
  });

  it(
    "R4: the port is killed and its folders are gone: it has all of it again from Kafka",
    { timeout: 400_000 },
    async () => {
      await unload(async () => {
        const nodes = [fleet.tokyo, tokyoB()];
        for (const node of nodes) await node.kill9();
        for (const { settings } of nodes) rmSync(String(settings["data"]), { recursive: true });
        await Promise.all(nodes.map((node) => node.start()));
      });
    },
  );
});
