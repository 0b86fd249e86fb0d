import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { build } from "vite";
import { expect, inject, vi } from "vitest";
import { mercatorX, mercatorY, worldSizePx } from "../../src/geo/mercator.js";
import { nearestCopy } from "../../src/geo/longitude.js";
import { parseView } from "../../src/url-state.js";
import type { FakeServer } from "./fake-server.js";

/** Longest that a file waits for the map that another one builds. */
const BUILD_MS = 100_000;

/**
 * The map as it stands in the sources, built once for all files of a run: the first one builds, the others wait.
 * @returns the folder that holds it, which the run removes
 */
export async function buildWeb(): Promise<{ readonly root: string }> {
  const folder = join(inject("builtWeb"), "map");
  const [root, isBuilt] = [join(folder, "dist"), join(folder, "is-built")];
  const isFirst = await mkdir(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
  if (!isFirst) {
    await vi.waitUntil(() => existsSync(isBuilt), { timeout: BUILD_MS, interval: 100 });
    return { root };
  }
  await build({
    root: fileURLToPath(new URL("../..", import.meta.url)),
    logLevel: "error",
    build: { outDir: root, emptyOutDir: true, reportCompressedSize: false },
  });
  await writeFile(isBuilt, "");
  return { root };
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page complained about: uncaught errors, console errors, requests to others. */
  readonly complaints: string[];
}

const WAIT_MS = 40_000;

export interface VisitOptions extends BrowserContextOptions {
  /** Who is signed in; by default nobody. */
  readonly user?: string | undefined;
  readonly path?: string;
  /** Done to the page before it loads anything. */
  readonly prepare?: (page: Page) => Promise<unknown>;
}

/** Opens the map as somebody, in a browser of their own. */
export async function visit(browser: Browser, server: FakeServer, options: VisitOptions = {}): Promise<Visit> {
  const { user, path = "/", prepare, ...rest } = options;
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
  await prepare?.(page);
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

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** A colour of the style sheet, by the name of its property. */
export async function rgbOf(page: Page, property: string): Promise<Rgb> {
  return page.evaluate((name) => {
    const probe = document.createElement("div");
    probe.style.color = getComputedStyle(document.documentElement).getPropertyValue(name);
    document.body.append(probe);
    const [r = 0, g = 0, b = 0] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map(Number);
    probe.remove();
    return [r, g, b] as const;
  }, property);
}

/** Whether two colours are the same to within a few steps of each channel. */
export function isNear(a: Rgb, b: Rgb, steps = 4): boolean {
  return a.every((value, i) => Math.abs(value - (b[i] ?? 0)) <= steps);
}

/** Share of pixels of that colour among all of the ground's canvas, to within a few steps of each channel. */
export async function shareOfColour(page: Page, property: string): Promise<number> {
  return page.evaluate(
    ([r, g, b]) => {
      const canvas = document.querySelector<HTMLCanvasElement>(".leaflet-tile-pane canvas");
      const ctx = canvas?.getContext("2d");
      if (!canvas || !ctx) return 0;
      const { data } = ctx.getImageData(0, 0, canvas.width, canvas.height);
      let same = 0;
      for (let i = 0; i < data.length; i += 4) {
        const near = (a: number | undefined, c: number): boolean => Math.abs((a ?? 0) - c) <= 4;
        if ((data[i + 3] ?? 0) > 250 && near(data[i], r) && near(data[i + 1], g) && near(data[i + 2], b)) same++;
      }
      return same / (data.length / 4);
    },
    await rgbOf(page, property),
  );
}

/** Colours of the opaque pixels around a place on the screen in what the map draws of tracks and links, or of marks. */
export async function coloursAround(
  page: Page,
  layer: "lines" | "marks",
  at: { readonly x: number; readonly y: number },
  reachPx: number,
): Promise<Rgb[]> {
  return page.evaluate(
    ({ pane, x, y, reach }) => {
      const found: [number, number, number][] = [];
      for (const canvas of document.querySelectorAll<HTMLCanvasElement>(`.leaflet-${pane}-pane canvas`)) {
        const { left, top, width } = canvas.getBoundingClientRect();
        const ratio = canvas.width / width;
        const side = Math.round((2 * reach + 1) * ratio);
        const corner = [Math.round((x - reach - left) * ratio), Math.round((y - reach - top) * ratio)] as const;
        const { data } = canvas.getContext("2d")?.getImageData(...corner, side, side) ?? { data: [] };
        for (let i = 0; i < data.length; i += 4) {
          if ((data[i + 3] ?? 0) > 250) found.push([data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0]);
        }
      }
      return found;
    },
    { pane: layer === "lines" ? "overlay" : "marker", ...at, reach: reachPx },
  );
}
