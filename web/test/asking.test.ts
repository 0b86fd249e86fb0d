import type { Page, Route } from "playwright-core";
import { describe, expect, it } from "vitest";
import { findChromium } from "./support/browser.js";
import { DUCKS, makeWorld } from "./support/fake-world.js";
import { setStage, TEST_MS } from "./support/stage.js";

/** The fake fleet's; a failure can be looked at again with the same one. */
const SEED = 29;

const path = findChromium();

describe.skipIf(path === undefined)(`what a view asks the server (seed ${SEED})`, { timeout: TEST_MS }, () => {
  const stage = setStage(path, makeWorld(SEED));
  const alert = stage.world.alerts.find(({ state, type }) => state === "raised" && type === "OUT_OF_RANGE");

  const fromMenu = (name: string) => async (page: Page) => {
    await page.locator(".user-menu summary").click();
    await page.getByRole("button", { name, exact: true }).click();
  };
  const share = (page: Page): Promise<void> => page.getByRole("button", { name: "Share…" }).click();

  interface View {
    readonly name: string;
    readonly asks: string;
    readonly at: string;
    readonly open?: (page: Page) => Promise<void>;
    /** Where it stands. */
    readonly within: string;
    readonly shows: string;
    readonly failed: string;
  }
  const container = `/?container=${DUCKS}`;
  const VIEWS: readonly View[] = [
    {
      name: "the audit",
      asks: "/api/audit",
      at: "/",
      open: fromMenu("Audit"),
      within: "dialog",
      shows: "container.show",
      failed: "The audit could not be loaded.",
    },
    {
      name: "people",
      asks: "/api/people",
      at: "/",
      open: fromMenu("People"),
      within: "dialog",
      shows: "with a password",
      failed: "The people could not be loaded.",
    },
    {
      name: "the rules",
      asks: "/api/rules",
      at: "/?tab=alerts",
      open: (page) => page.getByRole("button", { name: "Rules…" }).click(),
      within: "dialog",
      shows: "Send to the ships",
      failed: "The rules could not be loaded.",
    },
    {
      name: "sharing",
      asks: `/api/containers/${DUCKS}/voyages`,
      at: container,
      open: share,
      within: ".section:has-text('Share this container')",
      shows: "Make a link",
      failed: "Its voyages could not be loaded.",
    },
    {
      name: "the last hour of a site",
      asks: "/api/sites/tokyo/health",
      at: "/?site=tokyo",
      within: ".card",
      shows: "On its disk",
      failed: "The last hour of this site could not be loaded.",
    },
    {
      name: "an alert",
      asks: `/api/alerts/${alert?.id}`,
      at: `/?tab=alerts&alert=${alert?.id}`,
      within: ".card",
      shows: "Readings before and after",
      failed: "The alert could not be loaded.",
    },
  ];

  it.each(VIEWS)("$name loads, fails, and comes by itself when the server is back", async (view) => {
    const { asks, at, open, within, shows, failed } = view;
    const { server } = stage;
    let isHeld = true;
    const held: Route[] = [];
    const page = await stage.open({
      path: at,
      prepare: (before) =>
        before.route(
          (url) => url.pathname === asks,
          async (route) => void (isHeld ? held.push(route) : await route.continue()),
        ),
    });
    // With an id, so that the feed resumes: what it missed comes by itself, and nothing else.
    await expect.poll(() => server.liveCount()).toBeGreaterThan(0);
    server.push({ type: "simulation", data: stage.world.simulation });
    await open?.(page);
    const part = page.locator(within);
    await part.getByText("Loading…").waitFor();
    server.cutLive(true);
    await page.getByText("Not live.").waitFor();
    isHeld = false;
    for (const route of held.splice(0)) await route.continue();
    await part.getByText(failed).waitFor();
    server.cutLive(false);
    await part.getByText(shows).first().waitFor();
    await expect.poll(() => part.getByText(failed).count()).toBe(0);
  });

  it("ends the session where the server no longer knows it", async () => {
    const { server } = stage;
    server.fail("/api/sites/tokyo/health", 401);
    try {
      const page = await stage.open({ path: "/?site=tokyo" });
      await page.getByText(/^Your session has ended/).waitFor();
    } finally {
      server.fail("/api/sites/tokyo/health", undefined);
    }
  });

  it("says why there is nothing to share, and what a filter of the audit did not find", async () => {
    const page = await stage.open({ path: container });
    await page.route("**/voyages", (route) => route.fulfill({ json: { voyages: [] } }));
    await share(page);
    await page.getByText(/^There is no voyage of this container to share yet/).waitFor();
    expect(await page.getByRole("button", { name: "Make a link" }).count()).toBe(0);
    await fromMenu("Audit")(page);
    await page.getByLabel("By", { exact: true }).fill("nobody");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText("Nothing is recorded of “nobody”. Names are written as under People").waitFor();
    // A long audit is looked at piece by piece.
    await page.route(/\/api\/audit\?user=far/, (route) => route.fulfill({ json: { entries: [], next: "7" } }));
    await page.getByLabel("By", { exact: true }).fill("far");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText("“Earlier” looks further back.").waitFor();
  });

  it("says every moment in UTC with the reader's own clock beside it, in lists on hover", async () => {
    const page = await stage.open({ path: `/?tab=alerts&alert=${alert?.id}` });
    const both = /\d UTC \((\d+ \w+ )?\d\d:\d\d GMT\+9\)/;
    for (const name of ["Raised", "Known here since"]) {
      await page.locator(".facts:not(.facts-wordy) .fact", { hasText: name }).getByText(both).waitFor();
    }
    await page.goto(`${stage.server.url}${container}`);
    for (const title of ["Who had it when", "Events"]) {
      const times = page.locator(".section", { has: page.getByRole("heading", { name: title }) }).locator("time");
      await times.first().waitFor();
      const titles = await times.evaluateAll((all) => all.map((one) => one.getAttribute("title")));
      expect(titles.filter((one) => !both.test(one ?? ""))).toEqual([]);
    }
    await page.locator(".missing").getByTitle(both).first().waitFor();
    await fromMenu("Audit")(page);
    await page.locator("dialog").getByTitle(both).first().waitFor();
  });
});
