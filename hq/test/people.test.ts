import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PeopleReply, SessionReply, TokenReply, TokensReply } from "@landfall/proto/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "./support/fake-clock.js";
import { PASSWORD } from "./support/settings.js";
import { SseClient } from "./support/sse.js";
import { TestHq } from "./support/test-hq.js";

const HOUR_MS = 3_600_000;
const LONG = "seven ducks on a pond";
const OTHER = "eight ducks on a pond";

describe("people", () => {
  let hq: TestHq;
  let clock: FakeClock;
  beforeEach(async () => {
    clock = new FakeClock();
    hq = await TestHq.start({ env: clock });
  });
  afterEach(() => hq.close());

  const ops = (method: string, path: string, body?: unknown) =>
    hq.ask(path, { as: "ops", method, ...(body !== undefined && { body }) });
  const signIn = (username: string, password: string, headers: Record<string, string> = {}) =>
    hq.ask("/api/session", { method: "POST", body: { username, password }, headers });
  const sessionOf = async (username: string, password: string): Promise<string> => {
    const answer = await signIn(username, password);
    expect(answer.status, answer.text).toBe(200);
    return answer.json<SessionReply>().token ?? "";
  };
  const whoIs = async (token: string): Promise<number> =>
    (await hq.ask("/api/ships", { headers: { authorization: `Bearer ${token}` } })).status;

  it("are added, changed, disabled and removed without a restart", async () => {
    const added = await ops("POST", "/api/people", { name: "nora", groups: ["duckworks"], password: LONG });
    expect(added.json()).toEqual({
      name: "nora",
      displayName: "nora",
      groups: ["duckworks"],
      roles: [],
      disabled: false,
      signsIn: "password",
      source: "kept",
    });
    const token = await sessionOf("nora", LONG);
    expect((await hq.ask("/api/session", { headers: { authorization: `Bearer ${token}` } })).json()).toMatchObject({
      groups: ["duckworks"],
    });
    // Groups are those of now, also of who has signed in before.
    await ops("PATCH", "/api/people/nora", { groups: ["port-ausyd"], displayName: "Nora N." });
    expect((await hq.ask("/api/session", { headers: { authorization: `Bearer ${token}` } })).json()).toMatchObject({
      groups: ["port-ausyd"],
      displayName: "Nora N.",
    });
    await ops("PATCH", "/api/people/nora", { disabled: true });
    expect(await whoIs(token)).toBe(401);
    expect((await signIn("nora", LONG)).status).toBe(401);
    // What was ended does not come to life again.
    await ops("PATCH", "/api/people/nora", { disabled: false });
    expect(await whoIs(token)).toBe(401);
    const again = await sessionOf("nora", LONG);
    expect((await ops("DELETE", "/api/people/nora")).status).toBe(204);
    expect(await whoIs(again)).toBe(401);
    expect((await signIn("nora", LONG)).status).toBe(401);
  });

  it("stay as they were changed over a restart, also those of the settings; their file is its owner's alone", async () => {
    await ops("POST", "/api/people", { name: "nora", password: LONG });
    expect((await ops("PATCH", "/api/people/ducky", { password: OTHER, groups: ["polarfoods"] })).json()).toMatchObject(
      {
        source: "kept",
      },
    );
    hq = await hq.restart();
    const { people } = (await ops("GET", "/api/people")).json<PeopleReply>();
    expect(people.map(({ name, source }) => `${name} ${source}`)).toEqual([
      "ducky kept",
      "nora kept",
      "ops settings",
      "sydney settings",
    ]);
    expect((await signIn("ducky", PASSWORD)).status).toBe(401);
    await sessionOf("ducky", OTHER);
    const file = join(hq.folder, "data", "hq", "people.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).toMatch(/\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    for (const name of await readdir(join(hq.folder, "data", "hq"))) {
      expect(await readFile(join(hq.folder, "data", "hq", name), "utf8"), name).not.toContain(OTHER);
    }
  });

  it("are not made of what cannot be one, nor is the last administrator taken away", async () => {
    const refused = async (method: string, path: string, body: unknown, status: number) =>
      expect((await ops(method, path, body)).status, `${method} ${path} ${JSON.stringify(body)}`).toBe(status);
    await refused("POST", "/api/people", { name: "site.tokyo", password: LONG }, 400);
    await refused("POST", "/api/people", { name: "Nora", password: LONG }, 400);
    await refused("POST", "/api/people", { name: "nora", password: "short" }, 400);
    await refused("POST", "/api/people", { name: "nora", password: "nora nora no" }, 400);
    await refused("POST", "/api/people", { name: "nora", password: "a".repeat(20) }, 400);
    await refused("POST", "/api/people", { name: "ducky", password: LONG }, 409);
    await refused("POST", "/api/people", { name: "nora", groups: ["a b"] }, 400);
    await refused("PATCH", "/api/people/nora", { disabled: true }, 404);
    await refused("PATCH", "/api/people/ops", { disabled: true }, 409);
    await refused("PATCH", "/api/people/ops", { roles: [] }, 409);
    await refused("DELETE", "/api/people/ducky", undefined, 409);
    await ops("PATCH", "/api/people/ducky", { roles: ["admin"] });
    await refused("PATCH", "/api/people/ops", { disabled: true }, 200);
  });

  it("change their own password: every other session ends, and this one has another name", async () => {
    const elsewhere = await sessionOf("ducky", PASSWORD);
    const here = await sessionOf("ducky", PASSWORD);
    const put = (current: string, password: string, token = here) =>
      hq.ask("/api/session/password", {
        method: "PUT",
        body: { current, password },
        headers: { authorization: `Bearer ${token}` },
      });
    expect((await put("not it", LONG)).status).toBe(401);
    expect((await put(PASSWORD, "short")).status).toBe(400);
    const changed = await put(PASSWORD, LONG);
    expect(changed.status).toBe(200);
    expect([await whoIs(elsewhere), await whoIs(here)]).toEqual([401, 401]);
    expect(await whoIs(changed.json<SessionReply>().token ?? "")).toBe(200);
    expect(changed.headers.get("set-cookie")).toMatch(/HttpOnly; SameSite=Strict/);
    await sessionOf("ducky", LONG);
  });

  it("signing in again gives the session another name, and the former ends", async () => {
    const cookie = (await signIn("ducky", PASSWORD)).headers.get("set-cookie")?.split(";")[0] ?? "";
    expect((await hq.ask("/api/ships", { headers: { cookie } })).status).toBe(200);
    const again = (await signIn("sydney", PASSWORD, { cookie })).headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(again).not.toBe(cookie);
    expect((await hq.ask("/api/ships", { headers: { cookie } })).status).toBe(401);
    expect((await hq.ask("/api/ships", { headers: { cookie: again } })).status).toBe(200);
  });

  it("are signed out when a session is not used, and in any case in the end, also over restarts", async () => {
    await hq.close();
    const settings = { sessionHours: 10, sessionIdleHours: 2 };
    hq = await TestHq.start({ env: clock, settings });
    const idle = await sessionOf("ducky", PASSWORD);
    const used = await sessionOf("ducky", PASSWORD);
    for (let hours = 0; hours < 3; hours++) {
      clock.forward(HOUR_MS);
      expect(await whoIs(used)).toBe(200);
    }
    expect(await whoIs(idle)).toBe(401);
    hq = await hq.restart();
    expect([await whoIs(used), await whoIs(idle)]).toEqual([200, 401]);
    for (let hours = 3; hours < 9; hours++) {
      clock.forward(HOUR_MS);
      expect(await whoIs(used)).toBe(200);
    }
    clock.forward(HOUR_MS);
    expect(await whoIs(used)).toBe(401);
    const cut = await sessionOf("ducky", PASSWORD);
    const file = join(hq.folder, "data", "hq", "sessions");
    await writeFile(file, `${await readFile(file, "utf8")}{"begun":{"hash":"x`);
    hq = await hq.restart();
    expect(await whoIs(cut)).toBe(200);
  });

  it("lose their live feed with the right to it", async () => {
    const token = await sessionOf("ducky", PASSWORD);
    const feed = await SseClient.open(`${hq.url}/api/live`, token);
    await ops("PATCH", "/api/people/ducky", { disabled: true });
    await feed.ended();
  });

  it("that failed elsewhere or under other names do not keep anybody out", async () => {
    clock.stop();
    for (let i = 0; i < 8; i++) await signIn("ducky", "wrong");
    expect((await signIn("ducky", PASSWORD)).status).toBe(429);
    expect((await signIn("sydney", PASSWORD)).status).toBe(200);
    clock.forward(60_000);
    expect((await signIn("ducky", PASSWORD)).status).toBe(200);
  });
});

describe("tokens of programs", () => {
  let hq: TestHq;
  let clock: FakeClock;
  beforeEach(async () => {
    clock = new FakeClock();
    hq = await TestHq.start({ env: clock });
  });
  afterEach(() => hq.close());

  const make = async (as: string, body: object): Promise<TokenReply> => {
    const answer = await hq.ask("/api/tokens", { as, method: "POST", body });
    expect(answer.status, answer.text).toBe(200);
    return answer.json<TokenReply>();
  };
  const asks = async ({ token }: TokenReply, path = "/api/ships"): Promise<number> =>
    (await hq.ask(path, { headers: { authorization: `Bearer ${token}` } })).status;

  it("speak for their person, at the streams too, are shown once and kept by their hash", async () => {
    await hq.put("duckworks.containers", "CSQU3054383", "2026-01-01T00:00:00Z", { temperatureC: 1 });
    const made = await make("ducky", { label: "spreadsheet" });
    expect(made.token).toMatch(/^lf_/);
    expect(await asks(made)).toBe(200);
    expect(await asks(made, "/api/streams/duckworks.containers/topics")).toBe(200);
    expect(await asks({ ...made, token: `${made.token?.slice(0, -1)}_` })).toBe(401);
    const { tokens } = (await hq.ask("/api/tokens", { as: "ducky" })).json<TokensReply>();
    expect(tokens).toEqual([{ ...made, token: undefined }].map(({ token: _token, ...rest }) => rest));
    const file = join(hq.folder, "data", "hq", "tokens.json");
    expect(await readFile(file, "utf8")).not.toContain(made.token?.slice("lf_0123456789_".length));
    hq = await hq.restart();
    expect(await asks(made)).toBe(200);
  });

  it("expire, are revoked, and end with their person", async () => {
    await hq.ask("/api/people", { as: "ops", method: "POST", body: { name: "crane", groups: ["duckworks"] } });
    const expiring = await make("ops", { user: "crane", label: "crane", days: 1 });
    const revoked = await make("ops", { user: "crane", label: "crane", days: 10 });
    const ended = await make("ops", { user: "crane", label: "crane", days: 10 });
    expect([await asks(expiring), await asks(revoked), await asks(ended)]).toEqual([200, 200, 200]);
    expect((await hq.ask(`/api/tokens/${revoked.id}`, { as: "ops", method: "DELETE" })).status).toBe(204);
    clock.forward(25 * HOUR_MS);
    hq = await hq.restart();
    expect([await asks(expiring), await asks(revoked), await asks(ended)]).toEqual([401, 401, 200]);
  });

  it("are made by people for themselves, and of nobody else's anything is told", async () => {
    const own = await make("sydney", { label: "own" });
    const post = (headers: Record<string, string>, body: object) =>
      hq.ask("/api/tokens", { method: "POST", body, headers });
    const session = { authorization: `Bearer ${await hq.tokenOf("ducky")}` };
    expect((await post(session, { user: "sydney", label: "not mine" })).status).toBe(404);
    expect((await post(session, { user: "nobody", label: "not there" })).status).toBe(404);
    // A token does not make more of itself.
    expect((await post({ authorization: `Bearer ${own.token}` }, { label: "more" })).status).toBe(404);
    const gone = (id: string) => hq.ask(`/api/tokens/${id}`, { as: "ducky", method: "DELETE" });
    const [theirs, none] = [await gone(own.id), await gone("abcdefghij")];
    expect(theirs.status).toBe(404);
    expect(theirs.text).toBe(none.text);
    expect((await hq.ask("/api/tokens", { as: "ducky" })).json()).toEqual({ tokens: [] });
    const { tokens } = (await hq.ask("/api/tokens", { as: "ops" })).json<TokensReply>();
    expect(tokens.map(({ id }) => id)).toEqual([own.id]);
  });

  it("can do nothing once their person is disabled, or somebody else has the name", async () => {
    await hq.ask("/api/people", { as: "ops", method: "POST", body: { name: "crane" } });
    const made = await make("ops", { user: "crane", label: "crane" });
    const patch = (disabled: boolean) =>
      hq.ask("/api/people/crane", { as: "ops", method: "PATCH", body: { disabled } });
    await patch(true);
    expect(await asks(made)).toBe(401);
    await patch(false);
    expect(await asks(made)).toBe(200);
    await hq.ask("/api/people/crane", { as: "ops", method: "DELETE" });
    await hq.ask("/api/people", { as: "ops", method: "POST", body: { name: "crane" } });
    expect(await asks(made)).toBe(401);
  });
});

describe("the first start", () => {
  const SETUP = { username: "anna", password: LONG };
  let hq: TestHq;
  let clock: FakeClock;
  let shown: string[];
  /** As the log has it: what is printed where the log is silent in tests. */
  const start = async (folder?: string): Promise<void> => {
    hq = await TestHq.start({
      env: clock,
      settings: { users: [] },
      onSetupToken: (token) => shown.push(token),
      ...(folder !== undefined && { folder }),
    });
  };
  const restart = async (): Promise<void> => {
    await hq.hq.close();
    await start(hq.folder);
  };
  beforeEach(async () => {
    clock = new FakeClock();
    shown = [];
    await start();
  });
  afterEach(() => hq.close());

  const setUp = (token: string | undefined, rest: object = {}) =>
    hq.ask("/api/setup", { method: "POST", body: { token, ...SETUP, ...rest } });

  it("shows a token with which the first administrator is made, once, and then never again", async () => {
    expect(shown).toHaveLength(1);
    expect((await hq.ask("/api/setup")).json()).toEqual({ isOpen: true });
    expect((await hq.ask("/api/session")).json()).toMatchObject({ setup: true });
    expect((await setUp("not it")).status).toBe(401);
    expect((await setUp(shown[0], { password: "short" })).status).toBe(400);
    const made = await setUp(shown[0]);
    expect(made.json()).toMatchObject({ user: "anna", roles: ["admin"], groups: ["bigblue-ops"] });
    const { token } = made.json<SessionReply>();
    const people = await hq.ask("/api/people", { headers: { authorization: `Bearer ${token}` } });
    expect(people.status).toBe(200);
    for (let starts = 0; starts < 2; starts++) {
      expect((await hq.ask("/api/setup")).json()).toEqual({ isOpen: false });
      expect((await hq.ask("/api/session")).json()).not.toHaveProperty("setup");
      expect((await setUp(shown[0], { username: "eve" })).status).toBe(404);
      await restart();
    }
    expect(shown).toHaveLength(1);
  });

  it("takes a token of this start alone, and only within an hour", async () => {
    await restart();
    expect(shown).toHaveLength(2);
    expect((await setUp(shown[0])).status).toBe(401);
    clock.forward(HOUR_MS);
    const late = await setUp(shown[1]);
    expect(late.status).toBe(401);
    expect(late.text).toMatch(/expired: restart/);
    await restart();
    expect((await setUp(shown[2])).status).toBe(200);
  });

  it("makes one administrator, however many ask at once", async () => {
    const answers = await Promise.all(["a1", "a2", "a3"].map((username) => setUp(shown[0], { username })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});
