import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, launchChromium } from "../support/chromium.js";
import { skipWithout } from "../support/required.js";
import { at, DUCKS, PASSWORD, PEARS, startWorld, type World } from "./support/world.js";

const chromium = findChromium();
const MAP_SIZE = { width: 1280, height: 900 };
const [DUCKS_SHOWN, PEARS_SHOWN] = [DUCKS, PEARS].map(
  (id) => `${id.slice(0, 4)} ${id.slice(4, 10)} ${id.slice(10)}`,
) as [string, string];

describe.skipIf(skipWithout("chromium", chromium !== undefined))("what does the toy manufacturer see?", () => {
  let world: World;
  let browser: Browser;
  let page: Page;
  const failures: string[] = [];

  beforeAll(async () => {
    world = await startWorld();
    browser = await launchChromium(chromium as string);
    page = await browser.newPage({ viewport: MAP_SIZE });
    page.on("pageerror", (error) => failures.push(error.message));
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await world.close();
  });

  it("an administrator answers it from the map, sees that it is a preview, changes nothing, and leaves with one click", async () => {
    await page.goto(world.url);
    await page.getByLabel("Name").fill("ops");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    const list = page.getByRole("complementary").or(page.locator("#panel-content")).first();
    await list.getByText(PEARS_SHOWN).first().waitFor();
    await list.getByText(DUCKS_SHOWN).first().waitFor();
    expect(await page.getByText("Nothing can be changed").count()).toBe(0);

    await page.getByLabel("Signed in as ops").click();
    await page.getByRole("button", { name: "See as…" }).click();
    await page.getByRole("dialog", { name: "People" }).getByRole("link", { name: "See as ducky" }).click();

    await page.getByRole("status").getByText("You see what ducky").waitFor();
    await list.getByText(DUCKS_SHOWN).first().waitFor();
    expect(await page.content()).not.toContain(PEARS_SHOWN);
    expect(await page.locator(".shell").getAttribute("data-preview")).toBe("true");
    const frame = await page.evaluate("getComputedStyle(document.querySelector('.frame')).borderTopStyle");
    expect(frame).toBe("double");
    await page.getByLabel("Looking as ducky").click();
    await page.getByText("A preview: ops looks.").waitFor();
    expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(0);
    await page.getByLabel("Looking as ducky").click();

    // It lives: what is theirs comes, what is not does not.
    await world.put("polarfoods.containers", PEARS, at(21), { temperatureC: -7.5, latitude: 2, longitude: 105 });
    await world.put("duckworks.containers", DUCKS, at(21), { temperatureC: 8.5, latitude: -33, longitude: 151 });
    await list.getByText(DUCKS_SHOWN).first().click();
    const card = page.locator("article.card");
    await card.getByText(/8\.5/).first().waitFor();
    expect(await card.getByRole("button", { name: "Share…" }).count()).toBe(0);
    expect(await page.content()).not.toContain(PEARS_SHOWN);
    const screenshot = process.env["LANDFALL_SCREENSHOTS"];
    if (screenshot !== undefined) await page.screenshot({ path: `${screenshot}/see-as.png` });

    await page.getByRole("status").getByRole("button", { name: "Leave the preview" }).click();
    await page.getByLabel("Signed in as ops").waitFor();
    expect(new URL(page.url()).pathname).toBe("/");
    expect(await page.locator(".shell").getAttribute("data-preview")).toBe("false");
    await page.getByLabel("Signed in as ops").waitFor();
    expect(failures).toEqual([]);
  });

  it("says that there is nobody of that name, and how to go back", async () => {
    await page.goto(`${world.url}/see-as/nobody-at-all`);
    await page.getByText("There is nobody of that name who may come in.").waitFor();
    await page.getByRole("button", { name: "Leave the preview" }).click();
    await page.getByLabel("Signed in as ops").waitFor();
  });
});
