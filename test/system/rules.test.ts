import type { RulesInForce, RulesReply, StatusReply } from "@landfall/proto/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { book } from "../support/bookings.js";
import { ask, askJson, login, recordsOf, streamsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { follow, type Feed } from "../support/feed.js";
import { connectSensor, containerNumber, reading } from "../support/sensor.js";
import type { Service } from "../support/service.js";
import { OPS_TOKEN, startSmallFleet, type SmallFleet } from "../support/small-fleet.js";

const DUCKS = containerNumber(305_438);
const SENTINEL = containerNumber(305_439);
const FROM = "2026-01-01T00:00:00.000Z";

describe("a rule changed at Los Angeles", () => {
  let fleet: SmallFleet;
  let ops: string;
  let ducky: string;
  let feed: Feed;
  let serial = 0;

  beforeAll(async () => {
    fleet = await startSmallFleet();
    ops = await login(fleet.losAngeles, "ops");
    ducky = await login(fleet.duckworks, "ducky");
    await book(fleet.losAngeles, ops, { container: DUCKS, owner: "duckworks", from: FROM }, [fleet.yard]);
    await measure(1);
    await held(fleet.duckworks, 1);
    feed = await follow(fleet.duckworks, ducky);
  });
  afterAll(async () => {
    feed?.close();
    await fleet?.close();
  });

  /** So many readings of the ducks, taken in by the yard in Tokyo. */
  async function measure(count: number): Promise<void> {
    const sensor = await connectSensor(fleet.yardMqttPort, "gateway");
    for (let i = 0; i < count; i++) {
      const time = Date.parse("2026-02-01T00:00:00.000Z") + serial++ * 60_000;
      await sensor.publishAsync(`containers/${DUCKS}/telemetry`, reading({ time, temperatureC: serial }), { qos: 1 });
    }
    await sensor.endAsync();
  }

  const held = (service: Service, count: number) =>
    eventually(`${count} readings at ${service.name}`, async () => {
      const records = await recordsOf(service, "duckworks.containers", DUCKS);
      return records.length >= count && records;
    });
  const put = (body: object) =>
    askJson<RulesInForce>(fleet.losAngeles, "/api/rules", ops, { method: "PUT", body: JSON.stringify(body) });
  const rulesAt = (service: Service) => askJson<RulesReply>(service, "/api/rules?owner=duckworks", OPS_TOKEN);
  const known = (service: Service, isSet: boolean) =>
    eventually(`the rule ${isSet ? "at" : "gone from"} ${service.name}`, async () => {
      const { owners } = await rulesAt(service);
      return (owners[0]?.keys.find(({ key }) => key === "access")?.rules !== undefined) === isSet;
    });

  it("A4, R8: revokes a reader, whose open feed at the manufacturer's loses the stream, and that site's replication; given back, all comes once", async () => {
    await measure(1);
    await feed.next(({ type, data }) => type === "containers" && JSON.stringify(data).includes('"temperatureC":2'));
    const rules = [{ stream: "duckworks.*", read: "g:bigblue-ops", replicate: "g:bigblue-sites" }];
    await put({ owner: "duckworks", key: "access", rules });
    const gone = await feed.next(({ type, data }) => type === "containers" && data.gone?.includes(DUCKS) === true);
    expect((await ask(fleet.duckworks, `/api/containers/${DUCKS}`, ducky)).status).toBe(404);
    for (const service of [fleet.tokyo, fleet.singapore, fleet.yard, fleet.duckworks]) await known(service, true);

    await measure(3);
    await held(fleet.tokyo, 5);
    await held(fleet.losAngeles, 5);
    // Settings still reach the manufacturer: this booking, after everybody else had the readings.
    await book(fleet.losAngeles, ops, { container: SENTINEL, owner: "duckworks", from: FROM }, [fleet.duckworks]);
    expect(await recordsOf(fleet.duckworks, "duckworks.containers", DUCKS)).toHaveLength(2);
    expect(feed.events.slice(feed.events.indexOf(gone) + 1).filter(({ type }) => type === "containers")).toEqual([]);

    const before = (await askJson<StatusReply>(fleet.duckworks, "/api/status", OPS_TOKEN)).store.recordsApplied;
    const seen = feed.events.length;
    await askJson<RulesInForce>(fleet.losAngeles, "/api/rules?owner=duckworks&key=access", ops, { method: "DELETE" });
    const back = await held(fleet.duckworks, 5);
    await feed.next(
      ({ type, data }) => type === "containers" && JSON.stringify(data).includes('"temperatureC":5'),
      seen,
    );
    const ashore = await recordsOf(fleet.losAngeles, "duckworks.containers", DUCKS);
    expect(back.map(({ offset, origin, value }) => ({ offset, origin, value }))).toEqual(
      ashore.map(({ offset, origin, value }) => ({ offset, origin, value })),
    );
    // The word that they are allowed again, and three readings, each once.
    const after = (await askJson<StatusReply>(fleet.duckworks, "/api/status", OPS_TOKEN)).store.recordsApplied;
    expect(after - before).toBe(4);
  });

  it("R8: no site learns another owner's settings", async () => {
    for (const owner of ["polarfoods", "bigblue"]) {
      const rules = [{ stream: `${owner}.latest`, days: 1 }];
      await put({ owner, key: "retention", rules });
    }
    await put({ owner: "duckworks", key: "retention", rules: [{ stream: "duckworks.latest", days: 1 }] });
    await eventually("the manufacturer's own rule at its site", async () => {
      const { owners } = await rulesAt(fleet.duckworks);
      return owners[0]?.keys.find(({ key }) => key === "retention")?.rules !== undefined;
    });
    expect((await streamsOf(fleet.duckworks)).filter((stream) => !stream.startsWith("duckworks."))).toEqual([]);
    const { rules } = await askJson<StatusReply>(fleet.duckworks, "/api/status", OPS_TOKEN);
    expect(rules.map(({ owner, key }) => `${owner} ${key}`)).toEqual(["duckworks retention"]);
  });
});
