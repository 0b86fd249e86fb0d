import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AlertReply, AuditReply, AuditValue, TokenReply } from "@landfall/proto/api";
import { streamName, topicName } from "@landfall/streams/model/names";
import { createHttpServer } from "@landfall/streams/http/server";
import { createLog } from "@landfall/streams/observe/log";
import { AUDIT_FOLD_MS } from "@landfall/streams/audit/audit-limits";
import { FakeClock } from "./support/fake-clock.js";
import { OPS_TOKEN, PASSWORD } from "./support/settings.js";
import { TestHq } from "./support/test-hq.js";
import { at, DUCKS, fillWorld, NOBODY, PEARS, reading, SHIP } from "./support/world.js";

describe("the audit", () => {
  let hq: TestHq;
  let clock: FakeClock;
  beforeEach(async () => {
    clock = new FakeClock();
    hq = await TestHq.start({ env: clock });
    await fillWorld(hq);
  });
  afterEach(() => hq.close());

  /** What is stored now, nothing waited for. */
  const stored = async (owner: string): Promise<AuditValue[]> => {
    const stream = streamName(`${owner}.audit`);
    const records = await hq.hq.node.store.readTopic(stream, topicName("los-angeles.a"), { limit: 1_000 });
    return records.map(({ value }) => JSON.parse(Buffer.from(value).toString("utf8")) as AuditValue);
  };
  const told = async (owner: string): Promise<AuditValue[]> => {
    await hq.hq.audit.flush();
    return stored(owner);
  };
  const actions = (values: readonly AuditValue[]) => values.map(({ action, outcome }) => `${action} ${outcome}`);

  it("a sign-in, a refusal and a change are on disk before they are answered", async () => {
    await hq.ask("/api/session", { method: "POST", body: { username: "ducky", password: "no" } });
    expect(await stored("bigblue")).toMatchObject([
      { action: "session.begin", outcome: "refused", status: 401, user: "", via: "nobody", subject: "ducky" },
    ]);
    await hq.tokenOf("ducky");
    expect((await stored("bigblue")).at(-1)).toMatchObject({
      action: "session.begin",
      outcome: "allowed",
      user: "ducky",
    });
    await hq.ask(`/api/containers/${PEARS}`, { as: "ducky" });
    expect((await stored("bigblue")).at(-1)).toMatchObject({
      action: "container.show",
      outcome: "refused",
      user: "ducky",
      subject: PEARS,
      via: "session",
      address: "127.0.0.1",
    });
    await hq.ask("/api/people", {
      as: "ops",
      method: "POST",
      body: { name: "nora", password: "seven ducks on a pond" },
    });
    expect((await stored("bigblue")).at(-1)).toMatchObject({
      action: "person.add",
      outcome: "allowed",
      user: "ops",
      subject: "nora",
      detail: { name: "nora", password: "changed" },
    });
    const { token = "" } = (
      await hq.ask("/api/tokens", { as: "ops", method: "POST", body: { user: "nora", label: "x" } })
    ).json<TokenReply>();
    const everything = JSON.stringify(await stored("bigblue"));
    for (const secret of ["seven ducks", token, await hq.tokenOf("ducky"), PASSWORD]) {
      expect(everything).not.toContain(secret);
    }
  });

  it("reads and exports stand in the audit of whose they are, folded, soon", async () => {
    for (let i = 0; i < 20; i++) await hq.ask(`/api/containers/${DUCKS}/history`, { as: "ops" });
    await hq.ask(`/api/containers/${DUCKS}/history?format=csv`, { as: "ops" });
    await hq.ask(`/api/streams/duckworks.containers/topics/${DUCKS}/records`, {
      headers: { authorization: `Bearer ${OPS_TOKEN}` },
    });
    await hq.ask(`/api/ships/${SHIP}`, { as: "ops" });
    const ducks = await told("duckworks");
    expect(ducks).toMatchObject([
      { action: "container.history", user: "ops", subject: DUCKS, count: 1 },
      { action: "container.export", user: "ops", subject: DUCKS, count: 1 },
      { action: "stream.records", user: "program", via: "token", subject: `duckworks.containers:${DUCKS}` },
    ]);
    expect(actions(await told("bigblue"))).toContain("ship.show allowed");
    clock.forward(AUDIT_FOLD_MS);
    expect((await told("duckworks")).at(-1)).toMatchObject({ action: "container.history", count: 19 });
  });

  it("whoever looks at an alert, or says a word on it, stands in the audit of whose it is, and in nobody else's", async () => {
    await hq.put("polarfoods.containers", PEARS, at(19, 1), reading({ temperatureC: 9 }));
    await hq.put("bigblue.unassigned", PEARS, at(18, 23), reading({ temperatureC: 8 }));
    await hq.put("duckworks.containers", PEARS, at(18, 22), reading({ temperatureC: 7 }));
    const shown = (await hq.ask("/api/alerts/warm-1", { as: "ops" })).json<AlertReply>();
    // The ducks' time with this container ended before: were it shown, they would have to hear of the alert.
    expect(shown.readings.map(({ temperatureC }) => temperatureC)).toEqual([8, 9]);
    const pears = await told("polarfoods");
    expect(pears).toMatchObject([{ action: "alert.show", outcome: "allowed", user: "ops", subject: "warm-1" }]);
    expect(actions(await told("bigblue"))).toContain("alert.show allowed");
    expect(await told("duckworks")).toEqual([]);

    await hq.ask("/api/alerts/warm-1/ack", { as: "ops", method: "POST", body: { message: "Engineer called" } });
    for (const owner of ["polarfoods", "bigblue"]) {
      expect((await stored(owner)).at(-1)).toMatchObject({
        action: "alert.acknowledge",
        user: "ops",
        subject: "warm-1",
      });
    }
    await hq.ask("/api/alerts?state=raised", { as: "ops" });
    expect(actions(await told("polarfoods"))).toEqual(["alert.show allowed", "alert.acknowledge allowed"]);
  });

  it("A3: of an alert that may not be seen no owner hears, and the site's own audit as of one that is not there", async () => {
    for (const id of ["warm-1", "no-such-alert"]) {
      await hq.ask(`/api/alerts/${id}`, { as: "ducky" });
      await hq.ask(`/api/alerts/${id}/ack`, { as: "ducky", method: "POST", body: { message: "x" } });
    }
    // An empty word is none, on whosever alert.
    expect((await hq.ask("/api/alerts/warm-1/ack", { as: "ops", method: "POST", body: { message: " " } })).status).toBe(
      400,
    );
    expect(await told("polarfoods")).toEqual([]);
    const refused = (await told("bigblue")).filter(({ outcome }) => outcome === "refused");
    const bare = refused.map((value) => ({ ...value, subject: "", first: "", last: "" }));
    expect(actions(refused)).toEqual([
      "alert.show refused",
      "alert.acknowledge refused",
      "alert.show refused",
      "alert.acknowledge refused",
    ]);
    expect(bare.slice(0, 2)).toEqual(bare.slice(2));
  });

  it("a change of a company's rules stands in its audit too, and whoever stops the node loses nothing", async () => {
    const body = { owner: "polarfoods", key: "retention", rules: [{ stream: "polarfoods.latest", days: 1 }] };
    expect((await hq.ask("/api/rules", { as: "ops", method: "PUT", body })).status).toBe(200);
    for (const owner of ["polarfoods", "bigblue"]) {
      expect((await stored(owner)).at(-1)).toMatchObject({ action: "rules.put", subject: "polarfoods retention" });
    }
    for (let i = 0; i < 5; i++) await hq.ask(`/api/containers/${DUCKS}`, { as: "ducky" });
    hq = await hq.restart();
    const counts = (await stored("duckworks")).filter(({ action }) => action === "container.show");
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(5);
  });

  it("A3: of a thing that may not be seen it holds what it holds of one that is not there, and tells no owner", async () => {
    await hq.ask(`/api/containers/${PEARS}`, { as: "ducky" });
    await hq.ask(`/api/containers/${NOBODY}`, { as: "ducky" });
    await hq.ask("/api/streams/polarfoods.containers/topics", { as: "ducky" });
    expect(await told("polarfoods")).toEqual([]);
    const [pears, nobody] = (await told("bigblue")).filter(({ action }) => action === "container.show");
    expect({ ...pears, subject: "", first: "", last: "" }).toEqual({ ...nobody, subject: "", first: "", last: "" });
  });

  it("is listed for administrators, newest first, of the companies whose audit they may read", async () => {
    await hq.ask("/api/people/ducky", { as: "ops", method: "PATCH", body: { roles: ["admin"] } });
    await hq.ask(`/api/containers/${DUCKS}`, { as: "ops" });
    await hq.ask(`/api/containers/${DUCKS}`, { as: "ducky" });
    await hq.ask(`/api/containers/${PEARS}`, { as: "ducky" });
    await hq.hq.audit.flush();
    const list = async (as: string, query = "") => (await hq.ask(`/api/audit${query}`, { as })).json<AuditReply>();
    const all = (await list("ops")).entries;
    expect(new Set(all.map(({ owner }) => owner))).toEqual(new Set(["bigblue", "duckworks"]));
    expect(all.map(({ offset }) => offset)).toEqual(all.map(({ offset }) => offset).toSorted((a, b) => b - a));
    const theirs = (await list("ducky")).entries;
    expect(new Set(theirs.map(({ owner }) => owner))).toEqual(new Set(["duckworks"]));
    expect((await list("ops", "?user=ducky&outcome=refused")).entries).toMatchObject([
      { action: "container.show", subject: PEARS, owner: "bigblue" },
    ]);
    expect((await list("ops", "?action=container&owner=duckworks")).entries).toHaveLength(2);
    // Page by page it is the same.
    const paged: number[] = [];
    let next: string | undefined = "";
    while (next !== undefined) {
      const page: AuditReply = await list("ops", `?limit=2&action=person${next === "" ? "" : `&before=${next}`}`);
      paged.push(...page.entries.map(({ offset }) => offset));
      next = page.next;
    }
    expect(paged).toEqual(all.filter(({ action }) => action.startsWith("person.")).map(({ offset }) => offset));
    expect((await hq.ask("/api/audit", { as: "sydney" })).status).toBe(404);
  });

  it("takes whatever is sent for a body, and the answer is the route's", async () => {
    const routes = ["POST /api/session", "POST /api/setup", "POST /api/people", "POST /api/tokens", "POST /api/grants"];
    routes.push("PUT /api/rules", "PATCH /api/people/ducky", `PUT /api/bookings/${DUCKS}`, "PUT /api/session/password");
    for (const route of routes) {
      const [method = "", path = ""] = route.split(" ");
      for (const body of ["null", "[]", "7", '{"username": 7, "name": {}, "owner": [], "subject": 1}', "{", ""]) {
        const headers = { "content-type": "application/json", authorization: `Bearer ${OPS_TOKEN}` };
        const answer = await fetch(hq.url + path, { method, headers, body });
        expect([400, 404], `${route} ${body}`).toContain(answer.status);
        expect(await answer.json()).toHaveProperty("code");
      }
    }
  });

  it("an open feed is told of when it begins", async () => {
    const controller = new AbortController();
    await fetch(`${hq.url}/api/live`, {
      signal: controller.signal,
      headers: { authorization: `Bearer ${await hq.tokenOf("ducky")}` },
    });
    expect(actions(await told("bigblue"))).toContain("live.feed allowed");
    controller.abort();
  });
});

describe("a route that declares nothing for the audit", () => {
  it("cannot be added", async () => {
    const http = await createHttpServer({ log: createLog("silent", "x", "a"), title: "x", version: "0" });
    expect(() => http.get("/api/new", () => "")).toThrow(/GET \/api\/new declares nothing for the audit/);
    await http.close();
  });
});
