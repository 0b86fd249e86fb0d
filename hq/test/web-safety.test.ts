import { afterEach, describe, expect, it } from "vitest";
import type { HqSettings } from "../src/settings.js";
import { cell } from "../src/history/csv.js";
import { PASSWORD, PLENTY } from "./support/settings.js";
import { TestHq, type Answer } from "./support/test-hq.js";
import { DUCKS, fillWorld } from "./support/world.js";

describe("limits on requests", () => {
  let hq: TestHq | undefined;
  afterEach(() => hq?.close());

  const start = async (limits: Partial<HqSettings["limits"]>, rest: Partial<HqSettings> = {}): Promise<TestHq> =>
    (hq = await TestHq.start({ settings: { limits: { ...PLENTY, ...limits }, ...rest } }));
  const signIn = (at: TestHq, username: string, headers: Record<string, string> = {}) =>
    at.ask("/api/session", { method: "POST", body: { username, password: PASSWORD }, headers });
  const refused = (answer: Answer): void => {
    expect(answer.status).toBe(429);
    expect(answer.json()).toMatchObject({ code: "OVERLOADED" });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  };

  it("on sign-ins from one address, whoever they are for, right or wrong", async () => {
    const at = await start({ signInsPerMinute: 3 });
    for (const name of ["ops", "ducky", "nobody"]) expect((await signIn(at, name)).status).not.toBe(429);
    refused(await signIn(at, "sydney"));
    // Whoever is in goes on.
    expect((await at.ask("/healthz")).status).toBe(200);
  });

  it("on those of one person, and nobody else's; at the routes of the node too", async () => {
    const at = await start({ requestsPerMinute: 5 });
    const asks = [];
    await at.tokenOf("ducky");
    await at.tokenOf("sydney");
    for (let i = 0; i < 6; i++) asks.push(await at.ask(i % 2 === 0 ? "/api/streams" : "/api/ships", { as: "ducky" }));
    expect(asks.slice(0, 5).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    refused(asks[5] as Answer);
    expect((await at.ask("/api/ships", { as: "sydney" })).status).toBe(200);
  });

  it("on those from one address, and on files by one person", async () => {
    const at = await start({ exportsPerMinute: 2 });
    await fillWorld(at);
    const path = `/api/containers/${DUCKS}/history`;
    expect((await at.ask(`${path}?format=csv`, { as: "ducky" })).status).toBe(200);
    expect((await at.ask(`${path}?format=gpx`, { as: "ducky" })).status).toBe(200);
    refused(await at.ask(`${path}?format=geojson`, { as: "ducky" }));
    expect((await at.ask(path, { as: "ducky" })).status).toBe(200);
    await at.close();
    const another = await start({ requestsPerMinutePerAddress: 2 });
    for (let i = 0; i < 2; i++) expect((await another.ask("/healthz")).status).toBe(200);
    refused(await another.ask("/"));
  });

  it("count the address that a proxy of the settings says, and no other's word for it", async () => {
    const at = await start({ signInsPerMinute: 1 });
    expect((await signIn(at, "ops", { "x-forwarded-for": "10.0.0.1" })).status).toBe(200);
    refused(await signIn(at, "ops", { "x-forwarded-for": "10.0.0.2" }));
    await at.close();
    const behind = await start(
      { signInsPerMinute: 1 },
      { http: { host: "127.0.0.1", port: 0, trustedProxies: ["127.0.0.1"] } },
    );
    expect((await signIn(behind, "ops", { "x-forwarded-for": "10.0.0.1" })).status).toBe(200);
    expect((await signIn(behind, "ops", { "x-forwarded-for": "10.0.0.2" })).status).toBe(200);
    refused(await signIn(behind, "ops", { "x-forwarded-for": "9.9.9.9, 10.0.0.2" }));
    const secure = await signIn(behind, "ops", { "x-forwarded-for": "10.0.0.3", "x-forwarded-proto": "https" });
    expect(secure.headers.get("set-cookie")).toMatch(/; Secure/);
  });
});

describe("what a browser can be made to send", () => {
  it("changes nothing: bodies are JSON, and forms are not", async () => {
    const hq = await TestHq.start();
    try {
      const cookie = (
        await hq.ask("/api/session", { method: "POST", body: { username: "ops", password: PASSWORD } })
      ).headers
        .get("set-cookie")
        ?.split(";")[0];
      const body = JSON.stringify({ name: "eve", password: "a long password of hers" });
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
        for (const path of ["/api/people", "/api/tokens", "/api/session", "/api/streams/bigblue.audit/read"]) {
          const answer = await fetch(hq.url + path, {
            method: "POST",
            body,
            headers: { "content-type": type, cookie: cookie ?? "" },
          });
          expect(answer.status, `${path} as ${type}`).toBe(415);
        }
      }
      const { text } = await hq.ask("/api/people", { as: "ops" });
      expect(text).not.toContain("eve");
    } finally {
      await hq.close();
    }
  });
});

describe("a cell of a spreadsheet", () => {
  it.each([
    ["=1+1", `"'=1+1"`],
    ["+1", `"'+1"`],
    ["-1+cmd", `"'-1+cmd"`],
    ["@SUM(A1)", `"'@SUM(A1)"`],
    ["\tx", `"'\tx"`],
    ["\rx", `"'\rx"`],
    ['="a"', `"'=""a"""`],
    ["\uff1d1", `"'\uff1d1"`],
    ["a=b", "a=b"],
    ["a,b", '"a,b"'],
    [-1.5, "-1.5"],
    [undefined, ""],
  ])("%j is %s", (value, text) => expect(cell(value)).toBe(text));
});
