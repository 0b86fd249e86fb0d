import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import type { ApiRecord } from "@landfall/proto/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { book } from "../support/bookings.js";
import { ask, login, recordsOf, streamsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { connectSensor, containerNumber, reading } from "../support/sensor.js";
import { startSmallFleet, type SmallFleet } from "../support/small-fleet.js";

const run = promisify(execFile);

const DUCKS = containerNumber(305_438);
const FOREIGN = containerNumber(700_001, "MSKU");
const UNBOOKED = containerNumber(42, "TGHU");
const BOOKED_FROM = "2026-01-01T00:00:00.000Z";

function hasMosquitto(): boolean {
  try {
    execFileSync("mosquitto_pub", ["--version"], { stdio: "ignore" });
    return true;
  } catch (error) {
    // `--version` answers with exit code 1 in some versions; only its absence matters.
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

/** Publishes as a stock client; resolves after the PUBACK. */
async function publish(port: number, topic: string, message: string): Promise<void> {
  if (hasMosquitto()) {
    await run("mosquitto_pub", ["-h", "127.0.0.1", "-p", String(port), "-q", "1", "-t", topic, "-m", message], {
      timeout: 20_000,
    });
    return;
  }
  const client = await connectSensor(port, "stock-client");
  await client.publishAsync(topic, message, { qos: 1 });
  await client.endAsync();
}

const same = (record: ApiRecord) => ({
  offset: record.offset,
  origin: record.origin,
  seq: record.seq,
  value: record.value,
});

describe("one history everywhere", () => {
  let fleet: SmallFleet;
  let ops: string;
  let ducky: string;

  beforeAll(async () => {
    if (!hasMosquitto()) console.log("mosquitto_pub is not installed: the mqtt package stands in for it");
    fleet = await startSmallFleet();
    ops = await login(fleet.losAngeles, "ops");
    ducky = await login(fleet.losAngeles, "ducky");
    fleet.portLink.restore();
    await book(fleet.losAngeles, ops, { container: DUCKS, owner: "duckworks", from: BOOKED_FROM }, [
      fleet.ship,
      fleet.yard,
    ]);
    await book(fleet.losAngeles, ops, { container: FOREIGN, owner: "polarfoods", from: BOOKED_FROM }, [
      fleet.ship,
      fleet.yard,
    ]);
    fleet.portLink.cut();
  });
  afterAll(() => fleet?.close());

  it("I1, O1, R1: twice the same publish at sea is one record, with one offset and the same bytes at ship, port and headquarters", async () => {
    const topic = `containers/${DUCKS}/telemetry`;
    const message = reading({ time: "2026-02-03T04:05:06.000Z", temperatureC: 4.25, "odd  spacing": "kept" });
    await publish(fleet.mqttPort, topic, message);
    await publish(fleet.mqttPort, topic, message);

    const aboard = await recordsOf(fleet.ship, "duckworks.containers", DUCKS);
    expect(aboard.map(({ value }) => value)).toEqual([message]);
    expect(await recordsOf(fleet.losAngeles, "duckworks.containers", DUCKS)).toEqual([]);

    fleet.portLink.restore();
    for (const service of [fleet.tokyo, fleet.singapore, fleet.losAngeles, fleet.duckworks]) {
      const there = await eventually(`the record at ${service.name}`, async () => {
        const records = await recordsOf(service, "duckworks.containers", DUCKS);
        return records.length > 0 && records;
      });
      expect(there.map(same)).toEqual(aboard.map(same));
    }
    // And once more, now that it is ashore.
    await publish(fleet.mqttPort, topic, message);
    expect(await recordsOf(fleet.ship, "duckworks.containers", DUCKS)).toHaveLength(1);
    fleet.portLink.cut();
  });

  it("one container has one history over ship and yard", async () => {
    await publish(
      fleet.mqttPort,
      `containers/${DUCKS}/telemetry`,
      reading({ time: "2026-02-04T00:00:00.000Z", humidityPct: 61 }),
    );
    await publish(
      fleet.yardMqttPort,
      `containers/${DUCKS}/telemetry`,
      reading({ time: "2026-02-05T00:00:00.000Z", humidityPct: 62 }),
    );
    fleet.portLink.restore();
    const history = await eventually("both readings in Los Angeles", async () => {
      const records = await recordsOf(fleet.losAngeles, "duckworks.containers", DUCKS);
      return records.length >= 3 && records;
    });
    expect(new Set(history.map(({ origin }) => origin.split(".")[0]))).toEqual(new Set(["ship-9321483", "tokyo-yard"]));
    expect(history.map(({ offset }) => offset)).toEqual(history.map(({ offset }) => offset).toSorted((a, b) => a - b));
    const elsewhere = await eventually("the same in Singapore", async () => {
      const records = await recordsOf(fleet.singapore, "duckworks.containers", DUCKS);
      return records.length === history.length && records;
    });
    expect(elsewhere.map(same)).toEqual(history.map(same));
    fleet.portLink.cut();
  });

  it("R8: the manufacturer's site holds its own streams and nothing else", async () => {
    await publish(fleet.yardMqttPort, `containers/${FOREIGN}/telemetry`, reading({ time: "2026-02-05T00:00:00.000Z" }));
    await publish(
      fleet.yardMqttPort,
      `containers/${UNBOOKED}/telemetry`,
      reading({ time: "2026-02-05T00:00:00.000Z" }),
    );
    await eventually("the other customer's record in Los Angeles", async () => {
      const records = await recordsOf(fleet.losAngeles, "polarfoods.containers", FOREIGN);
      return records.length > 0;
    });
    await eventually("the record of the container that nobody booked", async () => {
      const records = await recordsOf(fleet.losAngeles, "bigblue.unassigned", UNBOOKED);
      return records.length === 1;
    });
    const atDuckworks = await streamsOf(fleet.duckworks);
    expect(atDuckworks).toContain("duckworks.containers");
    expect(atDuckworks.filter((stream) => !stream.startsWith("duckworks."))).toEqual([]);
  });

  it("A1, A3: as ducky, a foreign container answers like one that does not exist, on every path", async () => {
    const nobody = containerNumber(999_999, "MSKU");
    for (const path of [
      (c: string) => `/api/containers/${c}`,
      (c: string) => `/api/containers/${c}/history`,
      (c: string) => `/api/containers/${c}/history?format=csv`,
      (c: string) => `/api/containers/${c}/history?format=gpx`,
      (c: string) => `/api/containers/${c}/history?format=geojson`,
      (c: string) => `/api/containers?q=${c}`,
      (c: string) => `/api/streams/polarfoods.containers/topics/${c}/records`,
    ]) {
      const foreign = await ask(fleet.losAngeles, path(FOREIGN), ducky);
      const missing = await ask(fleet.losAngeles, path(nobody), ducky);
      expect({ path: path("X"), status: foreign.status, text: foreign.text.replaceAll(FOREIGN, "X") }).toEqual({
        path: path("X"),
        status: missing.status,
        text: missing.text.replaceAll(nobody, "X"),
      });
      // For operations the foreign one is there: the equality above is not one of two failures.
      const seen = await ask(fleet.losAngeles, path(FOREIGN), ops);
      expect(seen.status).toBe(200);
      expect(seen.text).not.toEqual(foreign.text);
    }
    expect((await ask(fleet.losAngeles, `/api/containers/${DUCKS}`, ducky)).status).toBe(200);
  });
});
