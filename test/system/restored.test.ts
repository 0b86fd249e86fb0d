import { join } from "node:path";
import type { ApiRecord } from "@landfall/proto/api";
import { copyFiles, restoreInPlace } from "@landfall/streams/testing/restore-in-place";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { book } from "../support/bookings.js";
import { login, recordsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { connectSensor, containerNumber, reading } from "../support/sensor.js";
import type { Service } from "../support/service.js";
import { startSmallFleet, type SmallFleet } from "../support/small-fleet.js";

const SHIPS_DUCKS = [305_438, 305_439].map((serial) => containerNumber(serial));
const STREAM = "duckworks.containers";
const FIRST_MS = Date.parse("2026-03-01T00:00:00.000Z");

const offsets = (records: readonly ApiRecord[]): number[] => records.map(({ offset }) => offset);
const values = (records: readonly ApiRecord[]): string[] => records.map(({ value }) => value ?? "").toSorted();

/** Who cannot mend a fork when it is met, since others have to first, is asked again after a minute. */
const FORKED_MS_MAX = 150_000;

describe("a ship whose folder is put back to an earlier state, as it lies there", () => {
  let fleet: SmallFleet;
  let ducks = "";
  let count = 0;
  let published: string[] = [];

  beforeAll(async () => {
    fleet = await startSmallFleet();
    const ops = await login(fleet.losAngeles, "ops");
    fleet.portLink.restore();
    for (const container of SHIPS_DUCKS)
      await book(fleet.losAngeles, ops, { container, owner: "duckworks", from: "2026-01-01T00:00:00.000Z" }, [
        fleet.ship,
      ]);
  });
  afterAll(() => fleet?.close());

  async function publish(readings: number): Promise<void> {
    const client = await connectSensor(fleet.mqttPort, "gateway");
    for (let i = 0; i < readings; i++) {
      const message = reading({ time: FIRST_MS + count * 60_000, temperatureC: count++ % 30 });
      await client.publishAsync(`containers/${ducks}/telemetry`, message, { qos: 1 });
      published.push(message);
    }
    await client.endAsync();
  }

  const everywhere = async (records: number): Promise<void> => {
    for (const service of [fleet.tokyo, fleet.singapore, fleet.losAngeles, fleet.duckworks]) {
      let seen = 0;
      const isThere = async (): Promise<boolean> =>
        (seen = (await recordsOf(service, STREAM, ducks)).length) === records;
      await eventually(() => `${records} records at ${service.name}; ${seen} are there`, isThere, FORKED_MS_MAX);
    }
  };

  /** How often the ship has said, as far as is known there, that it was put back. */
  async function timesTold(at: Service): Promise<number> {
    const told = await recordsOf(at, "bigblue.exceptions", `${fleet.ship.name}.a`);
    return told.filter(({ value }) => value?.includes('"RESTORED"') === true).length;
  }

  it.each([
    ["met port and headquarters at once", SHIPS_DUCKS[0]!, false],
    // Headquarters tells how far it has what the satellite does not carry, and shows none of it.
    ["met headquarters first, over a satellite", SHIPS_DUCKS[1]!, true],
  ])(
    "S2, R1: goes on under a new origin when it has %s; what it was told since arrives once, with its offsets, beside what it had lost",
    { timeout: 600_000 },
    async (_, container, isSatelliteFirst) => {
      [ducks, published] = [container, []];
      const times = await timesTold(fleet.ship);
      const isTold = (at: Service): Promise<boolean> =>
        eventually(`${at.name} to know of it`, async () => (await timesTold(at)) > times);
      const data = fleet.ship.settings["data"] as string;
      const backup = join(data, "..", `backup-before-${ducks}`);
      await publish(3);
      await everywhere(3);
      await fleet.ship.stop();
      copyFiles(data, backup);

      await fleet.ship.start();
      await publish(5);
      await everywhere(8);
      fleet.portLink.cut();
      fleet.satellite.cut();
      await fleet.ship.kill9();
      restoreInPlace(backup, data);

      // At sea, without knowing: the numbers of the five are given again.
      await fleet.ship.start();
      await publish(2);
      const aboard = await recordsOf(fleet.ship, STREAM, ducks);
      expect(aboard).toHaveLength(5);
      expect(new Set(aboard.map(({ origin }) => origin)).size).toBe(1);

      fleet.satellite.restore();
      if (isSatelliteFirst) await isTold(fleet.ship);
      fleet.portLink.restore();
      await publish(2);
      await everywhere(12);
      const [tokyo, losAngeles] = [fleet.tokyo, fleet.losAngeles];
      const ashore = await recordsOf(tokyo, STREAM, ducks);
      expect(values(ashore)).toEqual(published.toSorted());
      expect(new Set(offsets(ashore)).size).toBe(12);
      expect(offsets(ashore)).toEqual(expect.arrayContaining(offsets(aboard)));
      expect(offsets(await recordsOf(losAngeles, STREAM, ducks))).toEqual(offsets(ashore));
      const ours = await eventually("the ship to show each once", async () => {
        const records = await recordsOf(fleet.ship, STREAM, ducks);
        return records.length === 7 && records;
      });
      // Histories do not come back to a ship that wants only settings; what it wrote since it was put back is there.
      expect(offsets(ours)).toEqual(expect.arrayContaining(offsets(aboard)));
      await isTold(fleet.losAngeles);
    },
  );
});
