import type {
  AuditReply,
  AuditValue,
  GrantReply,
  LiveEvent,
  RulesInForce,
  RulesReply,
  StatusReply,
} from "@landfall/proto/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { book } from "../support/bookings.js";
import { ask, askJson, login, recordsOf, streamsOf } from "../support/client.js";
import { eventually } from "../support/eventually.js";
import { follow, type Feed } from "../support/feed.js";
import { connectSensor, containerNumber, reading } from "../support/sensor.js";
import type { Service } from "../support/service.js";
import { OPS_TOKEN, SHIP, startSmallFleet, type SmallFleet } from "../support/small-fleet.js";

const DUCKS = containerNumber(305_438);
const SENTINEL = containerNumber(305_439);
const FROM = "2026-01-01T00:00:00.000Z";

describe("a rule changed, and a right given, at Los Angeles", () => {
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
  /** Records that came to the manufacturer's from others; what other sites tell of this test's own requests is not counted. */
  const applied = async (): Promise<number> => {
    const others = fleet.all.filter((service) => service !== fleet.duckworks);
    const told = await Promise.all(
      others.map(({ name }) => recordsOf(fleet.duckworks, "duckworks.audit", `${name}.a`)),
    );
    const { store } = await askJson<StatusReply>(fleet.duckworks, "/api/status", OPS_TOKEN);
    return store.recordsApplied - told.flat().length;
  };
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

    const before = await applied();
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
    await eventually("four records more", async () => (await applied()) - before === 4);
  });

  it("A4: a grant and a link given at Los Angeles open the ducks at the manufacturer's; taken back there, both feeds here end what they showed", async () => {
    const give = (subject: string) =>
      askJson<GrantReply>(fleet.losAngeles, "/api/grants", ops, {
        method: "POST",
        body: JSON.stringify({
          owner: "duckworks",
          subject,
          topics: [DUCKS],
          from: FROM,
          ...(subject === "link" && { validUntil: new Date(Date.now() + 86_400_000).toISOString() }),
        }),
      });
    const takeBack = ({ id }: GrantReply) =>
      askJson<GrantReply>(fleet.losAngeles, `/api/grants?owner=duckworks&id=${id}`, ops, { method: "DELETE" });
    const guest = await login(fleet.duckworks, "guest");
    expect((await ask(fleet.duckworks, `/api/containers/${DUCKS}`, guest)).status).toBe(404);
    const grant = await give("u:guest");
    const link = await give("link");
    const token = link.token ?? "";
    for (const holder of [guest, token]) {
      await eventually("the ducks to be shown at the manufacturer's", async () => {
        return (await ask(fleet.duckworks, `/api/containers/${DUCKS}`, holder)).status === 200;
      });
    }
    const [ofGuest, ofLink] = await Promise.all([guest, token].map((holder) => follow(fleet.duckworks, holder)));
    if (!ofGuest || !ofLink) throw new Error("there is no feed");
    try {
      await measure(1);
      const isNews = ({ type, data }: LiveEvent) => type === "containers" && JSON.stringify(data).includes(DUCKS);
      await Promise.all([ofGuest.next(isNews), ofLink.next(isNews)]);
      await takeBack(grant);
      await ofGuest.next(({ type, data }) => type === "containers" && data.gone?.includes(DUCKS) === true);
      expect((await ask(fleet.duckworks, `/api/containers/${DUCKS}`, guest)).status).toBe(404);
      await takeBack(link);
      await ofLink.ended;
      expect((await ask(fleet.duckworks, `/api/containers/${DUCKS}`, token)).status).toBe(401);
    } finally {
      ofGuest.close();
      ofLink.close();
    }
  });

  it("A2: who read at a port is told to the owner's headquarters; what a ship refused goes ashore in port, not by satellite", async () => {
    const ofShip = (service: Service) => recordsOf(service, "bigblue.audit", `${fleet.ship.name}.a`);
    const stranger = await connectSensor(fleet.mqttPort, "stranger");
    for (let i = 0; i < 100; i++) await stranger.publishAsync("$SYS/broker/clients", String(i), { qos: 1 });
    await stranger.publishAsync(`ships/${SHIP}/position`, reading({ time: Date.parse(FROM), temperatureC: 1 }), {
      qos: 1,
    });
    await stranger.endAsync();
    expect((await ask(fleet.ship, "/api/streams", "a-token-that-nobody-has")).status).toBe(401);
    const told = await eventually("the refusals in the ship's audit", async () => {
      const records = await ofShip(fleet.ship);
      const found = records.map(({ value = "" }) => JSON.parse(value) as AuditValue);
      return found.some(({ action }) => action === "device.publish") && found;
    });
    const refused = told.filter(({ outcome }) => outcome === "refused");
    // A hundred of the same are one record, until the fold is over.
    expect(refused.filter(({ action }) => action === "device.publish")).toMatchObject([
      { user: "", via: "nobody", address: "127.0.0.1", subject: "$SYS/broker/clients", status: 403, count: 1 },
    ]);
    expect(refused.filter(({ action }) => action === "stream.list")).toMatchObject([{ status: 401, via: "nobody" }]);
    // The satellite is up, and has brought what came after.
    await eventually("the position at Los Angeles", async () => {
      return (await recordsOf(fleet.losAngeles, "bigblue.ships", `${SHIP}.position`)).length > 0;
    });
    expect(await ofShip(fleet.losAngeles)).toEqual([]);
    fleet.portLink.restore();
    await eventually("the ship's audit at Los Angeles", async () => (await ofShip(fleet.losAngeles)).length > 0);

    await held(fleet.tokyo, 1);
    await eventually("who read the ducks in Tokyo, told at the manufacturer's", async () => {
      const { entries } = await askJson<AuditReply>(fleet.duckworks, "/api/audit?action=stream&owner=duckworks", ducky);
      return entries.some(
        ({ site, user, subject, action }) =>
          site === "tokyo" &&
          user === "ops" &&
          action === "stream.records" &&
          subject === `duckworks.containers:${DUCKS}`,
      );
    });
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
