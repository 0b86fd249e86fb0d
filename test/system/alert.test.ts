import type { AlertsReply, AlertValue, ApiRecord, RulesReply, StatusReply } from "@landfall/proto/api";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { MqttClient } from "mqtt";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { book } from "../support/bookings.js";
import { findChromium, launchChromium } from "../support/chromium.js";
import { askJson, login, recordsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { connectSensor, containerNumber, reading } from "../support/sensor.js";
import { skipWithout } from "../support/required.js";
import type { Service } from "../support/service.js";
import { OPS_TOKEN, PASSWORD, SHIP, startSmallFleet, type SmallFleet } from "../support/small-fleet.js";

const DUCKS = Array.from({ length: 12 }, (_, i) => containerNumber(800 + i));
const OVERBOARD = DUCKS[3] as string;
const START_MS = Date.parse("2026-04-01T00:00:00.000Z");
const QUARTER_MS = 15 * 60_000;
/** In the Tasman Sea, some 140 miles from Sydney. */
const AT_SEA = { latitude: -33.5, longitude: 154 };

const chromium = findChromium();

describe("ducks over the side", () => {
  let fleet: SmallFleet;
  let ops: string;
  let sensor: MqttClient;
  let browser: Browser | undefined;

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
    await browser?.close();
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
          ...AT_SEA,
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

  const mapOf = async (service: Service, username: string): Promise<Page> => {
    browser ??= await launchChromium(chromium as string);
    const context = await browser.newContext({ reducedMotion: "reduce" });
    await context.request.post(`${service.url}/api/session`, { data: { username, password: PASSWORD } });
    const page = await context.newPage();
    await page.goto(`${service.url}/?tab=alerts`);
    return page;
  };

  it.skipIf(skipWithout("chromium", chromium !== undefined))(
    "what went over the side off Sydney is told by the map alone; a word on it in Los Angeles is on the manufacturer's map",
    async () => {
      const [ops, ducky] = [await mapOf(fleet.losAngeles, "ops"), await mapOf(fleet.duckworks, "ducky")];
      const number = formatContainerNumber(OVERBOARD);
      const lost = ops.getByRole("button", { name: new RegExp(`^Lost.*${number}.*nm off Sydney`) });
      await lost.first().waitFor();
      expect(await lost.count()).toBe(1);
      await lost.click();
      await ops.getByRole("heading", { name: `Lost ${number}` }).waitFor();
      // The fall itself came along, though its readings are still on board.
      const fall = ops.getByRole("region", { name: "Readings around the alert" }).getByRole("row").last();
      await fall.getByText("87").waitFor();
      await ops.getByLabel("What is done about it?").fill("Coast guard told");
      await ops.getByRole("button", { name: "Acknowledge" }).click();
      for (const page of [ops, ducky]) await page.getByText("Coast guard told").first().waitFor();
      await ducky.getByText("ops: Coast guard told").click();
      await ducky.getByText(/^ops, Los Angeles, /).waitFor();
    },
  );

  it("what is still to send is known on board, and all of it comes ashore at the next arrival", async () => {
    const waiting = async () => {
      const status = await askJson<StatusReply>(fleet.ship, "/api/status", "ops-token-of-the-tests");
      return status.notHandedOverStreams.find(({ stream }) => stream === "duckworks.containers")?.records ?? 0;
    };
    expect(await waiting()).toBeGreaterThan(400);
    fleet.portLink.restore();
    await eventually("the backlog to be ashore", async () => (await waiting()) === 0);
    const aboard = await recordsOf(fleet.ship, "duckworks.containers", OVERBOARD);
    // Ashore is in Tokyo: from there it goes on.
    const ashore = await eventually("the history in Los Angeles", async () => {
      const records = await recordsOf(fleet.losAngeles, "duckworks.containers", OVERBOARD);
      return records.length >= aboard.length && records;
    });
    expect(ashore.map(({ offset, value }) => ({ offset, value }))).toEqual(
      aboard.map(({ offset, value }) => ({ offset, value })),
    );
  });

  it.skipIf(skipWithout("chromium", chromium !== undefined))(
    "a rule changed on the map in Los Angeles is the ship's, which raises by it, and says so",
    async () => {
      const [page, container] = [await mapOf(fleet.losAngeles, "ops"), DUCKS[0] as string];
      await page.getByRole("button", { name: "Rules…" }).click();
      await page.getByLabel(/^A shock of more than this is told/).fill("5");
      await page.getByRole("button", { name: "Send to the ships" }).click();
      await page.getByText(/^In force since/).waitFor();
      const version = await eventually("the rule on board", async () => {
        const { owners } = await askJson<RulesReply>(fleet.ship, "/api/rules?owner=bigblue", OPS_TOKEN);
        const onboard = owners[0]?.keys.find(({ key }) => key === "onboard");
        return onboard?.rules !== undefined && onboard.version;
      });
      await page.getByRole("button", { name: "Close" }).click();
      const time = START_MS + 41 * QUARTER_MS;
      const struck = reading({ time, ...AT_SEA, shockG: 6 });
      await sensor.publishAsync(`containers/${container}/telemetry`, struck, { qos: 1 });
      const number = formatContainerNumber(container);
      await page.getByRole("button", { name: new RegExp(`^Shock.*${number}.*took a shock of 6 g`) }).click();
      await page.getByText(`version ${String(version)} of the rules`).waitFor();
      const [alert] = (await recordsOf(fleet.losAngeles, "duckworks.alerts", container)).map(
        ({ value }) => JSON.parse(value ?? "{}") as AlertValue,
      );
      expect(alert).toMatchObject({ type: "SHOCK", rule: { limits: { shockG: 5 }, version } });
    },
  );
});
