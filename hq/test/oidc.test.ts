import { generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import type { PeopleReply, SessionReply } from "@landfall/proto/api";
import { freePort } from "@landfall/streams/testing/free-ports";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SESSION_COOKIE } from "../src/auth/sessions.js";
import { FakeClock } from "./support/fake-clock.js";
import { CLIENT_ID, CLIENT_SECRET, FormBrowser, IdentityProvider, type Tamper } from "./support/identity-provider.js";
import { TestHq } from "./support/test-hq.js";

describe("signing in at a real identity provider", () => {
  let provider: IdentityProvider;
  let hq: TestHq;
  let callback: string;
  const clock = new FakeClock();

  beforeAll(async () => {
    const port = await freePort();
    callback = `http://127.0.0.1:${port}/api/oidc/callback`;
    provider = await IdentityProvider.start(callback);
    hq = await TestHq.start({
      env: clock,
      settings: {
        http: { host: "127.0.0.1", port },
        oidc: {
          issuer: provider.issuer,
          clientId: CLIENT_ID,
          clientSecret: CLIENT_SECRET,
          publicUrl: `http://127.0.0.1:${port}`,
          name: "Example account",
          scope: "openid profile",
          nameClaim: "preferred_username",
          namePrefix: "sso.",
          groupsClaim: "groups",
          groups: [
            { claim: "fleet-admins", groups: ["bigblue-ops"], roles: ["admin"] },
            { claim: "fleet", groups: ["bigblue-ops"], roles: [] },
          ],
        },
      },
    });
  });
  afterAll(async () => {
    await hq?.close();
    await provider?.stop();
  });
  beforeEach(() => {
    provider.tamper = undefined;
  });

  const start = (to = "/"): string => `${hq.url}/api/oidc/start?to=${encodeURIComponent(to)}`;
  const signIn = async (login: string, browser = new FormBrowser(), to = "/") => {
    const back = await browser.signIn(start(to), login, callback);
    return { browser, back, answer: await browser.ask(back) };
  };
  const sessionIn = (browser: FormBrowser) => browser.ask(`${hq.url}/api/session`);

  it("lets somebody in as the settings say, and back to where they wanted to", async () => {
    expect((await hq.ask("/api/session")).json()).toMatchObject({
      provider: { name: "Example account", path: "/api/oidc/start" },
    });
    const { browser, answer } = await signIn("nora", new FormBrowser(), "/?tab=alerts");
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/?tab=alerts");
    const cookies = answer.headers.getSetCookie().find((line) => line.startsWith(SESSION_COOKIE));
    expect(cookies).toMatch(/HttpOnly; SameSite=Strict/);
    const session = (await (await sessionIn(browser)).json()) as SessionReply;
    expect(session).toMatchObject({ user: "sso.nora", displayName: "Nora N.", groups: ["bigblue-ops"], roles: [] });
    const admin = await signIn("adam");
    const people = (await (await admin.browser.ask(`${hq.url}/api/people`)).json()) as PeopleReply;
    expect(people.people.find(({ name }) => name === "sso.nora")).toMatchObject({
      signsIn: "provider",
      source: "kept",
    });
  });

  it("goes nowhere else afterwards", async () => {
    for (const to of ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example"]) {
      expect((await signIn("nora", new FormBrowser(), to)).answer.headers.get("location"), to).toBe("/");
    }
  });

  it("lets nobody in whose groups the settings do not name, nor under a name that somebody else has", async () => {
    const { answer, browser } = await signIn("stranger");
    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain("none of your groups there lets you in here");
    expect((await sessionIn(browser)).status).toBe(401);
    await signIn("nora");
    const twin = await signIn("twin");
    expect(twin.answer.status).toBe(409);
    expect((await sessionIn(twin.browser)).status).toBe(401);
  });

  it("takes a key that the provider has only now", async () => {
    expect((await signIn("nora")).answer.status).toBe(303);
    for (let times = 0; times < 2; times++) {
      await provider.rotateKeys();
      // Unknown keys are asked for once a second at most.
      await expect.poll(async () => (await signIn("nora")).answer.status).toBe(303);
    }
  });

  const now = () => Math.floor(clock.now() / 1000);
  it.each<[string, Tamper]>([
    ["for another client", (claims, sign) => sign({ ...claims, aud: "somebody-else" })],
    ["for several, of whom another asked", (claims, sign) => sign({ ...claims, aud: [CLIENT_ID, "b"], azp: "b" })],
    ["of another issuer", (claims, sign) => sign({ ...claims, iss: "https://evil.example" })],
    ["that has expired", (claims, sign) => sign({ ...claims, iat: now() - 7200, exp: now() - 3600 })],
    ["that never ends", ({ exp: _exp, ...claims }, sign) => sign(claims)],
    ["of another sign-in", (claims, sign) => sign({ ...claims, nonce: "another" })],
    ["of no sign-in", ({ nonce: _nonce, ...claims }, sign) => sign(claims)],
    ["of nobody", ({ sub: _sub, ...claims }, sign) => sign(claims)],
    ["that nobody signed (alg: none)", (claims) => Promise.resolve(new UnsecuredJWT(claims).encode())],
    [
      "signed with the client's secret (HS256)",
      (claims) => new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(CLIENT_SECRET)),
    ],
    [
      "signed by somebody else's key under the provider's name for its own",
      async (claims, sign) => {
        const kid = (JSON.parse(atob((await sign(claims)).split(".")[0] ?? "")) as { kid: string }).kid;
        const { privateKey } = await generateKeyPair("RS256");
        return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).sign(privateKey);
      },
    ],
    [
      "that was changed after it was signed",
      async (claims, sign) => {
        const [header, , signature] = (await sign(claims)).split(".");
        const changed = Buffer.from(JSON.stringify({ ...claims, groups: ["fleet-admins"] })).toString("base64url");
        return `${header}.${changed}.${signature}`;
      },
    ],
    ["that is none", () => Promise.resolve("abc")],
  ])("takes no ID token %s", async (_what, tamper) => {
    provider.tamper = tamper;
    const { answer, browser } = await signIn("nora");
    expect(answer.status).toBe(401);
    expect(answer.headers.getSetCookie().some((line) => line.startsWith(SESSION_COOKIE))).toBe(false);
    expect((await sessionIn(browser)).status).toBe(401);
    // It was the token: without the change they come in.
    provider.tamper = (claims, sign) => sign(claims);
    await expect.poll(async () => (await signIn("nora")).answer.status).toBe(303);
  });

  it("takes each answer once, in time, and in the browser in which it began", async () => {
    const { browser, back, answer } = await signIn("nora");
    expect(answer.status).toBe(303);
    const session = browser.cookieOf(hq.url, SESSION_COOKIE);
    expect((await browser.ask(back)).status).toBe(401);
    expect(browser.cookieOf(hq.url, SESSION_COOKIE)).toBe(session);
    // Somebody else's answer, put into this browser (login CSRF).
    const attacker = new FormBrowser();
    const stolen = await attacker.signIn(start(), "adam", callback);
    const victim = new FormBrowser();
    await victim.ask(start());
    expect((await victim.ask(stolen)).status).toBe(401);
    expect((await attacker.ask(stolen)).status).toBe(401);
    const late = new FormBrowser();
    const slow = await late.signIn(start(), "nora", callback);
    clock.forward(11 * 60_000);
    expect((await late.ask(slow)).status).toBe(401);
    const refused = new FormBrowser();
    const told = await refused.signIn(start(), "nora", callback);
    const state = new URL(told).searchParams.get("state") ?? "";
    expect((await refused.ask(`${callback}?error=access_denied&state=${state}`)).status).toBe(401);
  });

  it("lets nobody in who is disabled here, and ends what they had", async () => {
    const { browser } = await signIn("nora");
    const disable = (disabled: boolean) =>
      hq.ask("/api/people/sso.nora", { as: "ops", method: "PATCH", body: { disabled } });
    await disable(true);
    expect((await sessionIn(browser)).status).toBe(401);
    expect((await signIn("nora")).answer.status).toBe(401);
    await disable(false);
    expect((await signIn("nora")).answer.status).toBe(303);
    const password = await hq.ask("/api/people/sso.nora", {
      as: "ops",
      method: "PATCH",
      body: { password: "seven ducks on a pond" },
    });
    expect(password.status).toBe(409);
  });

  it("says so when the provider does not answer, and goes on when it is back", async () => {
    const browser = new FormBrowser();
    const back = await browser.signIn(start(), "nora", callback);
    await provider.stop();
    const answer = await browser.ask(back);
    expect(answer.status).toBe(503);
    const text = await answer.text();
    expect(text).toContain(`the identity provider ${provider.issuer} does not answer`);
    expect(text).toContain("sign in with a password");
    expect(
      (await hq.ask("/api/session", { method: "POST", body: { username: "ops", password: "landfall" } })).status,
    ).toBe(200);
    await provider.again();
    await expect.poll(async () => (await signIn("nora")).answer.status).toBe(303);
  });
});

describe("a headquarters whose provider is down from the start", () => {
  it("starts, and says so to who wants to sign in there", async () => {
    const gone = await freePort();
    const hq = await TestHq.start({
      settings: {
        oidc: {
          issuer: `http://127.0.0.1:${gone}`,
          clientId: "x",
          publicUrl: "http://127.0.0.1:1",
          name: "x",
          scope: "openid",
          nameClaim: "sub",
          namePrefix: "sso.",
          groupsClaim: "groups",
          groups: [{ claim: "*", groups: [], roles: [] }],
        },
      },
    });
    try {
      const answer = await hq.ask("/api/oidc/start");
      expect(answer.status).toBe(503);
      expect(answer.json()).toMatchObject({
        code: "UNAVAILABLE",
        detail: expect.stringContaining("ECONNREFUSED") as string,
      });
    } finally {
      await hq.close();
    }
  });
});
