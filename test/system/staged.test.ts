import type { StreamsReply } from "@landfall/proto/api";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";
import type { MqttClient } from "mqtt";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askJson } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { shipAtSea } from "../support/ship-at-sea.js";
import { containerNumber, noise, reading } from "../support/sensor.js";
import { OPS_TOKEN, type SmallFleet } from "../support/small-fleet.js";
import { verifySites } from "../support/verify.js";

const SEED = testSeed(20_261_130);
const CONTAINERS = Array.from({ length: 20 }, (_, i) => containerNumber(700 + i));
/** So many that the ship packs them before it sends them, and so large that they take half a minute. */
const BACKLOG = 22_000;
const NOISE_CHARS = 120;
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");
const STREAM = "duckworks.containers";
/** What must be on Tokyo's disk before it is killed. */
const STAGED_BYTES = 700_000;
/** Of what goes over the line besides: TLS, announcements, metrics, what is deflated and what is not. */
const OTHER_BYTES = 250_000;

interface StagedRun {
  /** Of the whole run. */
  readonly runBytes: number;
  /** Of it on disk. */
  readonly bytes: number;
}

/** What a note and the file beside it say; undefined once they are gone, because the run is in. */
function stagedRun(file: string): StagedRun | undefined {
  try {
    const { note } = JSON.parse(readFileSync(file, "utf8")) as { note: { run: { bytes: number } } };
    return { runBytes: note.run.bytes, bytes: statSync(file.replace(/\.json$/, ".lfs")).size };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

describe(`a port is killed while a ship unloads over 1 Mbit/s (seed ${SEED})`, () => {
  let fleet: SmallFleet;
  let sensor: MqttClient;
  const random = seededRandom(SEED);

  beforeAll(async () => {
    ({ fleet, sensor } = await shipAtSea({ latencyMs: 20, kbps: 1_000 }, CONTAINERS));
  });
  afterAll(async () => {
    await sensor?.endAsync(true);
    await fleet?.close();
  });

  async function publishBacklog(): Promise<void> {
    const inFlight: Promise<unknown>[] = [];
    for (let i = 0; i < BACKLOG; i++) {
      const container = CONTAINERS[i % CONTAINERS.length] as string;
      const note = noise(NOISE_CHARS, random);
      const message = reading({ time: FIRST_MS + i * 1_000, temperatureC: Math.round(400 * random()) / 10, note });
      inFlight.push(sensor.publishAsync(`containers/${container}/telemetry`, message, { qos: 1 }));
      if (inFlight.length >= 400) await Promise.all(inFlight.splice(0));
    }
    await Promise.all(inFlight);
  }

  const folder = () => String(fleet.tokyo.settings.data);

  /** Runs that are half-way in, with what is in their files. */
  function staged(): StagedRun[] {
    const notes = readdirSync(folder()).filter((name) => /^staged-\d+\.json$/.test(name));
    return notes.flatMap((name) => stagedRun(join(folder(), name)) ?? []);
  }

  async function heldAtTokyo(): Promise<number> {
    const { streams } = await askJson<StreamsReply>(fleet.tokyo, "/api/streams", OPS_TOKEN);
    return streams.find(({ name }) => name === STREAM)?.records ?? 0;
  }

  it("R4: what was on the port's disk of a run does not cross the line again", async () => {
    await publishBacklog();
    fleet.portLink.restore();
    const isLong = () => staged().some(({ bytes }) => bytes > STAGED_BYTES);
    await eventually("half of a run in Tokyo", async () => isLong(), 120_000);
    await fleet.tokyo.kill9();
    const [run] = staged().sort((a, b) => b.bytes - a.bytes);
    if (run === undefined) throw new Error("nothing is staged");
    expect(run.bytes).toBeLessThan(run.runBytes);
    const before = fleet.portLink.bytes;
    await fleet.tokyo.start();
    await eventually("all records in Tokyo", async () => (await heldAtTokyo()) >= BACKLOG, 180_000);
    const crossed = fleet.portLink.bytes - before;
    expect(crossed).toBeLessThan(run.runBytes - run.bytes + OTHER_BYTES);
    expect(crossed).toBeLessThan(run.runBytes);
    await eventually("nothing to be staged any more", () => staged().length === 0);
    const { code, output } = await verifySites(fleet.tokyo, fleet.ship, "--stream", "duckworks.*", "--deep");
    expect([code, output]).toEqual([0, expect.stringContaining("equal")]);
  });
});
