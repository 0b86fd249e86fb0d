import type { HistoryPoint } from "@landfall/proto/api";
import type { Locator, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { formatNumber, withUnit } from "../src/format/quantities.js";
import { formatTime } from "../src/format/time.js";
import { nearestCopy } from "../src/geo/longitude.js";
import { cividis } from "../src/map/cividis.js";
import { parseView } from "../src/url-state.js";
import { findChromium } from "./support/browser.js";
import { makeWorld, REEFER, WORLD_TIME } from "./support/fake-world.js";
import { coloursAround, hoverUntil, isNear, pixelOf, rgbOf, type Rgb } from "./support/harness.js";
import { setStage, TEST_MS } from "./support/stage.js";

/** The fake fleet's; a failure can be looked at again with the same one. */
const SEED = 29;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** The whole of its voyage so far, between Tokyo and the middle of the Pacific. */
const WHOLE = "4/40/168";

const path = findChromium();

describe.skipIf(path === undefined)(`a container's history on the map (seed ${SEED})`, { timeout: TEST_MS }, () => {
  const stage = setStage(path, makeWorld(SEED));
  const { points } = stage.world.containerHistory(REEFER);
  const timeOf = ({ time }: HistoryPoint): string => time.replace(/\.\d+Z$/, "Z");
  const atOf = (page: Page): string | null => new URL(page.url()).searchParams.get("at");
  const at = (index: number): HistoryPoint => points.at(index) as HistoryPoint;
  const openAt = (place: string, more = ""): Promise<Page> =>
    stage.open({ path: `/?container=${REEFER}${more}&map=${place}` });

  type Quantity = "temperatureC" | "humidityPct";
  const rangeOf = (key: Quantity): readonly [number, number] => {
    const values = points.map((point) => point[key] ?? 0);
    return [Math.min(...values), Math.max(...values)];
  };
  /** What the track should be coloured like at a reading. */
  const colourOf = (point: HistoryPoint, key: Quantity): Rgb => {
    const [low, high] = rangeOf(key);
    const colour = cividis(((point[key] ?? 0) - low) / (high - low), false);
    const [r = 0, g = 0, b = 0] = (colour.match(/\d+/g) ?? []).map(Number);
    return [r, g, b];
  };

  it("is coloured by the measurement that is chosen, and the legend says which and how far", async () => {
    const page = await openAt(WHOLE);
    const legend = page.locator(".measure-legend");
    const [, warmest] = rangeOf("temperatureC");
    // On the way there: it cooled down in one step.
    const warm = at(points.findIndex(({ temperatureC }) => temperatureC === warmest) - 3);
    const { longitude = 0, latitude = 0 } = warm;
    const isDrawn = async (key: Quantity): Promise<boolean> => {
      const track = await coloursAround(page, "lines", await pixelOf(page, longitude, latitude), 2);
      // The next one, a little warmer, is drawn over it.
      return track.some((one) => isNear(one, colourOf(warm, key), 14));
    };
    const legendOf = (key: Quantity, digits: number): string =>
      rangeOf(key)
        .map((value) => formatNumber(value, digits))
        .join("");
    await legend.getByText("Temperature, °C").waitFor();
    await legend.getByText(legendOf("temperatureC", 1)).waitFor();
    await expect.poll(() => isDrawn("temperatureC")).toBe(true);
    expect(await isDrawn("humidityPct")).toBe(false);
    await page.getByRole("button", { name: "Humidity", exact: true }).click();
    await legend.getByText("Humidity, %").waitFor();
    await legend.getByText(legendOf("humidityPct", 0)).waitFor();
    await expect.poll(() => isDrawn("humidityPct")).toBe(true);
    expect(await isDrawn("temperatureC")).toBe(false);
    await page.waitForURL(/chart=humidity/);
    await hoverUntil(page, warm, withUnit(warm.humidityPct ?? 0, "%", 0));
    // A yes or no has no scale.
    await page.getByRole("button", { name: "Power and door" }).click();
    await expect.poll(() => legend.count()).toBe(0);
    await hoverUntil(page, warm, "power no");
  });

  it("is replayed as fast as is said, to its end", async () => {
    const page = await stage.open({
      path: `/?container=${REEFER}&map=${WHOLE}`,
      prepare: (before) => before.clock.install({ time: WORLD_TIME }),
    });
    const slider = page.getByRole("slider", { name: "Moment" });
    await slider.waitFor();
    const moment = async (): Promise<number> => Number(await slider.inputValue());
    await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 1000);
    await page.getByRole("button", { name: "Replay the history" }).click();
    for (const [speed, perSecond] of [
      ["1 h/s", HOUR_MS],
      ["3 d/s", 72 * HOUR_MS],
    ] as const) {
      await page.getByRole("combobox", { name: "Replay speed" }).selectOption(speed);
      await page.clock.runFor(200);
      const before = await moment();
      await page.clock.runFor(500);
      // It goes on by frames, and the slider stands at whole minutes.
      expect(Math.abs(((await moment()) - before) / (perSecond / 2) - 1), speed).toBeLessThan(0.1);
    }
    await page.getByRole("button", { name: "Pause the replay" }).waitFor();
    await page.locator('[data-frame="replay"]').waitFor();
    await page.clock.fastForward(5000);
    await page.getByRole("button", { name: "Replay the history" }).waitFor();
    await page.locator('[data-frame="live"]').waitFor();
  });

  it("is stepped through reading by reading, and followed by the map until somebody moves it", async () => {
    const page = await openAt("6/42/150");
    const follow = page.getByRole("button", { name: "Follow" });
    const isFollowed = (): Promise<string | null> => follow.getAttribute("aria-pressed");
    const back = page.getByRole("button", { name: "One reading back" });
    await back.click();
    await back.click();
    await expect.poll(() => atOf(page)).toBe(timeOf(at(-3)));
    await page.getByRole("button", { name: "One reading on" }).click();
    await expect.poll(() => atOf(page)).toBe(timeOf(at(-2)));

    /** How far from the middle of the map a place is, in degrees of longitude. */
    const awayFrom = (longitude = 0): number => {
      const middle = parseView(new URL(page.url()).search).box?.longitude ?? Number.NaN;
      return Math.abs(nearestCopy(longitude, middle) - middle);
    };
    const frame = await page.locator(".map").boundingBox();
    // A quarter of the view on each side is not entered.
    const near = ((frame?.width ?? 0) / 4 / (256 * 2 ** 6)) * 360 + 0.01;
    expect(awayFrom(at(-2).longitude)).toBeGreaterThan(near);
    await follow.click();
    expect(await isFollowed()).toBe("true");
    await expect.poll(() => awayFrom(at(-2).longitude)).toBeLessThan(near);
    await page.waitForURL(/follow=1/);
    const slider = page.getByRole("slider", { name: "Moment" });
    const early = at(40);
    const first = Number(await slider.getAttribute("min"));
    const minutes = Math.round((Date.parse(early.time) - first) / MINUTE_MS);
    await slider.fill(String(first + minutes * MINUTE_MS));
    await expect.poll(() => awayFrom(early.longitude)).toBeLessThan(near);

    const { x = 0, y = 0 } = frame ?? {};
    await page.mouse.move(x + 300, y + 200);
    await page.mouse.down();
    await page.mouse.move(x + 700, y + 200, { steps: 8 });
    await page.mouse.up();
    await expect.poll(isFollowed).toBe("false");
    await page.waitForURL((url) => !url.search.includes("follow"));
    const left = awayFrom(early.longitude);
    expect(left).toBeGreaterThan(near);
    const before = atOf(page);
    await page.getByRole("button", { name: "One reading on" }).click();
    await expect.poll(() => atOf(page)).not.toBe(before);
    expect(awayFrom(early.longitude)).toBe(left);
  });

  it("is one track over 180°, on which pointer and chart point at the same moment", async () => {
    const page = await openAt(WHOLE);
    const readout = page.locator(".readout");
    const line = page.locator(".u-cursor-x");
    const ink = await rgbOf(page, "--ink");
    /** Whether a ring is drawn around a reading on the track. */
    const isRinged = async ({ longitude = 0, latitude = 0 }: HistoryPoint): Promise<boolean> => {
      const around = await coloursAround(page, "lines", await pixelOf(page, longitude, latitude), 8);
      return around.filter((one) => isNear(one, ink)).length > 8;
    };
    const measured = (point: HistoryPoint): Locator =>
      page.locator(".readout", { hasText: `measured ${formatTime(Date.parse(point.time))} UTC` });
    const west = points.findLast(({ longitude = 0 }) => longitude > 0 && longitude < 178) as HistoryPoint;
    const east = points.find(({ longitude = 0 }) => longitude < -178) as HistoryPoint;
    await readout.waitFor();
    expect(await isRinged(west)).toBe(false);
    const lefts: number[] = [];
    for (const point of [west, east]) {
      await hoverUntil(page, point, `measured ${formatTime(Date.parse(point.time))} UTC`);
      await measured(point).waitFor();
      await expect.poll(() => isRinged(point)).toBe(true);
      lefts.push((await line.boundingBox())?.x ?? 0);
    }
    const [westLeft = 0, eastLeft = 0] = lefts;
    expect(eastLeft).toBeGreaterThan(westLeft);
    // And the other way: from the chart to the map.
    const chart = await page.locator(".chart .u-over").boundingBox();
    const y = (chart?.y ?? 0) + 30;
    await page.mouse.move(westLeft, y);
    await measured(west).waitFor();
    await expect.poll(() => isRinged(west)).toBe(true);
    expect(await isRinged(east)).toBe(false);
    await page.mouse.move(eastLeft, y);
    await measured(east).waitFor();
    await expect.poll(() => isRinged(east)).toBe(true);
    expect(await isRinged(west)).toBe(false);
  });

  it("of a reefer sets supply and return air against the set point, and marks when it defrosted and had no power", async () => {
    const defrosting = points.find(({ defrosting }) => defrosting === true) as HistoryPoint;
    const page = await openAt(WHOLE, `&at=${timeOf(defrosting)}`);
    await page
      .getByRole("img", { name: "Temperature, Supply air, Return air, Set point over time" })
      .locator("canvas")
      .waitFor();
    const air = [
      withUnit(defrosting.temperatureC ?? 0, "°C"),
      ...(["supplyAirC", "returnAirC", "setpointC"] as const).map(
        (key, i) => `${["supply", "return", "set to"][i]} ${formatNumber(defrosting[key] ?? 0)}`,
      ),
    ].join(", ");
    await page.locator(".readout", { hasText: new RegExp(`^${air} · Defrosting for 1 h \\d+ min measured`) }).waitFor();
    await hoverUntil(page, defrosting, air);
    const card = page.locator("article.card");
    await card
      .locator(".fact", { hasText: "Supply and return air" })
      .getByText("−18.4\u00a0°C / −17.2\u00a0°C")
      .waitFor();
    const happened = card.locator(".section", { hasText: "Door, power, shocks" });
    await happened.getByRole("button", { name: /No power for/ }).click();
    // What the list names is what is replayed then.
    const cut = points.find(({ powered }) => powered === false) as HistoryPoint;
    await expect.poll(() => atOf(page)).toBe(timeOf(cut));
    await page.locator(".readout", { hasText: "No power for" }).waitFor();
    expect(await happened.getByText("Defrosting").count()).toBe(0);
  });
});
