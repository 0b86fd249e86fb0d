import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { findChromium } from "./support/browser.js";
import { DUCKS, HYACINTH, makeWorld, REEFER } from "./support/fake-world.js";
import { layoutProblems } from "./support/layout.js";
import { setStage, TEST_MS } from "./support/stage.js";

/** The fake fleet's; a failure can be looked at again with the same one. */
const SEED = 37;
/** A window is opened at its first size, and then drawn to its others; a phone is another thing from the beginning. */
const WINDOWS = [
  [{ width: 390, height: 844 }],
  [
    { width: 1280, height: 800 },
    { width: 1920, height: 1080 },
  ],
] as const;
/** Where somebody wants to look at what was tested: `LANDFALL_SCREENSHOTS=FOLDER`. */
const SCREENSHOTS = process.env["LANDFALL_SCREENSHOTS"];

const path = findChromium();

describe.skipIf(path === undefined)(`from phone to wide screen (seed ${SEED})`, { timeout: TEST_MS }, () => {
  const world = makeWorld(SEED);
  const stage = setStage(path, world);
  const alert = world.alerts.find(({ state, type }) => state === "raised" && type === "OUT_OF_RANGE");
  const moment = world.containerHistory(REEFER).points[120]?.time.slice(0, 19);

  const VIEWS: readonly { readonly name: string; readonly at: string; readonly shows: string }[] = [
    { name: "fleet", at: "/?map=2/20/175", shows: "On the map" },
    { name: "container", at: `/?container=${DUCKS}`, shows: "What is missing" },
    { name: "replay", at: `/?container=${REEFER}&at=${moment}Z`, shows: "Who had it when" },
    { name: "alert", at: `/?tab=alerts&alert=${alert?.id}`, shows: "Readings before and after" },
    { name: "sites", at: "/?tab=sites&map=2/20/175", shows: "Ports and headquarters" },
    { name: "link", at: "/?tab=sites&link=tokyo~singapore", shows: "Each way" },
    { name: "ship", at: `/?ship=${HYACINTH}`, shows: "Port calls" },
  ];

  const shoot = async (page: Page, name: string): Promise<void> => {
    if (SCREENSHOTS === undefined) return;
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
  };

  /** Until what follows the size of the window has followed it: charts, canvases, the panel or sheet. */
  const settle = async (page: Page): Promise<void> => {
    await page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(undefined)))),
    );
  };

  /** What is wrong with the page as it stands, by day and by night. */
  const problemsOf = async (page: Page, name: string): Promise<string[]> => {
    const problems: string[] = [];
    const width = page.viewportSize()?.width;
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await settle(page);
      problems.push(...(await layoutProblems(page)).map((problem) => `${width} ${colorScheme}: ${problem}`));
      await shoot(page, `${name}-${width}-${colorScheme}`);
    }
    return problems;
  };

  it.each(VIEWS)("$name: nothing is cut, covered or on top of something else, by day and by night", async (view) => {
    const { name, at, shows } = view;
    const problems: string[] = [];
    for (const sizes of WINDOWS) {
      const page = await stage.open({ path: at, viewport: sizes[0] });
      await page.getByText(shows).first().waitFor();
      await page.evaluate(() => document.fonts.ready);
      for (const size of sizes) {
        await page.setViewportSize(size);
        problems.push(...(await problemsOf(page, name)));
      }
    }
    expect(problems).toEqual([]);
  });

  it("offline: nor is what says that the screen is not live", async () => {
    const page = await stage.open({ viewport: WINDOWS[0][0] });
    await page.getByText(/^Live$/).waitFor();
    await expect.poll(() => stage.server.liveCount()).toBeGreaterThan(0);
    stage.server.cutLive(true);
    await page.getByText("Not live.").waitFor();
    const problems: string[] = [];
    for (const size of WINDOWS.flat()) {
      await page.setViewportSize(size);
      problems.push(...(await problemsOf(page, "offline")));
    }
    stage.server.cutLive(false);
    expect(problems).toEqual([]);
  });
});
