import { skipWithoutKafka } from "@landfall/brokers/for-tests";
import { START_MS_MAX, startKafka, type KafkaCluster } from "@landfall/brokers/kafka";
import { KAFKA_FLEETS } from "@landfall/brokers/versions";
import type { RecordsReply, StreamsReply } from "@landfall/proto/api";
import { leaderOf } from "@landfall/streams/testing/kafka-leader";
import { standingIn } from "@landfall/streams/testing/kafka-standing";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import { Kafka, logLevel } from "kafkajs";
import type { MqttClient } from "mqtt";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, askJson, recordsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { containerNumber, reading } from "../support/sensor.js";
import { shipAtSea } from "../support/ship-at-sea.js";
import { OPS_TOKEN, type SmallFleet } from "../support/small-fleet.js";
import { verifySites } from "../support/verify.js";

const skip = await skipWithoutKafka();
const SEED = testSeed(20_261_128);
const CONTAINERS = Array.from({ length: 20 }, (_, i) => containerNumber(800 + i));
const BACKLOG = 6_000;
/** What more the gateway says when the ship has less than this to unload, and something is to happen while it does. */
const MORE = 2_000;
/** So many have come to a node and are not in Kafka yet, when it is stopped. */
const UNDER_WAY = 100;
/** Of the ship's line to each node of Tokyo, kbit/s: while something happens, a backlog lasts half a minute. */
const SLOW_KBPS = 250;
/** And before and after that. */
const FAST_KBPS = 20_000;
/** Goes ashore as a sealed run. */
const SEALED_BACKLOG = 22_000;
/** How long all brokers stay down, beyond what it takes to be noticed: a minute in CI. */
const DOWN_MS = Number(process.env["LANDFALL_KAFKA_DOWN_MS"] ?? 0);
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");
const STREAM = "duckworks.containers";

describe.skipIf(skip).each(KAFKA_FLEETS)(
  `ports whose logs are in Kafka %s, while a ship unloads (seed ${SEED})`,
  (version) => {
    let kafka: KafkaCluster;
    let fleet: SmallFleet;
    let sensor: MqttClient;
    let written = 0;
    const random = seededRandom(SEED);

    beforeAll(async () => {
      kafka = await startKafka({ brokers: 3, version });
      ({ fleet, sensor } = await shipAtSea({ latencyMs: 20, kbps: FAST_KBPS }, CONTAINERS, kafka.brokers));
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
      const { streams } = await askJson<StreamsReply>(service, "/api/streams", OPS_TOKEN).catch(() => ({
        streams: [],
      }));
      return streams.find(({ name }) => name === STREAM)?.records ?? 0;
    }

    const lines = () => [fleet.portLink, fleet.portLinkB].filter((line) => line !== undefined);

    /** A backlog goes ashore, and in the middle of it something happens; then all have all of it, verify says equal, and it stands in Kafka once. */
    async function unload(
      trouble: () => Promise<void>,
      backlog = BACKLOG,
      there: () => Promise<number> = () => heldAt(fleet.tokyo),
      kbps = SLOW_KBPS,
    ): Promise<void> {
      for (const line of lines()) line.cut();
      await publish(backlog);
      const before = await there();
      for (const line of lines()) {
        line.throttle(kbps);
        line.restore();
      }
      await eventually("some of it in Tokyo", async () => (await there()) > before, 120_000);
      await trouble();
      for (const line of lines()) line.throttle(FAST_KBPS);
      await Promise.all([fleet.tokyo, tokyoB(), fleet.singapore, fleet.losAngeles].map(holdsAll));
      await standsOnce();
    }

    async function holdsAll(service: SmallFleet["tokyo"]): Promise<void> {
      await eventually(`all of it at ${service.name}`, async () => (await heldAt(service)) >= written, 180_000);
      expect(await heldAt(service)).toBe(written);
      const { code, output } = await verifySites(service, fleet.ship, "--stream", "duckworks.*");
      expect([code, output]).toEqual([0, expect.stringContaining("equal")]);
    }

    /** The ship has more to unload, and unloads: what comes next happens in the middle of that. */
    async function goesOn(at = fleet.tokyo, by = 1): Promise<void> {
      if (written - (await heldAt(at)) < MORE) await publish(MORE);
      const before = await heldAt(at);
      await eventually(`more of it at ${at.name}`, async () => (await heldAt(at)) >= before + by, 120_000);
      expect(await heldAt(at)).toBeLessThan(written);
    }

    /** Records that came to a node from other sites. */
    async function received(service: SmallFleet["tokyo"]): Promise<number> {
      const { text } = await ask(service, "/metrics", OPS_TOKEN);
      return Number(/^landfall_replication_received_records_total\S* (\d+)$/m.exec(text)?.[1] ?? 0);
    }

    /** Of Tokyo's nodes, the one that brings what the ship unloads, and the other one. */
    async function bringing(): Promise<[SmallFleet["tokyo"], SmallFleet["tokyo"]]> {
      const before = await Promise.all([fleet.tokyo, tokyoB()].map(received));
      await goesOn(fleet.tokyo, MORE / 4);
      const after = await Promise.all([fleet.tokyo, tokyoB()].map(received));
      const [a = 0, b = 0] = after.map((count, i) => count - (before[i] ?? 0));
      return a > b ? [fleet.tokyo, tokyoB()] : [tokyoB(), fleet.tokyo];
    }

    /** R3: whoever reads the port's topic without Landfall finds each record once, and all of them. */
    async function standsOnce(): Promise<void> {
      const standing = await standingIn(kafka.brokers, `tokyo.${STREAM}`);
      expect([...standing].filter(([, times]) => times > 1)).toEqual([]);
      expect(standing.size).toBe(written);
    }

    /** The broker that leads where the ship's records are. */
    async function leader(): Promise<number> {
      const path = `/api/streams/${STREAM}/topics/${CONTAINERS[0]}/records?limit=1`;
      const { records } = await askJson<RecordsReply>(fleet.ship, path, OPS_TOKEN);
      return leaderOf(kafka.brokers, `tokyo.${STREAM}`, records[0]?.origin ?? "");
    }

    it("R4: with all three brokers up; nothing to warn of", { timeout: 400_000 }, async () => {
      await unload(() => Promise.resolve(), BACKLOG, undefined, FAST_KBPS);
      const ready: unknown = await (await fetch(`${fleet.tokyo.url}/readyz`)).json();
      expect(ready).toEqual({ ready: true, reasons: [] });
    });

    it(
      "R3, R4: the node that brings stands still with records on its way to Kafka; the other goes on, then both do",
      { timeout: 400_000 },
      async () => {
        let sleeper = fleet.tokyo;
        await unload(async () => {
          const [brings, other] = await bringing();
          sleeper = brings;
          const { pid } = sleeper;
          const hung = await leader();
          await kafka.pause(hung);
          const before = await received(sleeper);
          await eventually(
            "more than Kafka takes",
            async () => (await received(sleeper)) >= before + UNDER_WAY,
            60_000,
          );
          process.kill(pid, "SIGSTOP");
          await kafka.resume(hung);
          await goesOn(other, MORE / 4);
          process.kill(pid, "SIGCONT");
          await goesOn(sleeper, MORE / 4);
          // The very process, which goes on with records of its own.
          expect(sleeper.pid).toBe(pid);
        });
        const own = async () => recordsOf(sleeper, "bigblue.metrics", `tokyo.${sleeper.settings.node ?? "a"}`);
        const { length } = await own();
        await eventually("records of its own", async () => (await own()).length > length, 60_000);
        expect(new Set((await own()).map(({ origin }) => origin)).size).toBe(1);
      },
    );

    it("R4: the broker that leads is killed, and comes back", { timeout: 400_000 }, async () => {
      await unload(async () => {
        const killed = await leader();
        await goesOn();
        await kafka.kill(killed);
        await eventually("another to lead", async () => (await leader()) !== killed, 120_000);
        await goesOn();
        await kafka.restart(killed);
      });
    });

    it(
      "R4: the broker that leads hangs; then all are restarted, one after the other",
      { timeout: 400_000 },
      async () => {
        await unload(async () => {
          const hung = await leader();
          await goesOn();
          await kafka.pause(hung);
          await goesOn();
          await kafka.resume(hung);
          for (const index of [0, 1, 2]) {
            await goesOn();
            await kafka.restart(index);
          }
          await goesOn();
        });
      },
    );

    it("R4: all brokers are down, the port says so, and goes on when they are back", { timeout: 400_000 }, async () => {
      await unload(async () => {
        await Promise.all([0, 1, 2].map((index) => kafka.kill(index)));
        await eventually(
          "Tokyo to say so",
          async () => (await fetch(`${fleet.tokyo.url}/readyz`)).status === 503,
          120_000,
        );
        const held = await heldAt(fleet.tokyo);
        // A fault that lasts, and nothing that is waited for.
        if (DOWN_MS > 0) await sleep(DOWN_MS);
        expect(await heldAt(fleet.tokyo)).toBe(held);
        await kafka.start();
      });
    });

    it(
      "R4: of the port's two nodes one is killed, then the other; the one that lives goes on",
      { timeout: 400_000 },
      async () => {
        await unload(async () => {
          for (const [node, other] of [
            [fleet.tokyo, tokyoB()],
            [tokyoB(), fleet.tokyo],
          ] as const) {
            await goesOn(other);
            await node.kill9();
            // More than what was under way.
            await goesOn(other, MORE / 4);
            await node.start();
          }
        });
      },
    );

    it(
      "R4: the port is killed with kill -9 while it hands a sealed run on to Kafka",
      { timeout: 400_000 },
      async () => {
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
            FAST_KBPS,
          );
        } finally {
          await admin.disconnect();
        }
      },
    );

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
  },
);
