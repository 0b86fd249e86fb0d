import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionReply } from "@landfall/proto/api";
import { SESSION_COOKIE } from "../src/auth/sessions.js";
import { FakeClock } from "./support/fake-clock.js";
import { PASSWORD } from "./support/settings.js";
import { TestHq, type Answer } from "./support/test-hq.js";

const signIn = (hq: TestHq, username: string, password: string, headers: Record<string, string> = {}) =>
  hq.ask("/api/session", { method: "POST", body: { username, password }, headers });

const cookieOf = (answer: Answer): string => answer.headers.get("set-cookie")?.split(";")[0] ?? "";

describe("sessions", () => {
  let hq: TestHq;
  const clock = new FakeClock();
  beforeAll(async () => {
    hq = await TestHq.start({ env: clock });
  });
  afterAll(() => hq.close());

  it("gives a cookie that scripts cannot read and other sites cannot send, and a token", async () => {
    const answer = await signIn(hq, "ducky", PASSWORD);
    expect(answer.status).toBe(200);
    expect(answer.json<SessionReply>()).toMatchObject({
      user: "ducky",
      displayName: "DUCKY",
      groups: ["duckworks"],
      site: "los-angeles",
      owner: "bigblue",
      mayControl: false,
    });
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/; HttpOnly/);
    expect(cookie).toMatch(/; SameSite=Strict/);
    expect(cookie).toMatch(/; Path=\//);
    expect(cookie).toMatch(/; Max-Age=(3600|3[0-5][0-9]{2});/);
    expect(cookie).not.toMatch(/Secure/);
    const { token, ...described } = answer.json<SessionReply>();
    for (const headers of [{ cookie: cookieOf(answer) }, { authorization: `Bearer ${token}` }]) {
      const again = await hq.ask("/api/session", { headers });
      expect(again.json()).toEqual(described);
    }
  });

  it("answers a wrong password and an unknown user with the same words", async () => {
    const wrong = await signIn(hq, "ops", "not it");
    const unknown = await signIn(hq, "nobody", "not it");
    expect(wrong.status).toBe(401);
    expect(unknown.text).toBe(wrong.text);
  });

  it("slows down guessing per user and address, and never somebody else", async () => {
    // However long each guess takes, it comes within the second.
    clock.stop();
    for (let i = 0; i < 4; i++) expect((await signIn(hq, "sydney", `guess ${i}`)).status).toBe(401);
    const slowed = await signIn(hq, "sydney", PASSWORD);
    expect(slowed.status).toBe(429);
    expect(Number(slowed.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await signIn(hq, "ducky", PASSWORD)).status).toBe(200);
  });

  it("refuses forged, empty and foreign tokens", async () => {
    const forged = [
      "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJvcHMiLCJqdGkiOiJ4IiwiZXhwIjo5OTk5OTk5OTk5fQ.",
      `${await hq.tokenOf("ducky")}x`,
      "x",
    ];
    for (const token of forged) {
      expect((await hq.ask("/api/ships", { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
      expect((await hq.ask("/api/ships", { headers: { cookie: `${SESSION_COOKIE}=${token}` } })).status).toBe(401);
    }
    expect((await hq.ask("/api/ships", { headers: { authorization: "Basic b3BzOmxhbmRmYWxs" } })).status).toBe(401);
  });

  it("ends with signing out, for the cookie and for its token", async () => {
    const answer = await signIn(hq, "ducky", PASSWORD);
    const { token = "" } = answer.json<SessionReply>();
    const out = await hq.ask("/api/session", { method: "DELETE", headers: { cookie: cookieOf(answer) } });
    expect(out.status).toBe(204);
    expect(out.headers.get("set-cookie")).toMatch(new RegExp(`^${SESSION_COOKIE}=;`));
    expect((await hq.ask("/api/ships", { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
    expect((await hq.ask("/api/session", { headers: { cookie: cookieOf(answer) } })).status).toBe(401);
  });

  it("refuses what another site's page makes a browser send", async () => {
    const cookie = cookieOf(await signIn(hq, "ops", PASSWORD));
    const put = (headers: Record<string, string>) =>
      hq.ask("/api/bookings/CSQU3054383", {
        method: "PUT",
        body: { owner: "duckworks", from: "2026-01-01T00:00:00Z" },
        headers: { cookie, ...headers },
      });
    expect((await put({ origin: "https://evil.example" })).status).toBe(400);
    expect((await put({ origin: "null" })).status).toBe(400);
    expect((await put({ "sec-fetch-site": "cross-site" })).status).toBe(400);
    expect((await put({ "sec-fetch-site": "same-site", origin: hq.url })).status).toBe(400);
    expect((await put({ origin: hq.url })).status).toBe(200);
    expect((await put({ "sec-fetch-site": "same-origin", origin: hq.url })).status).toBe(200);
    // The node's own routes stand behind the same check.
    const read = await hq.ask("/api/streams/duckworks.settings/read", {
      method: "POST",
      body: {},
      headers: { cookie, origin: "https://evil.example" },
    });
    expect(read.status).toBe(400);
    const signedIn = await signIn(hq, "ops", PASSWORD, { "sec-fetch-site": "cross-site" });
    expect(signedIn.status).toBe(400);
  });

  it("counts at the streams of the node too", async () => {
    await hq.put("duckworks.containers", "CSQU3054383", "2026-01-01T00:00:00Z", { temperatureC: 1 });
    const names = async (as: string) =>
      (await hq.ask("/api/streams", { as })).json<{ streams: { name: string }[] }>().streams.map(({ name }) => name);
    expect(await names("ducky")).toContain("duckworks.containers");
    const cookie = cookieOf(await signIn(hq, "ducky", PASSWORD));
    const withCookie = await hq.ask("/api/streams/duckworks.containers/topics", { headers: { cookie } });
    expect(withCookie.json()).toEqual({ topics: ["CSQU3054383"] });
    expect((await hq.ask("/api/streams")).json()).toEqual({ streams: [] });
  });

  it("survives a restart; what was signed out stays so, and the secret is its owner's alone", async () => {
    const kept = (await signIn(hq, "ops", PASSWORD)).json<SessionReply>();
    const ended = (await signIn(hq, "ops", PASSWORD)).json<SessionReply>();
    await hq.ask("/api/session", { method: "DELETE", headers: { authorization: `Bearer ${ended.token}` } });
    hq = await hq.restart();
    const ask = (token = "") => hq.ask("/api/session", { headers: { authorization: `Bearer ${token}` } });
    expect((await ask(kept.token)).status).toBe(200);
    expect((await ask(ended.token)).status).toBe(401);
    const file = join(hq.folder, "data", "hq", "sessions");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    // Whoever reads it can sign in with none of them.
    expect(await readFile(file, "utf8")).not.toContain(kept.token);
  });
});

describe("the demo's sign-in page", () => {
  it("is told who may come in; nobody else's is", async () => {
    const demo = { password: "landfall", users: [{ username: "ducky", sees: "only the ducks" }] };
    const hq = await TestHq.start({ settings: { demo } });
    try {
      const answer = await hq.ask("/api/session");
      expect(answer.status).toBe(401);
      expect(answer.json()).toMatchObject({ code: "UNAUTHENTICATED", demo });
    } finally {
      await hq.close();
    }
    const plain = await TestHq.start();
    try {
      expect((await plain.ask("/api/session")).json()).not.toHaveProperty("demo");
    } finally {
      await plain.close();
    }
  });
});
