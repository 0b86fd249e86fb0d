import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, launchChromium } from "../support/chromium.js";
import { eventually } from "../support/eventually.js";
import { freePorts } from "../support/free-ports.js";
import { skipWithout } from "../support/required.js";
import { runCli } from "../support/run-cli.js";
import { Service } from "../support/service.js";

const PASSWORD = "seven ducks on a pond";
const chromium = findChromium();

describe("a headquarters from its first start on", () => {
  const folder = mkdtempSync(join(tmpdir(), "landfall-people-"));
  let hq: Service;
  let browser: Browser | undefined;
  let context: BrowserContext;
  let page: Page;
  /** Requests to others, what the policy of the page refused, errors of scripts. */
  const complaints: string[] = [];

  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    hq = new Service(
      "hq",
      {
        site: "los-angeles",
        data: join(folder, "data"),
        http: { port },
        sites: [{ site: "los-angeles", kind: "hq", name: "Los Angeles", owner: "bigblue", locode: "USLAX" }],
        access: [{ stream: "bigblue.*", read: "g:bigblue-ops" }],
        logLevel: "info",
      },
      folder,
    );
    await hq.start();
  });
  afterAll(async () => {
    await browser?.close();
    await hq.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const tokenInLog = (): string | undefined =>
    /with this token, within an hour: ([A-Za-z0-9_-]+)/.exec(
      readFileSync(join(folder, "los-angeles.log"), "utf8"),
    )?.[1];

  const open = async (): Promise<void> => {
    browser = await launchChromium(chromium as string);
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      // Statuses are the test's own business.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        complaints.push(message.text());
      }
    });
    context.on("request", (request) => {
      if (!request.url().startsWith(`${hq.url}/`)) complaints.push(`request to ${request.url()}`);
    });
  };

  it.skipIf(skipWithout("chromium", chromium !== undefined))(
    "makes its first administrator on a page, who lets others in and sees what was done; no request leaves, no policy is broken",
    async () => {
      await open();
      await page.goto(`${hq.url}/setup`);
      const token = await eventually("the token in the log", () => Promise.resolve(tokenInLog()));
      await page.getByLabel("Token from the log").fill("not it");
      await page.getByLabel("Name").fill("anna");
      await page.getByLabel(/^Password/).fill(PASSWORD);
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText("not the token that this headquarters' log shows").waitFor();
      await page.getByLabel("Token from the log").fill(token);
      await page.keyboard.press("Enter");
      await page.getByRole("tab", { name: "Sites & links" }).waitFor();

      await page.getByLabel("Signed in as anna").click();
      await page.getByRole("button", { name: "People" }).click();
      const people = page.getByRole("dialog", { name: "People" });
      await people.getByLabel("Name").fill("nora");
      await people.getByLabel(/^Groups/).fill("bigblue-ops");
      await people.getByLabel(/^Password/).fill(PASSWORD);
      await people.getByRole("button", { name: "Add", exact: true }).click();
      await people.getByRole("cell", { name: "nora", exact: true }).waitFor();
      const other = await (browser as Browser).newContext();
      const signIn = () =>
        other.request.post(`${hq.url}/api/session`, { data: { username: "nora", password: PASSWORD } });
      expect((await signIn()).status()).toBe(200);
      await people.getByRole("button", { name: "Disable nora" }).click();
      await people.getByRole("button", { name: "Enable nora" }).waitFor();
      expect((await other.request.get(`${hq.url}/api/ships`)).status()).toBe(401);
      expect((await signIn()).status()).toBe(401);
      await people.getByRole("button", { name: "Close" }).click();

      await page.getByLabel("Signed in as anna").click();
      await page.getByRole("button", { name: "Audit" }).click();
      const audit = page.getByRole("dialog", { name: "Audit" });
      await audit.getByRole("row", { name: /anna person\.change nora bigblue/ }).waitFor();
      await audit.getByText("Only what was refused").click();
      await audit.getByRole("row", { name: /session\.begin, refused nora/ }).waitFor();
      await audit.getByRole("button", { name: "Close" }).click();

      await page.getByLabel("Signed in as anna").click();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("button", { name: "Sign in" }).waitFor();
      expect(complaints).toEqual([]);
    },
  );

  it("tells a page of this headquarters what it may load, and that nobody may frame it", async () => {
    const { headers } = await fetch(hq.url);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).not.toContain("unsafe");
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });

  it("takes the token of its log once, over restarts and kill -9, and people by the command line", async () => {
    const before = tokenInLog() ?? "";
    const setUp = (token: string, username: string) =>
      fetch(`${hq.url}/api/setup`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token, username, password: PASSWORD }),
      });
    // Where no browser was found, this is the first.
    const first = await setUp(before, "anna");
    expect([200, 404]).toContain(first.status);
    for (const end of ["kill9", "stop"] as const) {
      await hq[end]();
      await hq.start();
      expect((await setUp(before, "eve")).status).toBe(404);
    }
    const session = await fetch(`${hq.url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "anna", password: PASSWORD }),
    });
    const { token } = (await session.json()) as { token: string };
    const at = ["--url", hq.url, "--token", token];
    expect(await runCli(["user", "add", "crane", "--no-password", "--groups", "bigblue-ops", ...at])).toMatchObject({
      code: 0,
    });
    const made = await runCli(["token", "create", "crane", "--label", "crane 7", "--days", "3", ...at]);
    const machine = made.stdout.trim();
    expect(machine).toMatch(/^lf_/);
    const ships = () => fetch(`${hq.url}/api/ships`, { headers: { authorization: `Bearer ${machine}` } });
    expect((await ships()).status).toBe(200);
    expect((await runCli(["token", "list", ...at])).stdout).toMatch(/crane +crane 7 +anna/);
    expect(await runCli(["user", "password", "crane", ...at], "eight ducks on a pond\n")).toMatchObject({ code: 0 });
    expect((await runCli(["user", "list", ...at])).stdout).toMatch(/crane +crane +password +bigblue-ops/);
    expect(await runCli(["user", "disable", "crane", ...at])).toMatchObject({ code: 0 });
    expect((await ships()).status).toBe(401);
    expect(await runCli(["user", "remove", "crane", ...at])).toMatchObject({ code: 0 });
    const wrong = await runCli(["user", "disable", "anna", ...at]);
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("nobody would be left") as string });
  });
});
