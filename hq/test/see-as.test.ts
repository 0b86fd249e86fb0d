import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SEE_AS_HEADER, type AuditReply, type ContainersReply, type SessionReply } from "@landfall/proto/api";
import { TestHq } from "./support/test-hq.js";
import { DUCKS, fillWorld, PEARS } from "./support/world.js";

describe("an administrator who looks as somebody", () => {
  let hq: TestHq;
  beforeEach(async () => {
    hq = await TestHq.start();
    await fillWorld(hq);
  });
  afterEach(() => hq.close());

  const asDucky = { as: "ops", headers: { [SEE_AS_HEADER]: "ducky" } };

  it("sees what they see, is told as whom, and has nothing to do", async () => {
    const seen = async (options: object) => (await hq.ask("/api/containers", options)).json<ContainersReply>();
    const theirs = await seen({ as: "ducky" });
    expect(theirs.total).toBeGreaterThan(0);
    expect((await seen(asDucky)).features).toEqual(theirs.features);
    expect((await hq.ask(`/api/containers/${DUCKS}/history?format=csv`, asDucky)).text).toBe(
      (await hq.ask(`/api/containers/${DUCKS}/history?format=csv`, { as: "ducky" })).text,
    );
    expect((await hq.ask(`/api/containers/${PEARS}`, asDucky)).status).toBe(404);
    expect((await hq.ask("/api/session", asDucky)).json<SessionReply>()).toMatchObject({
      user: "ducky",
      groups: ["duckworks"],
      seenBy: "ops",
      mayControl: false,
      mayShare: false,
    });
    expect((await hq.ask("/api/session", { as: "ops" })).json<SessionReply>()).not.toHaveProperty("seenBy");
  });

  it("changes nothing, not even what both may change", async () => {
    await hq.ask("/api/people/ducky", { as: "ops", method: "PATCH", body: { roles: ["admin"] } });
    const changes: [string, string, object?][] = [
      ["POST", "/api/people", { name: "eve", password: "seven ducks on a pond" }],
      ["PATCH", "/api/people/sydney", { disabled: true }],
      ["POST", "/api/tokens", { label: "for later" }],
      ["PUT", "/api/session/password", { current: "x", password: "seven ducks on a pond" }],
      ["POST", "/api/grants", { owner: "duckworks", subject: "u:eve" }],
      ["DELETE", "/api/session"],
    ];
    for (const [method, path, body] of changes) {
      const answer = await hq.ask(path, { ...asDucky, method, ...(body && { body }) });
      expect(answer.json(), `${method} ${path}`).toMatchObject({ status: 403, code: "PREVIEW_ONLY" });
    }
    expect((await hq.ask("/api/session", { as: "ops" })).status).toBe(200);
    // To read by POST is to read.
    expect(
      (await hq.ask("/api/streams/duckworks.containers/read", { ...asDucky, method: "POST", body: {} })).status,
    ).toBe(200);
  });

  it("stands in the audit by their own name, with whom they looked as", async () => {
    await hq.ask(`/api/containers/${DUCKS}`, asDucky);
    await hq.ask(`/api/containers/${PEARS}`, asDucky);
    await hq.ask("/api/containers", { as: "ducky", headers: { [SEE_AS_HEADER]: "ops" } });
    await hq.hq.audit.flush();
    const { entries } = (await hq.ask("/api/audit?action=container", { as: "ops" })).json<AuditReply>();
    const told = entries.map(({ user, as = "-", action, outcome, owner }) =>
      [user, as, action, outcome, owner].join(" "),
    );
    expect(told.toSorted()).toEqual([
      "ducky - container.list refused bigblue",
      "ops ducky container.show allowed duckworks",
      "ops ducky container.show refused bigblue",
    ]);
  });

  it("looks as nobody who may not come in, or is not known", async () => {
    await hq.ask("/api/people/sydney", { as: "ops", method: "PATCH", body: { disabled: true } });
    for (const name of ["sydney", "nobody-at-all", "", "NOT A NAME"]) {
      const answer = await hq.ask("/api/containers", { as: "ops", headers: { [SEE_AS_HEADER]: name } });
      expect(answer.json(), name).toMatchObject({ status: 404, code: "NOT_FOUND" });
    }
  });

  it("A4: an open feed ends when they are another, and when the administrator is", async () => {
    const changes: [string, object][] = [
      ["ducky", { groups: ["polarfoods"] }],
      ["ops", { displayName: "Somebody else" }],
    ];
    for (const [name, change] of changes) {
      const token = await hq.tokenOf("ops");
      const feed = await fetch(`${hq.url}/api/live`, {
        headers: { authorization: `Bearer ${token}`, [SEE_AS_HEADER]: "ducky" },
      });
      expect(feed.status).toBe(200);
      const ended = feed.text();
      await hq.ask(`/api/people/${name}`, { as: "ops", method: "PATCH", body: change });
      expect(await ended).not.toContain(PEARS);
    }
  });
});
