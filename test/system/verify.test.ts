import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import type { MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { book } from "../support/bookings.js";
import { askJson, login } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { connectSensor, containerNumber, reading } from "../support/sensor.js";
import { OPS_TOKEN, startSmallFleet, type SmallFleet } from "../support/small-fleet.js";
import { compareServices, verifySites } from "../support/verify.js";
import type { Service } from "../support/service.js";

const STREAM = "duckworks.containers";
const CONTAINERS = Array.from({ length: 10 }, (_, i) => containerNumber(600 + i));
/** Enough for a sealed run (20,000), so that it goes over as one and lies in a segment at the other sites. */
const BACKLOG = 24_000;
const IN_FLIGHT_MAX = 500;
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");
/** At sea the values are a sensor's, not a pattern: some 200 kB cross the link, which takes two seconds. */
const PORT_LINE = { latencyMs: 20, kbps: 1_000 };
/** Bytes of the backlog that are over the link when it is cut. */
const CUT_AFTER_BYTES = 60_000;
const SEED = testSeed(20_260_301);
const random = seededRandom(SEED);
/** Within the first block of the first run of a segment. */
const ROTTEN_BYTE = 200;

/** Publishes readings of all containers in turn; resolves after the last PUBACK. */
async function publish(clients: readonly MqttClient[], first: number, count: number): Promise<void> {
  const inFlight = new Set<Promise<unknown>>();
  for (let n = first; n < first + count; n++) {
    const topic = `containers/${CONTAINERS[n % CONTAINERS.length]}/telemetry`;
    const message = reading({ time: FIRST_MS + n * 1_000, temperatureC: Math.round(400 * random()) / 10, n });
    const client = clients[n % clients.length] as MqttClient;
    const sent: Promise<unknown> = client.publishAsync(topic, message, { qos: 1 }).finally(() => inFlight.delete(sent));
    inFlight.add(sent);
    if (inFlight.size >= IN_FLIGHT_MAX) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
}

async function heldOf(service: Service): Promise<number> {
  const { streams } = await askJson<{ streams: { name: string; records: number }[] }>(
    service,
    "/api/streams",
    OPS_TOKEN,
  );
  return streams.find(({ name }) => name === STREAM)?.records ?? 0;
}

describe(`landfall verify --sites, over real processes (seed ${SEED})`, () => {
  let fleet: SmallFleet;
  let ship: MqttClient[] = [];
  let yard: MqttClient[] = [];

  beforeAll(async () => {
    fleet = await startSmallFleet(PORT_LINE);
    const ops = await login(fleet.losAngeles, "ops");
    fleet.portLink.restore();
    for (const container of CONTAINERS) {
      const booking = { container, owner: "duckworks", from: "2026-01-01T00:00:00.000Z" };
      await book(fleet.losAngeles, ops, booking, [fleet.ship, fleet.yard]);
    }
    fleet.portLink.cut();
    ship = await Promise.all([1, 2, 3].map((n) => connectSensor(fleet.mqttPort, `ship-${n}`)));
    yard = [await connectSensor(fleet.yardMqttPort, "yard-1")];
  });
  afterAll(async () => {
    for (const client of [...ship, ...yard]) await client.endAsync(true);
    await fleet?.close();
  });

  it("R1: sites that wrote at the same time, over a link that was cut on the way, are equal", async () => {
    // The ship is at sea, the yard's records cross meanwhile.
    await Promise.all([publish(ship, 0, BACKLOG), publish(yard, BACKLOG, 2_000)]);
    expect(await heldOf(fleet.ship)).toBeGreaterThanOrEqual(BACKLOG);
    const before = fleet.portLink.bytes;
    fleet.portLink.restore();
    const late = publish(yard, BACKLOG + 2_000, 1_000);
    await eventually("the backlog to be on its way", () => fleet.portLink.bytes > before + CUT_AFTER_BYTES);
    fleet.portLink.cut();
    await late;
    expect(await heldOf(fleet.tokyo)).toBeLessThan(BACKLOG);
    fleet.portLink.restore();
    await eventually("the backlog in Tokyo", async () => (await heldOf(fleet.tokyo)) >= BACKLOG + 3_000);
    // And a little that comes by itself, behind what was sealed.
    await publish(ship, BACKLOG + 3_000, 50);
    for (const site of [fleet.tokyo, fleet.losAngeles, fleet.singapore])
      await eventually(`all of it in ${site.name}`, async () => (await heldOf(site)) >= BACKLOG + 3_050);

    for (const other of [fleet.losAngeles, fleet.singapore, fleet.ship]) {
      const { code, found } = await compareServices(fleet.tokyo, other);
      expect({ site: other.name, code, verdict: found.verdict }).toEqual({
        site: other.name,
        code: 0,
        verdict: "equal",
      });
      const same = found.origins.filter(({ stream }) => stream === STREAM).reduce((sum, one) => sum + one.same, 0);
      // The ship holds what it wrote, and does not take in what others did.
      expect(same).toBe(other === fleet.ship ? BACKLOG + 50 : BACKLOG + 3_050);
    }
    // For people; and the manufacturer's site is compared by its own streams.
    const { code, output } = await verifySites(fleet.tokyo, fleet.duckworks);
    expect([code, output]).toEqual([0, expect.stringContaining("tokyo and duckworks: equal")]);
    const streams = output.split("\n").flatMap((line) => /^([a-z]+\.\S+) /.exec(line)?.[1] ?? []);
    expect(streams).toContain(STREAM);
    expect(streams.filter((stream) => !stream.startsWith("duckworks."))).toEqual([]);
  });

  it("R1, S3: a bit that has flipped on one site's disk is found, named and repaired", async () => {
    const victim = fleet.singapore;
    await victim.stop();
    const folder = victim.settings["data"] as string;
    const [segment] = readdirSync(folder)
      .filter((name) => name.endsWith(".lfs"))
      .map((name) => join(folder, name))
      .sort((a, b) => statSync(b).size - statSync(a).size);
    const bytes = readFileSync(segment as string);
    bytes[ROTTEN_BYTE] = (bytes[ROTTEN_BYTE] as number) ^ 0x10;
    writeFileSync(segment as string, bytes);
    await victim.start();

    const { code, found } = await compareServices(fleet.tokyo, victim, "--deep");
    expect([code, found.verdict]).toEqual([1, "different"]);
    const [rotten, ...others] = found.origins.filter(({ differences }) => differences.length > 0);
    expect(others).toEqual([]);
    expect(rotten).toMatchObject({ stream: STREAM, origin: expect.stringMatching(/^ship-/) });
    expect(rotten?.differences).toEqual([
      { kind: "lacking", site: victim.name, reason: "damaged", from: expect.any(Number), to: expect.any(Number) },
    ]);

    // Found damage is asked for at once; whoever repairs waits until it has come.
    const repaired = await verifySites(fleet.tokyo, victim, "--deep", "--repair");
    expect([repaired.code, repaired.output]).toEqual([0, expect.stringMatching(/tokyo and singapore: equal/)]);
    const after = await compareServices(fleet.tokyo, victim, "--deep");
    expect([after.code, after.found.verdict]).toEqual([0, "equal"]);
  });

  it("could not compare: exit code 2, and why", async () => {
    await fleet.singapore.stop();
    const gone = await verifySites(fleet.tokyo, fleet.singapore);
    expect([gone.code, gone.problem]).toEqual([2, expect.stringContaining("does not answer")]);
    await fleet.singapore.start();
    const nobody = await verifySites(fleet.tokyo, fleet.singapore, "--stream", "nobody.*");
    expect([nobody.code, nobody.problem]).toEqual([2, expect.stringContaining("no stream")]);
  });
});
