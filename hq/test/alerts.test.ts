import type { AlertReply, AlertsReply, AlertValue, ApiAlert, LiveEvent } from "@landfall/proto/api";
import { streamName } from "@landfall/streams/model/names";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FleetView } from "../src/view/fleet-view.js";
import { toApiAlert } from "../src/view/alerts.js";
import { record } from "./support/records.js";
import { SseClient } from "./support/sse.js";
import { TestHq } from "./support/test-hq.js";
import { at, fillWorld, LOST_DUCKS, PEARS, reading } from "./support/world.js";

/** A busy machine takes its time to start a headquarters. */
const START_MS_MAX = 60_000;
const ALERTS = streamName("duckworks.alerts");

describe("a word on an alert", () => {
  let hq: TestHq;
  beforeEach(async () => {
    hq = await TestHq.start();
    await fillWorld(hq);
  }, START_MS_MAX);
  afterEach(() => hq.close());

  const say = (message: string, as = "ops", id = "lost-1") =>
    hq.ask(`/api/alerts/${id}/ack`, { method: "POST", body: { message }, as });
  const written = async () =>
    (await hq.hq.node.store.readStream(ALERTS, undefined, 1_000)).records
      .map(({ value }) => JSON.parse(Buffer.from(value).toString()) as { state: string; message: string })
      .filter(({ state }) => state === "acknowledged");

  it("is a record beside it with who and when, neither opens nor closes it, and is still there after a restart", async () => {
    const answer = await say("  Told the coast guard ");
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json<ApiAlert>()).toMatchObject({
      id: "lost-1",
      state: "raised",
      acknowledgements: [{ by: "ops", site: "los-angeles", message: "Told the coast guard" }],
    });
    expect(await written()).toEqual([
      expect.objectContaining({ id: "lost-1", type: "LOST", container: LOST_DUCKS, by: "ops" }),
    ]);
    // Twice is once; another person's word is another.
    await say("Told the coast guard");
    await say("Insured", "ducky");
    await hq.restart().then((again) => (hq = again));
    const { alerts } = (await hq.ask("/api/alerts?state=raised", { as: "ops" })).json<AlertsReply>();
    expect(alerts.find(({ id }) => id === "lost-1")?.acknowledgements?.map(({ by, message }) => [by, message])).toEqual(
      [
        ["ops", "Told the coast guard"],
        ["ducky", "Insured"],
      ],
    );
  });

  it("A3: an alert that is not theirs and one that is not there are told apart by nobody; an empty word is none", async () => {
    const [foreign, absent] = [await say("x", "ducky", "warm-1"), await say("x", "ducky", "warm-2")];
    expect(foreign.status).toBe(404);
    expect(foreign.json<{ detail: string }>().detail).toBe(absent.json<{ detail: string }>().detail);
    const show = (id: string) => hq.ask(`/api/alerts/${id}`, { as: "ducky" });
    expect([(await show("warm-1")).status, (await show("warm-2")).status]).toEqual([404, 404]);
    for (const message of ["", "   ", "x".repeat(501)]) expect((await say(message)).status).toBe(400);
    expect(await written()).toEqual([]);
  });

  it("A4: reaches whoever has the map open and may see the alert, and nobody else", async () => {
    const clients = await Promise.all(
      ["ducky", "sydney"].map(async (name) => SseClient.open(`${hq.url}/api/live`, await hq.tokenOf(name))),
    );
    const [ducky, sydney] = clients as [SseClient, SseClient];
    const isSaid = (event: LiveEvent) => event.type === "alert" && event.data.acknowledgements !== undefined;
    await say("On its way");
    const { event } = await ducky.next(isSaid);
    expect(event).toMatchObject({ data: { id: "lost-1", acknowledgements: [{ by: "ops", message: "On its way" }] } });
    await hq.put("port.ausyd.events", PEARS, at(26), { type: "GTOT", time: at(26), location: "AUSYD" });
    await sydney.next(({ type }) => type === "containers");
    expect(sydney.messages.filter(({ event: one }) => one.type === "alert")).toEqual([]);
    for (const client of clients) client.close();
  });

  it("an alert is shown with the rule it was raised by and the readings before and after, for who may read those", async () => {
    const warm: AlertValue = {
      id: "warm-9",
      type: "OUT_OF_RANGE",
      severity: "warning",
      state: "raised",
      container: PEARS,
      time: at(22, 12),
      message: "warm",
      rule: { limits: { rangeToleranceC: 3 }, version: 4_096 },
      before: [{ time: at(22, 11), temperatureC: 9, setpointC: 4 }],
    };
    await hq.put("polarfoods.alerts", PEARS, at(22, 12), warm);
    const hours = [2, 8, 11, 12, 13, 15, 16, 20];
    for (const hour of hours)
      await hq.put("polarfoods.containers", PEARS, at(22, hour), reading({ temperatureC: hour }));
    const { alert, readings, mayAcknowledge } = (await hq.ask("/api/alerts/warm-9", { as: "ops" })).json<AlertReply>();
    expect(alert).toMatchObject({ rule: warm.rule, before: warm.before });
    expect(mayAcknowledge).toBe(true);
    expect(readings.map(({ temperatureC }) => temperatureC)).toEqual([8, 11, 12, 13]);
    expect(Object.keys(readings[0] ?? {}).sort()).toEqual(["powered", "setpointC", "temperatureC", "time"]);
  });
});

it("what was raised, cleared and said gives the same alert in whatever order it comes, said once", () => {
  const value = { id: "a", type: "LOST", severity: "critical", container: PEARS, message: "m" };
  const said = { id: "a", type: "LOST", state: "acknowledged", container: PEARS };
  const records = [
    record(ALERTS, PEARS, at(2), { ...value, state: "raised", time: at(2) }),
    record(ALERTS, PEARS, at(3), { ...said, time: at(3), by: "ops", message: "one" }),
    record(ALERTS, PEARS, at(4), { ...value, state: "cleared", time: at(4) }),
    record(ALERTS, PEARS, at(5), { ...said, time: at(5), by: "ducky", message: "two" }),
  ];
  const told = (order: readonly number[]) => {
    const view = new FleetView();
    for (const i of order) view.apply(records[i] as (typeof records)[number]);
    const trace = view.alerts.get(ALERTS)?.get("a");
    return trace && toApiAlert(trace);
  };
  const all = told([0, 1, 2, 3]);
  expect(all).toMatchObject({ state: "cleared", acknowledgements: [{ message: "one" }, { message: "two" }] });
  for (const order of [
    [3, 2, 1, 0],
    [1, 3, 0, 2],
    [2, 0, 3, 1, 1, 3],
  ])
    expect(told(order)).toEqual(all);
  expect(told([1])).toBeUndefined();
});
