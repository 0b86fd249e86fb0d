import { streamName } from "@landfall/streams/model/names";
import type { Cursor } from "@landfall/streams/model/record";
import { heapBytes } from "@landfall/streams/testing/heap";
import { testSeed } from "@landfall/streams/testing/seeded-random";
import { until } from "@landfall/streams/testing/until";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { device, login, writeDevices } from "./support/devices.js";
import { BOX, Harness, type TestEdge } from "./support/edge-harness.js";
import { noise, noiseAtTheDoor } from "./support/mqtt-noise.js";
import { RawClient } from "./support/raw-client.js";

/**
 * Bytes by chance, before and after login. `LANDFALL_FUZZ_RUNS` runs more of them, `LANDFALL_SEED` the same again. A seed
 * that found something is added to `KEPT`, and run ever after.
 */
const RUNS = Number(process.env["LANDFALL_FUZZ_RUNS"] ?? 120);
const SEED = testSeed();
const KEPT: readonly number[] = [1, 1883];
/** What may be on the heap after all runs that was not after some: a leak of one connection, or of one packet, each is more. */
const GROWTH_BYTES_MAX = 8 * 1024 * 1024;
const TIMEOUT_MS = Math.max(120_000, RUNS * 500);

const TOPIC = `containers/${BOX}/telemetry`;
const T0 = Date.UTC(2026, 2, 1);
const CONNECT = { ...login("reefer"), password: Buffer.from(login("reefer").password) };

describe(`U2: whatever bytes come, the edge goes on (seed ${SEED}, ${RUNS} runs)`, () => {
  const harness = new Harness();
  let edge: TestEdge;
  let readings = 0;
  const reading = (n: number) => JSON.stringify({ time: T0 + n, temperatureC: 4.5 });
  beforeAll(async () => {
    const folder = harness.folder();
    const devices = writeDevices(folder, [await device("reefer", { containers: [BOX] })]);
    const mqtt = { anonymous: false, devices, wrongPasswordsPerMinute: 1_000_000, packetSeconds: 600, sessionsMax: 10 };
    edge = await harness.start({ folder, mqtt });
  });
  afterAll(() => harness.dispose());

  const gauge = async (name: string) => (await edge.node.registry.getSingleMetric(name)?.get())?.values[0]?.value ?? 0;
  const isQuiet = async () =>
    (await gauge("landfall_edge_clients")) === 0 &&
    (await gauge("landfall_edge_waiting")) === 0 &&
    (await gauge("landfall_edge_inflight_bytes")) === 0;

  const there = new Set<string>();
  let cursor: Cursor | undefined;
  /** What is stored; only what is new since the last time is read. */
  async function stored(): Promise<ReadonlySet<string>> {
    for (;;) {
      const page = await edge.node.store.readStream(streamName("bigblue.unassigned"), cursor, 1_000);
      ({ cursor } = page);
      if (page.records.length === 0) return there;
      for (const { value } of page.records) there.add(Buffer.from(value).toString());
    }
  }

  async function runs(
    bytes: fc.Arbitrary<Uint8Array[]>,
    check: (chunks: readonly Uint8Array[]) => Promise<void>,
  ): Promise<void> {
    let before = 0;
    for (const seed of [...KEPT, SEED]) {
      const numRuns = seed === SEED ? RUNS : Math.min(RUNS, 20);
      await fc.assert(fc.asyncProperty(bytes, check), { seed, numRuns, endOnFailure: true });
      await until(isQuiet);
      if (seed !== SEED) before = heapBytes();
    }
    // Nothing of all those connections is left: none open, no bytes held, sessions within their bound.
    expect(heapBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
    expect(await gauge("landfall_edge_sessions")).toBeLessThanOrEqual(10);
    const honest = await edge.client(login("reefer"));
    const last = reading(readings++);
    await honest.publishAsync(TOPIC, last, { qos: 1 });
    await honest.endAsync();
    expect((await stored()).has(last)).toBe(true);
  }

  test(
    "before login",
    () =>
      runs(fc.oneof({ weight: 3, arbitrary: noiseAtTheDoor }, { weight: 1, arbitrary: noise }), async (chunks) => {
        const client = new RawClient(edge.port);
        for (const chunk of chunks) client.bytes(chunk);
        client.socket.end();
        await client.closed();
        expect(client.of("connack").filter(({ returnCode }) => returnCode === 0)).toEqual([]);
        expect(client.of("puback")).toEqual([]);
      }),
    TIMEOUT_MS,
  );

  test(
    "S1: after login, and what was acknowledged meanwhile is stored",
    () =>
      runs(noise, async (chunks) => {
        const client = new RawClient(edge.port);
        expect(await client.connect(CONNECT)).toBe(0);
        const sent = new Map<number, string>();
        for (let messageId = 1; messageId <= 3; messageId++) {
          const payload = reading(readings++);
          sent.set(messageId, payload);
          client.send({ cmd: "publish", topic: TOPIC, payload, qos: 1, messageId, dup: false, retain: false });
        }
        for (const chunk of chunks) client.bytes(chunk);
        client.socket.end();
        await client.closed();
        const acknowledged = client.of("puback").map(({ messageId = 0 }) => sent.get(messageId));
        const found = await stored();
        for (const text of acknowledged) if (text !== undefined) expect(found.has(text), text).toBe(true);
      }),
    TIMEOUT_MS,
  );
});
