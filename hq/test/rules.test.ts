import type { ContainerState, LiveEvent, RulesInForce, RulesReply } from "@landfall/proto/api";
import { streamName } from "@landfall/streams/model/names";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SseClient } from "./support/sse.js";
import { TestHq, type Answer } from "./support/test-hq.js";
import { at, DUCKS, fillWorld, PEARS, reading } from "./support/world.js";

/** A busy machine takes its time to start a headquarters. */
const START_MS_MAX = 60_000;

describe("rules that travel", () => {
  let hq: TestHq;
  const clients: SseClient[] = [];
  const open = async (user: string): Promise<SseClient> => {
    const client = await SseClient.open(`${hq.url}/api/live`, await hq.tokenOf(user));
    clients.push(client);
    return client;
  };
  beforeEach(async () => {
    hq = await TestHq.start();
    await fillWorld(hq);
  }, START_MS_MAX);
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await hq.close();
  });

  const put = (body: object, as = "ops"): Promise<Answer> => hq.ask("/api/rules", { method: "PUT", body, as });
  const remove = (query: string, as = "ops"): Promise<Answer> =>
    hq.ask(`/api/rules?${query}`, { method: "DELETE", as });
  const closed = { owner: "duckworks", key: "access", rules: [{ stream: "duckworks.*", read: "g:bigblue-ops" }] };
  const documents = async () =>
    (await hq.hq.node.store.readStream(streamName("duckworks.settings"), undefined, 1_000)).records
      .filter(({ topic }) => topic.startsWith("rules."))
      .map(({ value }) => JSON.parse(Buffer.from(value).toString()) as object);
  const isOf = (container: string) => (event: LiveEvent) =>
    event.type === "containers" && event.data.containers.some((state) => state.container === container);

  it("are set, shown with where they came from, replaced and taken back", async () => {
    const first = (await put(closed)).json<RulesInForce>();
    expect(first).toMatchObject({ key: "access", rules: closed.rules, site: "los-angeles", by: "ops" });
    // The same once more is no news.
    expect((await put(closed)).json<RulesInForce>().version).toBe(first.version);
    expect(await documents()).toEqual([{ kind: "rules", version: 1, key: "access", rules: closed.rules, by: "ops" }]);
    const { owners } = (await hq.ask("/api/rules?owner=duckworks", { as: "ops" })).json<RulesReply>();
    expect(owners).toHaveLength(1);
    expect(owners[0]?.keys[0]).toEqual(first);
    const back = await remove(`owner=duckworks&key=access&replaces=${first.version}`);
    expect(back.json<RulesInForce>()).not.toHaveProperty("rules");
    expect(back.json<RulesInForce>().base).toHaveLength(1);
    expect((await documents()).at(-1)).toMatchObject({ rules: null, by: "ops" });
  });

  it("are not overwritten by somebody who has not seen them", async () => {
    const { version } = (await put({ ...closed, replaces: 0 })).json<RulesInForce>();
    const other = [{ stream: "duckworks.alerts", read: "!p" }];
    const late = await put({ ...closed, rules: other, replaces: 0 });
    expect([late.status, late.json<{ code: string }>().code]).toEqual([409, "CONFLICT"]);
    expect((await remove("owner=duckworks&key=access&replaces=1")).status).toBe(409);
    expect((await put({ ...closed, rules: other, replaces: version })).status).toBe(200);
  });

  it("are refused where they are not valid, and nothing is written", async () => {
    for (const rules of [[], [{ stream: "*", read: "p" }], [{ stream: "polarfoods.*", read: "p" }], "p", null]) {
      const answer = await put({ ...closed, rules });
      expect([answer.status, answer.json<{ code: string }>().code]).toEqual([400, "INVALID_ARGUMENT"]);
    }
    expect((await put({ ...closed, key: "grants" })).status).toBe(400);
    expect(await documents()).toEqual([]);
  });

  it("A3: an owner whose settings somebody may not read, or whose streams are no streams, does not exist", async () => {
    const foreign = await put({ ...closed, owner: "nobody-at-all" });
    expect([foreign.status, foreign.json<{ code: string }>().code]).toEqual([404, "NOT_FOUND"]);
    expect((await put({ ...closed, owner: "duckworks.containers" })).status).toBe(404);
    expect((await put(closed, "ducky")).status).toBe(404);
    expect((await remove("owner=duckworks&key=access", "sydney")).status).toBe(404);
  });

  it("A4: an open live feed loses what its reader may not see any more with the next tick, and gets it back", async () => {
    const [ops, ducky] = [await open("ops"), await open("ducky")];
    await hq.put("duckworks.containers", DUCKS, at(22), reading({ temperatureC: 5 }));
    await ducky.next(isOf(DUCKS));
    await put(closed);
    const gone = await ducky.next((event) => event.type === "containers" && event.data.gone?.includes(DUCKS) === true);
    const seen = ducky.messages.indexOf(gone);
    await hq.put("duckworks.containers", DUCKS, at(23), reading({ temperatureC: 6 }));
    await hq.put("polarfoods.containers", PEARS, at(23), reading());
    // The feed of who may still see it is past it, and so is theirs.
    await ops.next(isOf(PEARS));
    expect((await hq.ask(`/api/containers/${DUCKS}`, { as: "ducky" })).status).toBe(404);
    const beforeReturn = ducky.messages.length;
    expect(ducky.messages.slice(seen + 1).filter(({ event }) => isOf(DUCKS)(event))).toEqual([]);
    await remove("owner=duckworks&key=access");
    const { event } = await ducky.next(isOf(DUCKS), beforeReturn);
    const state =
      event.type === "containers" ? event.data.containers.find(({ container }) => container === DUCKS) : undefined;
    expect(state?.measurements.temperatureC).toBe(6);
  });

  it("of how far a reefer may be from its set point colour the map, at once, of who may read them", async () => {
    await hq.put("polarfoods.containers", PEARS, at(24), reading({ temperatureC: 5, setpointC: 4 }));
    await hq.put("duckworks.containers", DUCKS, at(24), reading({ temperatureC: 5, setpointC: 4 }));
    const status = async (container: string, as: string) =>
      (await hq.ask(`/api/containers/${container}`, { as })).json<ContainerState>().status;
    expect(await status(DUCKS, "ops")).toBe("fine");
    const live = await open("ops");
    await put({ owner: "bigblue", key: "onboard", rules: { rangeToleranceC: 0.5 } });
    expect(await status(DUCKS, "ops")).toBe("out-of-range");
    await live.next(isOf(DUCKS));
    // Whose container it is may not read what the carrier has set, and is shown the default.
    expect(await status(DUCKS, "ducky")).toBe("fine");
    await remove("owner=bigblue&key=onboard");
    expect(await status(DUCKS, "ops")).toBe("fine");
  });
});
