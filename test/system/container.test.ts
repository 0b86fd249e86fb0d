import { hash } from "@node-rs/argon2";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, PEARS, SHIP, startWorld, type World } from "../access/support/world.js";
import { findChromium, launchChromium } from "../support/chromium.js";
import { eventually } from "../support/eventually.js";
import { skipWithout } from "../support/required.js";

const chromium = findChromium();
const PASSWORD = "pears in the fridge";
const READINGS = 8 * 24;
/** Hours of the voyage at which it was too warm, and the warmest. */
const [WARM_FROM, WARM_TO, WARMEST] = [60, 64, 62];

/** From Singapore to Sydney, as the crow flies: nobody looks at the land here. */
const placeAt = (hour: number) => ({
  latitude: 1.27 - (35.2 * hour) / READINGS,
  longitude: 103.82 + (47.4 * hour) / READINGS,
});

async function sailPears(world: World): Promise<void> {
  const begin = 12;
  await world.put("polarfoods.containers", PEARS, at(begin), {
    type: "LOAD",
    time: at(begin),
    location: "SGSIN",
    vessel: SHIP,
    voyage: "V2",
  });
  for (let hour = 1; hour < READINGS; hour++) {
    const isWarm = hour >= WARM_FROM && hour <= WARM_TO;
    const warmth = isWarm ? 5.7 - Math.abs(hour - WARMEST) : 0;
    await world.put("polarfoods.containers", PEARS, at(begin, hour), {
      ...placeAt(hour),
      temperatureC: -18 + warmth,
      supplyAirC: -18.2 + warmth,
      returnAirC: -17.6 + warmth,
      setpointC: -18,
      powered: !isWarm,
      defrosting: hour % 48 === 0,
      doorOpen: hour === 100,
      shockG: hour === 120 ? 3.4 : 0.1,
    });
  }
  await world.put("polarfoods.containers", PEARS, at(20), {
    type: "DISC",
    time: at(20),
    location: "AUSYD",
    vessel: SHIP,
  });
  await world.put("polarfoods.containers", PEARS, at(20, 1), {
    ...placeAt(READINGS),
    temperatureC: -18.1,
    setpointC: -18,
  });
}

describe.skipIf(skipWithout("chromium", chromium !== undefined))("a container's life, from the map alone", () => {
  let world: World;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const passwordHash = await hash(PASSWORD, { memoryCost: 64, timeCost: 1, parallelism: 1 });
    const user = { name: "anna", displayName: "Anna", passwordHash, groups: ["bigblue-ops"], roles: [] };
    world = await startWorld({ users: [user] });
    await sailPears(world);
    browser = await launchChromium(chromium as string);
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "Asia/Singapore" });
    page = await context.newPage();
    await page.goto(world.url);
    await page.getByLabel("Name").fill("anna");
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("searchbox").waitFor();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  });

  const card = () => page.locator("article.card");
  const section = (title: string) => page.locator(".section", { has: page.getByRole("heading", { name: title }) });

  it("says which digit is wrong, and where it is now and how that is known", async () => {
    const search = page.getByRole("searchbox");
    await search.fill(`${PEARS.slice(0, 10)}${(Number(PEARS[10]) + 1) % 10}`);
    await page.getByText(`With these ten characters it would be ${formatContainerNumber(PEARS)}`).waitFor();
    await search.fill(PEARS);
    await search.press("Enter");
    await card().getByText("In Sydney", { exact: true }).waitFor();
    // Where, measured when, and since when that is known here: in UTC, with the reader's own clock beside it.
    const facts = await eventually("its facts", async () => {
      const text = await card().locator(".facts").innerText();
      return text.includes("Known here since") && text;
    });
    expect(facts).toContain("33°55.8′S 151°13.2′E");
    expect(facts).toMatch(/Measured\s+20 Jan 01:00 UTC \(09:00 (GMT\+8|SGT)\)/);
    expect(facts).toMatch(/Known here since\s+\d+ \w+ \d\d:\d\d UTC/);
    const had = await section("Who had it when").innerText();
    expect(had).toMatch(
      /Terminal, Sydney[\s\S]*still there[\s\S]*Big Blue Hyacinth · voyage V2\s+Singapore, 12 Jan 00:00 – Sydney, 20 Jan 00:00/,
    );
    expect(had).toContain("Terminal, Singapore");
    const happened = await section("Door, power, shocks").innerText();
    for (const words of ["Shock of 3.4", "Door open for 1 h", "No power for 5 h"]) expect(happened).toContain(words);
  });

  it("was it ever warmer than −15 °C, when and where", async () => {
    await section("Was it ever…").getByRole("textbox").fill("-15");
    await section("Was it ever…").getByRole("button", { name: "Look" }).click();
    const answer = section("Was it ever…");
    await answer.getByText("Yes, 2 times").waitFor();
    const said = await answer.locator("ol").innerText();
    expect(said).toMatch(/^−12\.3\s°C at most\s+14 Jan 12:00 – 14 Jan 16:00 UTC, 4 h/);
    // And before the voyage, while it was empty.
    expect(said).toContain("17.0\u00a0°C at most");
    expect(said).toContain("aboard Big Blue Hyacinth");
    expect(said).toMatch(/at 10°0\d\.\d′S 119°/);
    await answer.locator("ol button").first().click();
    await page.waitForURL(/at=2026-01-14T14:00:00Z/);
    await page.locator('[data-frame="replay"]').waitFor();
    await page.locator(".readout", { hasText: "No power" }).waitFor();
    // The link holds exactly this view.
    const { href } = new URL(page.url());
    expect(href).toContain("ever=above/-15");
    await page.getByRole("button", { name: "One reading on" }).click();
    await page.waitForURL(/at=2026-01-14T15:00:00Z/);
    await page.goto(href);
    await answer.getByText("Yes, 2 times").waitFor();
    await page.locator('[data-frame="replay"]').waitFor();
    await answer.getByRole("textbox").fill("40");
    await answer.getByRole("button", { name: "Look" }).click();
    await answer.getByText("Never").waitFor();
  });

  it("in the units of who reads, also at the next visit", async () => {
    await page.getByLabel(/Signed in as/).click();
    await page.getByLabel("Temperatures").selectOption("°F");
    await card()
      .getByText(/−0\.6\s°F, set to −0\.4\s°F/)
      .waitFor();
    await page.goto(`${world.url}/?container=${PEARS}`);
    await card()
      .getByText(/−0\.6\s°F, set to −0\.4\s°F/)
      .waitFor();
    await section("Was it ever…").getByRole("textbox").fill("5");
    await section("Was it ever…").getByRole("button", { name: "Look" }).click();
    await section("Was it ever…")
      .getByText(/9\.9\s°F/)
      .waitFor();
    await page.waitForURL(/ever=above\/-15(&|$)/);
  });

  it("leaves as CSV, GeoJSON and GPX", async () => {
    const file = async (format: string) => {
      const answer = await page.request.get(`${world.url}/api/containers/${PEARS}/history?format=${format}`);
      expect(answer.status()).toBe(200);
      return answer.text();
    };
    expect((await file("csv")).trimEnd().split("\r\n").length).toBeGreaterThan(READINGS);
    const { features } = JSON.parse(await file("geojson")) as { features: { geometry: { type: string } | null }[] };
    expect(features.filter(({ geometry }) => geometry?.type === "Point").length).toBeGreaterThanOrEqual(READINGS);
    const gpx = await file("gpx");
    // The browser's own parser of XML.
    const read = await page.evaluate<{ errors: number; points: number }>(`(() => {
      const xml = new DOMParser().parseFromString(${JSON.stringify(gpx)}, "application/xml");
      return { errors: xml.querySelectorAll("parsererror").length, points: xml.querySelectorAll("trkpt").length };
    })()`);
    expect(read.errors).toBe(0);
    expect(read.points).toBeGreaterThanOrEqual(READINGS);
  });

  it("says that the server is gone in the middle of a replay, goes on with what it has, and helps", async () => {
    await page.goto(`${world.url}/?container=${PEARS}&at=${at(13)}`);
    await page.getByRole("button", { name: "Replay the history" }).click();
    await page.getByRole("button", { name: "Pause the replay" }).waitFor();
    const slider = page.getByRole("slider", { name: "Moment" });
    const before = Number(await slider.inputValue());
    await world.hq.close();
    await page.getByText("Not live.").waitFor();
    await page.getByText(/You see what was known at/).waitFor();
    await page.getByRole("button", { name: /Try now|Trying/ }).waitFor();
    await eventually("the replay to go on", async () => Number(await slider.inputValue()) > before);
    // What is not here cannot be asked any more, and that is said where it was asked.
    await section("Was it ever…").getByRole("textbox").fill("-10");
    await section("Was it ever…").getByRole("button", { name: "Look" }).click();
    await section("Was it ever…")
      .getByText(/cannot be reached/)
      .waitFor();
  });
});
