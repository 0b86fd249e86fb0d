import { join } from "node:path";
import { systemEnv } from "@landfall/streams/env";
import { openEmbeddedStore } from "@landfall/streams/store/embedded-store";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import { until } from "@landfall/streams/testing/until";
import type { MqttClient } from "mqtt";
import { afterEach, expect, test } from "vitest";
import { connect, Harness, readAll, SHIP } from "./support/edge-harness.js";
import { spawnEdge, type EdgeProcess } from "./support/edge-process.js";

const harness = new Harness();
const running: EdgeProcess[] = [];
afterEach(async () => {
  for (const edge of running.splice(0)) await edge.kill();
  await harness.dispose();
});

const T0 = Date.UTC(2026, 2, 1);
const BOXES = ["CSQU3054383", "MSKU9070323"];
const CLIENTS = 4;
const KILLS = 3;
/** Sent and unacknowledged, per client: as a gateway that does not wait. */
const WINDOW = 50;

const seed = testSeed(20_260_301);

test(
  `S1, I1: kill -9 of a real process under load loses no acknowledged message and doubles none (seed ${seed})`,
  { timeout: 120_000 },
  async () => {
    const random = seededRandom(seed);
    const folder = harness.folder();
    const acknowledged = new Set<string>();
    /** Sent, never acknowledged: to be repeated, as any QoS 1 client does. */
    let pending: { topic: string; payload: string }[] = [];
    let next = 0;

    const message = () => {
      const n = next++;
      const payload = JSON.stringify({ time: T0 + n, temperatureC: 4, n });
      if (n % 10 === 0)
        return {
          topic: `ships/${SHIP}/position`,
          payload: JSON.stringify({ time: T0 + n, latitude: 1, longitude: 2, n }),
        };
      return { topic: `containers/${BOXES[n % BOXES.length]}/telemetry`, payload };
    };

    for (let round = 0; round <= KILLS; round++) {
      const edge = await spawnEdge(folder);
      running.push(edge);
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(edge.port)));
      const backlog = pending;
      pending = [];
      const isLast = round === KILLS;
      const stopAfter = acknowledged.size + 500 + Math.floor(random() * 1_500);
      let isStopping = false;
      const send = async (client: MqttClient): Promise<void> => {
        for (;;) {
          if (isStopping || (isLast && backlog.length === 0)) return;
          const one = backlog.pop() ?? message();
          try {
            await client.publishAsync(one.topic, one.payload, { qos: 1 });
            acknowledged.add(one.payload);
          } catch {
            pending.push(one);
            return;
          }
        }
      };
      const senders = clients.flatMap((client) => Array.from({ length: WINDOW }, () => send(client)));
      if (isLast) {
        await Promise.all(senders);
      } else {
        await until(() => acknowledged.size >= stopAfter);
        await edge.kill();
        isStopping = true;
        // A client that lost its connection gives up what it waits for.
        for (const client of clients) client.end(true);
        await Promise.all(senders);
        pending.push(...backlog);
      }
      for (const client of clients) client.end(true);
      if (isLast) expect(await edge.stop()).toBe(0);
      running.splice(running.indexOf(edge), 1);
    }

    const store = await openEmbeddedStore({
      folder: join(folder, "data"),
      site: `ship-${SHIP}`,
      node: "a",
      env: systemEnv,
    });
    const records = [...(await readAll(store, "bigblue.unassigned")), ...(await readAll(store, "bigblue.ships"))];
    await store.close();
    const stored = records.map(({ value }) => Buffer.from(value).toString());
    expect(acknowledged.size).toBe(next);
    expect(stored.length).toBe(next);
    expect(new Set(stored)).toEqual(acknowledged);
  },
);

test("a port or a data folder in use ends the process with one line that names it, and no stack", async () => {
  const folder = harness.folder();
  const first = await spawnEdge(folder);
  running.push(first);
  const port = String(first.port);
  const inUse = await spawnEdge(harness.folder(), { port: first.port }).catch(String);
  expect(inUse).toMatch(
    new RegExp(`ended with 1: landfall edge: mqtt 127.0.0.1:${port} is in use .*\\(PORT_IN_USE\\)\n$`),
  );
  expect(await spawnEdge(folder).catch(String)).toMatch(/ended with 1: landfall edge: .*data.* \(FOLDER_IN_USE\)\n$/);
});
