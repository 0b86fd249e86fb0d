import type { AlertsReply, ApiRecord, StatusReply } from "@landfall/proto/api";
import type { MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { book } from "../support/bookings.js";
import { askJson, login, recordsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { connectSensor, containerNumber, reading } from "../support/sensor.js";
import { SHIP, startSmallFleet, type SmallFleet } from "../support/small-fleet.js";

const DUCKS = Array.from({ length: 12 }, (_, i) => containerNumber(800 + i));
const OVERBOARD = DUCKS[3] as string;
const START_MS = Date.parse("2026-04-01T00:00:00.000Z");
const QUARTER_MS = 15 * 60_000;

describe("ducks over the side", () => {
  let fleet: SmallFleet;
  let ops: string;
  let sensor: MqttClient;

  beforeAll(async () => {
    fleet = await startSmallFleet();
    ops = await login(fleet.losAngeles, "ops");
    fleet.portLink.restore();
    for (const container of DUCKS) {
      await book(fleet.losAngeles, ops, { container, owner: "duckworks", from: "2026-01-01T00:00:00.000Z" }, [
        fleet.ship,
      ]);
    }
    sensor = await connectSensor(fleet.mqttPort, "gateway");
    for (const container of DUCKS) {
      const event = {
        type: "LOAD",
        time: new Date(START_MS).toISOString(),
        location: "JPTYO",
        vessel: SHIP,
        voyage: "024E",
      };
      await sensor.publishAsync(`containers/${container}/events`, JSON.stringify(event), { qos: 1 });
    }
    fleet.portLink.cut();
  });
  afterAll(async () => {
    await sensor?.endAsync(true);
    await fleet?.close();
  });

  it("R7: the alert is in Los Angeles and at the manufacturer while the backlog is still on board", async () => {
    // A day at sea: everybody reports, then one box tilts, is struck and says nothing more.
    for (let quarter = 1; quarter <= 40; quarter++) {
      for (const container of DUCKS) {
        if (container === OVERBOARD && quarter > 20) continue;
        const falling = container === OVERBOARD && quarter === 20;
        const message = reading({
          time: START_MS + quarter * QUARTER_MS,
          ...(falling ? { tiltDeg: 87, shockG: 12 } : { tiltDeg: 3 }),
        });
        await sensor.publishAsync(`containers/${container}/telemetry`, message, { qos: 1 });
      }
    }
    const isLost = (record: ApiRecord) =>
      (JSON.parse(record.value ?? "{}") as { type?: string; state?: string }).type === "LOST";
    for (const service of [fleet.losAngeles, fleet.duckworks]) {
      const alerts = await eventually(`the alert at ${service.name}`, async () => {
        const records = await recordsOf(service, "duckworks.alerts", OVERBOARD);
        return records.some(isLost) && records;
      });
      expect(alerts.filter(isLost)).toHaveLength(1);
    }
    // The readings themselves have not moved: the satellite carries alerts and ships alone.
    for (const container of DUCKS) {
      expect(
        (await recordsOf(fleet.losAngeles, "duckworks.containers", container)).filter(({ value }) =>
          value?.includes("tiltDeg"),
        ),
      ).toEqual([]);
    }
    const { alerts } = await askJson<AlertsReply>(fleet.losAngeles, "/api/alerts", ops);
    expect(alerts.filter(({ type }) => type === "LOST").map(({ container }) => container)).toEqual([OVERBOARD]);
  });

  it("what is still to send is known on board, and all of it comes ashore at the next arrival", async () => {
    const waiting = async () => {
      const status = await askJson<StatusReply>(fleet.ship, "/api/status", "ops-token-of-the-tests");
      return status.notHandedOverStreams.find(({ stream }) => stream === "duckworks.containers")?.records ?? 0;
    };
    expect(await waiting()).toBeGreaterThan(400);
    fleet.portLink.restore();
    await eventually("the backlog to be ashore", async () => (await waiting()) === 0);
    const ashore = await recordsOf(fleet.losAngeles, "duckworks.containers", OVERBOARD);
    const aboard = await recordsOf(fleet.ship, "duckworks.containers", OVERBOARD);
    expect(ashore.map(({ offset, value }) => ({ offset, value }))).toEqual(
      aboard.map(({ offset, value }) => ({ offset, value })),
    );
  });
});
