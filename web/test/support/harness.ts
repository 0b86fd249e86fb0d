import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { build } from "vite";
import { expect } from "vitest";
import { mercatorX, mercatorY, worldSizePx } from "../../src/geo/mercator.js";
import { nearestCopy } from "../../src/geo/longitude.js";
import { parseView } from "../../src/url-state.js";
import type { FakeServer } from "./fake-server.js";

/** Builds the map as it stands in the sources into a folder of its own. */
export async function buildWeb(): Promise<{ readonly root: string; remove(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), "landfall-web-"));
  await build({
    root: fileURLToPath(new URL("../..", import.meta.url)),
    logLevel: "error",
    build: { outDir: root, emptyOutDir: true, reportCompressedSize: false },
  });
  return { root, remove: () => rm(root, { recursive: true, force: true }) };
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page complained about: uncaught errors, console errors, requests to others. */
  readonly complaints: string[];
}

const WAIT_MS = 40_000;

/** Opens the map as somebody, in a browser of their own. */
export async function visit(
  browser: Browser,
  server: FakeServer,
  options: BrowserContextOptions & { readonly user?: string; readonly path?: string } = {},
): Promise<Visit> {
  const { user, path = "/", ...rest } = options;
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
    timezoneId: "Asia/Tokyo",
    ...rest,
  });
  const complaints: string[] = [];
  const page = await context.newPage();
  // Below the tests' own limit, so that a failure says what it waited for.
  page.setDefaultTimeout(WAIT_MS);
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    // Statuses are the tests' own business: many of them are provoked.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url)) complaints.push(`request to ${request.url()}`);
  });
  if (user !== undefined) {
    await context.request.post(`${server.url}/api/session`, { data: { username: user, password: "landfall" } });
  }
  await page.goto(server.url + path);
  return { page, context, complaints };
}

/** Where a place is on the screen now: out of the box that the address bar holds. */
export async function pixelOf(page: Page, longitude: number, latitude: number): Promise<{ x: number; y: number }> {
  const { box } = parseView(new URL(page.url()).search);
  const frame = await page.locator(".map").boundingBox();
  if (!box || !frame) throw new Error(`the address ${page.url()} holds no box, or the map is not there`);
  const size = worldSizePx(box.zoom);
  const dx = (mercatorX(nearestCopy(longitude, box.longitude)) - mercatorX(box.longitude)) * size;
  const dy = (mercatorY(latitude) - mercatorY(box.latitude)) * size;
  return { x: frame.x + frame.width / 2 + dx, y: frame.y + frame.height / 2 + dy };
}

/**
 * Points at a place until the map says these words about it: the view may still be moving when it is asked for.
 * @returns the pixel in the end
 */
export async function hoverUntil(
  page: Page,
  at: { readonly longitude?: number; readonly latitude?: number } | undefined,
  words: string | RegExp,
): Promise<{ x: number; y: number }> {
  const tip = page.locator(".map-tip:not([hidden])", { hasText: words });
  let found = { x: 0, y: 0 };
  await expect
    .poll(
      async () => {
        found = await pixelOf(page, at?.longitude ?? 0, at?.latitude ?? 0).catch(() => found);
        await page.mouse.move(found.x + 1, found.y);
        await page.mouse.move(found.x, found.y);
        return tip.count();
      },
      { timeout: WAIT_MS, message: `the map says nothing of ${String(words)} there` },
    )
    .toBe(1);
  return found;
}

/** Share of pixels of that colour among all of the ground's canvas, to within a few steps of each channel. */
export async function shareOfColour(page: Page, property: string): Promise<number> {
  return page.evaluate((name) => {
    const canvas = document.querySelector<HTMLCanvasElement>(".leaflet-tile-pane canvas");
    const ctx = canvas?.getContext("2d");
    if (!canvas || !ctx) return 0;
    const probe = document.createElement("div");
    probe.style.color = getComputedStyle(document.documentElement).getPropertyValue(name);
    document.body.append(probe);
    const [r = 0, g = 0, b = 0] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map(Number);
    probe.remove();
    const { data } = ctx.getImageData(0, 0, canvas.width, canvas.height);
    let same = 0;
    for (let i = 0; i < data.length; i += 4) {
      const near = (a: number | undefined, c: number): boolean => Math.abs((a ?? 0) - c) <= 4;
      if ((data[i + 3] ?? 0) > 250 && near(data[i], r) && near(data[i + 1], g) && near(data[i + 2], b)) same++;
    }
    return same / (data.length / 4);
  }, property);
}
