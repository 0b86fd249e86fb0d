import type { GrantsReply } from "@landfall/proto/api";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, launchChromium } from "../support/chromium.js";
import { skipWithout } from "../support/required.js";
import { at, DUCKS, PEARS, startWorld, type World } from "./support/world.js";

const chromium = findChromium();
const MAP_SIZE = { width: 1280, height: 900 };

describe.skipIf(skipWithout("chromium", chromium !== undefined))("a share link in a browser", () => {
  let world: World;
  let browser: Browser;
  let page: Page;
  const asked: string[] = [];

  beforeAll(async () => {
    world = await startWorld();
    browser = await launchChromium(chromium as string);
    page = await browser.newPage({ viewport: MAP_SIZE });
    page.on("request", (request) => asked.push(request.url()));
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await world.close();
  });

  const token = (): string => world.headers("link")["authorization"]?.replace("Bearer ", "") ?? "";

  it("shows its container alone, follows it, and says what became of it", async () => {
    await page.goto(`${world.url}/share#${token()}`);
    const card = page.locator("article.card");
    await card.getByText("POLU 000001 4").first().waitFor();
    await card.getByText("polarfoods").first().waitFor();
    expect(await page.content()).not.toContain(DUCKS);
    expect(await card.getByRole("button", { name: "Share…" }).count()).toBe(0);
    // The token goes where it must, and into no address.
    expect(asked.filter((url) => url.includes(token()) && !url.includes("#"))).toEqual([]);

    await world.put("polarfoods.containers", PEARS, at(15), { temperatureC: -7.5, latitude: 2, longitude: 105 });
    await card
      .getByText(/[−-]7\.5/)
      .first()
      .waitFor();

    await page.reload();
    await card.getByText("POLU 000001 4").first().waitFor();

    const headers = world.headers("ops");
    const { grants } = (await (await fetch(`${world.url}/api/grants`, { headers })).json()) as GrantsReply;
    const link = grants.find(({ subject }) => subject === "link");
    await fetch(`${world.url}/api/grants?owner=polarfoods&id=${link?.id}`, { method: "DELETE", headers });
    // Its feed is closed, and it comes back to a sentence.
    await page.getByText(/ask whoever sent it to you for a new one/).waitFor();
    expect(await page.content()).not.toContain("POLU 000001 4");

    await page.goto(`${world.url}/share#${token().slice(0, -2)}xx`);
    await page.reload();
    await page.getByText(/no such link is known here/i).waitFor();
  });
});
