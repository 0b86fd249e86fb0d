import { gzipSync } from "node:zlib";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BROWSER_ARGS, findChromium } from "./support/browser.js";
import { startFakeServer, type FakeServer } from "./support/fake-server.js";
import { DUCKS, HYACINTH, IRIS, makeWorld, REEFER } from "./support/fake-world.js";
import { buildWeb, hoverUntil, shareOfColour, visit, type Visit } from "./support/harness.js";
import { startTileServer } from "./support/tile-server.js";

/** The fake fleet's; a failure can be looked at again with the same one. */
const SEED = 7;
/** Scripts that the first page loads, compressed; above this a ship's crew on satellite waits too long. */
const SCRIPT_BYTES_MAX = 250_000;

/** Some seconds each on an idle machine; a busy one may take its time. */
const TEST_MS = 120_000;

const path = findChromium();
if (path === undefined) {
  console.log(
    "The map's tests are skipped: no Chromium was found. Install one (Debian: apt install chromium) or set CHROME_PATH.",
  );
}

describe.skipIf(path === undefined)(`the map in a browser (seed ${SEED})`, { timeout: TEST_MS }, () => {
  let web: Awaited<ReturnType<typeof buildWeb>>;
  let server: FakeServer;
  let browser: Browser;
  const visits: Visit[] = [];
  const complaints: string[] = [];
  let tests = 0;

  beforeAll(async () => {
    web = await buildWeb();
    server = await startFakeServer(web.root, makeWorld(SEED));
    browser = await chromium.launch({ executablePath: path ?? "", args: BROWSER_ARGS });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  afterEach(async () => {
    tests++;
    for (const one of visits.splice(0)) {
      complaints.push(...one.complaints);
      await one.context.close();
    }
  });

  const open = async (options: Parameters<typeof visit>[2] = {}): Promise<Page> => {
    const one = await visit(browser, server, { user: "ops", ...options });
    visits.push(one);
    return one.page;
  };
  /** The map has chosen its first look: the address bar holds it. */
  const placed = (page: Page): Promise<void> => page.waitForURL(/map=/);
  const text = (page: Page, words: string | RegExp): Promise<void> => page.getByText(words).first().waitFor();

  it("signs in with the demo's users, says what is wrong, and signs out again", async () => {
    const one = await visit(browser, server, { path: "/?tab=alerts&map=1/10/180" });
    visits.push(one);
    const { page } = one;
    await text(page, "only the ducks, wherever they are");
    await page.getByLabel("Name").fill("ops");
    await page.getByLabel("Password").fill("Landfall");
    await page.keyboard.press("Enter");
    await text(page, /Name and password do not belong together/);
    await page.getByLabel("Password").fill("landfall");
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "Alerts", selected: true }).waitFor();
    await page.locator(".user-menu summary").click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "ducky" }).click();
    await page.getByRole("tab", { name: "Fleet" }).click();
    await text(page, "all 101 containers");
  });

  it("draws land and sea, and no request leaves for anybody else", async () => {
    const page = await open({ path: "/?map=2.5/20/180" });
    // Loaded and drawn: more than a tenth of the Pacific's half of the world is land, and not all of it.
    await expect.poll(() => shareOfColour(page, "--map-land"), { timeout: 15_000 }).toBeGreaterThan(0.1);
    expect(await shareOfColour(page, "--map-land")).toBeLessThan(0.6);
  });

  it("loads the finest land, 10 m, where the map is zoomed in, and no other", async () => {
    server.requests.length = 0;
    const page = await open({ path: "/?map=9/35.3/139.7" });
    await expect.poll(() => shareOfColour(page, "--map-land"), { timeout: 15_000 }).toBeGreaterThan(0.1);
    expect(server.requests.flatMap((one) => /land-\d+m/.exec(one)?.[0] ?? [])).toEqual(["land-10m"]);
  });

  it("draws tiles of a server that the settings name over its own land, and asks nobody else", async () => {
    const tiles = await startTileServer();
    const tiled = await startFakeServer(web.root, makeWorld(SEED), 0, tiles.settings);
    const one = await visit(browser, tiled, { user: "ops", path: "/?map=3/40/-170" });
    const { page } = one;
    try {
      await text(page, tiles.settings.attribution);
      await expect.poll(() => page.locator("img.leaflet-tile-loaded").count()).toBeGreaterThan(3);
      expect(tiles.asked.every(({ z, x, y }) => z === 3 && x < 8 && y < 8)).toBe(true);
      const height = (selector: string): Promise<number> =>
        page.locator(selector).evaluate((element) => Number(getComputedStyle(element).zIndex));
      expect(await height(".map-tiles")).toBeGreaterThan(await height(".leaflet-tile-pane canvas"));
      // The packed land stays below, and marks are found through the tiles.
      await expect.poll(() => shareOfColour(page, "--map-land"), { timeout: 15_000 }).toBeGreaterThan(0.02);
      const ship = makeWorld(SEED).ships.find(({ imo }) => imo === HYACINTH);
      await hoverUntil(page, ship, "Big Blue Hyacinth");
      // Closer than that server has, its tiles are enlarged.
      await page.goto(`${tiled.url}/?map=9/35.3/139.7`);
      await expect.poll(() => tiles.asked.some(({ z }) => z === tiles.settings.maxZoom)).toBe(true);
      expect(tiles.asked.every(({ z }) => z <= tiles.settings.maxZoom)).toBe(true);
      await tiles.close();
      await page.goto(`${tiled.url}/?map=4/35.3/139.7`);
      await expect.poll(() => shareOfColour(page, "--map-land"), { timeout: 15_000 }).toBeGreaterThan(0.1);
      expect(one.complaints.filter((complaint) => !complaint.startsWith(`request to ${tiles.url}/sea/`))).toEqual([]);
    } finally {
      await one.context.close();
      await tiled.close();
      await tiles.close();
    }
  });

  it("has no strip of land over the Pacific on Fiji's latitude", async () => {
    const page = await open({ path: "/?map=5/-16.5/-140" });
    await text(page, "On the map");
    await page.locator(".leaflet-tile-pane canvas").waitFor({ state: "attached" });
    // French Polynesia is a few specks; a strip would be a stripe over the whole width.
    await expect.poll(() => server.requests.filter((r) => r.includes("land-50m")).length).toBeGreaterThan(0);
    await page.waitForFunction(() => document.fonts.status === "loaded");
    expect(await shareOfColour(page, "--map-land")).toBeLessThan(0.01);
  });

  it("looks at the whole fleet first, over the Pacific, and opens a ship by a click", async () => {
    const page = await open();
    await placed(page);
    const ship = makeWorld(SEED).ships.find(({ imo }) => imo === HYACINTH);
    const at = await hoverUntil(page, ship, "Big Blue Hyacinth");
    expect(at.x).toBeGreaterThan(352);
    expect(at.x).toBeLessThan(1280);
    await page.mouse.click(at.x, at.y);
    await page.getByRole("heading", { name: "Big Blue Hyacinth" }).waitFor();
    expect(page.url()).toContain(`ship=${HYACINTH}`);
    await page.getByRole("form", { name: "Voyage controls" }).waitFor();
  });

  it("picks a mark where it is seen while the map is dragged, short of and beyond what was drawn", async () => {
    const page = await open({ path: "/?map=3/40/-170" });
    await text(page, "On the map");
    const ship = makeWorld(SEED).ships.find(({ imo }) => imo === HYACINTH);
    let at = await hoverUntil(page, ship, "Big Blue Hyacinth");
    for (const dx of [-60, -250]) {
      const before = page.url();
      const from = { x: 900, y: 250 };
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(from.x + dx, from.y, { steps: 10 });
      // Held still first, so that it does not glide on.
      await page.waitForFunction(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300, true))));
      await page.mouse.up();
      await page.waitForURL((url) => url.href !== before);
      const next = await hoverUntil(page, ship, "Big Blue Hyacinth");
      expect(Math.abs(next.x - at.x - dx)).toBeLessThan(6);
      at = next;
    }
  });

  it("shows the same marks again in the next world", async () => {
    const page = await open({ path: "/?map=3/40/-170" });
    await text(page, "On the map");
    const ship = makeWorld(SEED).ships.find(({ imo }) => imo === HYACINTH);
    const here = await hoverUntil(page, ship, "Big Blue Hyacinth");
    // From the other side of 180°, the same place is the same ship.
    await page.goto(`${server.url}/?map=3/40/170`);
    await text(page, "On the map");
    const there = await hoverUntil(page, ship, "Big Blue Hyacinth");
    expect(Math.abs(there.x - here.x)).toBeGreaterThan(50);
  });

  it("finds a container by its number in any writing, and says which digit is wrong", async () => {
    const page = await open();
    const box = page.getByRole("searchbox");
    await box.fill("csqu 3054");
    await page.locator(".row", { hasText: "CSQU 305438 3" }).waitFor();
    await box.fill("CSQU 305438 4");
    await text(page, /With these ten characters it would be CSQU 305438 3/);
    await page.getByRole("button", { name: "Look for CSQU 305438 3" }).click();
    await page.locator(".row", { hasText: "CSQU 305438 3" }).waitFor();
    await page.keyboard.press("Tab");
    await box.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "CSQU 305438 3" }).waitFor();
    expect(page.url()).toContain(`container=${DUCKS}`);
  });

  it("shows a history: two ships, events, a track with readings, a chart, a table and exports", async () => {
    const page = await open({ path: `/?container=${DUCKS}` });
    await text(page, "Who had it when");
    const carriers = page.locator(".section", { hasText: "Who had it when" });
    await carriers.getByText("Big Blue Iris").waitFor();
    await carriers.getByText("Big Blue Hyacinth").waitFor();
    await placed(page);
    await page.locator(".chart canvas").waitFor();
    // Halfway between Tokyo and Singapore: known only on arrival.
    const late = makeWorld(SEED).containerHistory(DUCKS).points[60];
    await hoverUntil(page, late, /measured.*known here since.*came with a backlog/);
    await page.locator(".readout", { hasText: "came with a backlog" }).waitFor();
    await page.locator(".readings summary").click();
    await page.locator(".readings tbody tr").first().waitFor();
    expect(await page.locator(".readings tbody tr").count()).toBe(100);
    const links = await page.locator(".exports a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    expect(links).toEqual(
      ["csv", "geojson", "gpx"].map((format) => `/api/containers/${DUCKS}/history?format=${format}`),
    );
  });

  it("draws a gap as a gap and says why, in the list, the chart and on the track", async () => {
    const page = await open({ path: `/?container=${DUCKS}` });
    const why = /1200 records of Big Blue Hyacinth had expired at every site in reach/;
    const list = page.locator(".section", { hasText: "What is missing" });
    await list.getByText(why).waitFor();
    await placed(page);
    const points = makeWorld(SEED).containerHistory(DUCKS).points;
    const behind = points.findIndex(
      ({ time }, i) => i > 0 && Date.parse(time) - Date.parse(points[i - 1]?.time ?? time) > 6 * 3_600_000,
    );
    const [a, b] = [points[behind - 1], points[behind]];
    const middle = {
      longitude: ((a?.longitude ?? 0) + (b?.longitude ?? 0)) / 2,
      latitude: ((a?.latitude ?? 0) + (b?.latitude ?? 0)) / 2,
    };
    await hoverUntil(page, middle, why);
    await page.locator(".readout", { hasText: why }).waitFor();
    expect(await page.locator(".missing-strip span").count()).toBe(1);
  });

  it("replays a moment, says so, and comes back to live", async () => {
    const page = await open({ path: `/?container=${REEFER}` });
    await page.locator(".chart .u-over").waitFor();
    await page.locator(".chart .u-over").click({ position: { x: 200, y: 40 } });
    await page.waitForURL(/at=/);
    await page.locator('[data-frame="replay"]').waitFor();
    await text(page, /^Replay$/);
    await page.getByRole("button", { name: "Back to live" }).click();
    await page.locator('[data-frame="live"]').waitFor();
    await page.waitForURL((url) => !url.search.includes("at="));
  });

  it("tells of a link what waits and moves each way, how long it takes, why it is down, and what is left of its budget", async () => {
    const page = await open({ path: "/?link=tokyo~singapore" });
    const card = page.locator("article.card");
    await card.getByText("320 records, about 37").waitFor();
    await card.getByText("1 s, at the rate of now").waitFor();
    const rows = await card.locator("tbody tr").allInnerTexts();
    expect(rows.map((row) => row.split(/\s+/).slice(0, 3))).toEqual([
      ["Tokyo", "300", "402"],
      ["Singapore", "20", "10"],
    ]);
    await page.goto(`${server.url}/?link=singapore~sydney`);
    await card.getByText("nothing heard for 5 s").waitFor();
    await page.goto(`${server.url}/?link=ship-${HYACINTH}~los-angeles`);
    await card.getByText(/1\.2\sMB of 5\.0\sMB left today/).waitFor();
  });

  it("goes back and forward", async () => {
    const page = await open();
    await page.getByRole("button", { name: /^Big Blue Iris/ }).click();
    await page.getByRole("heading", { name: "Big Blue Iris" }).waitFor();
    await page.getByRole("tab", { name: "Sites & links" }).click();
    await text(page, "Ports and headquarters");
    await page.goBack();
    await page.getByRole("heading", { name: "Big Blue Iris" }).waitFor();
    expect(page.url()).toContain(`ship=${IRIS}`);
    await page.goBack();
    await text(page, "On the map");
    await page.goForward();
    await page.getByRole("heading", { name: "Big Blue Iris" }).waitFor();
  });

  it("follows the live feed: positions, alerts, backlog, the story", async () => {
    const page = await open({ path: "/?map=4/40/-170" });
    await text(page, "On the map");
    await expect.poll(() => server.liveCount()).toBeGreaterThan(0);
    const world = makeWorld(SEED);
    const [ship] = world.ships;
    const [first] = world.alerts;
    if (!ship || !first) throw new Error("the world is empty");
    server.push({ type: "ships", data: { ships: [{ ...ship, longitude: -160, latitude: 45, speedKn: 21.5 }] } });
    await text(page, /21\.5/);
    await hoverUntil(page, { longitude: -160, latitude: 45 }, ship.name);
    const lost = {
      ...first,
      id: "new",
      type: "LOST" as const,
      severity: "critical" as const,
      state: "raised" as const,
    };
    server.push({ type: "alert", data: { ...lost, message: "A brand-new alert.", longitude: -150, latitude: 30 } });
    // Not hidden in a cluster: it stands where it happened.
    await hoverUntil(page, { longitude: -150, latitude: 30 }, "A brand-new alert.");
    await page.getByRole("tab", { name: /Alerts/ }).click();
    await text(page, "A brand-new alert.");
    const story = [...world.simulation.story, { time: "2026-11-09T17:30:00Z", text: "Something new happens." }];
    server.push({ type: "simulation", data: { ...world.simulation, story } });
    await text(page, "Something new happens.");
    const sites = world.sites.map((site) =>
      site.site === "sydney" ? { ...site, streams: [{ stream: "s", has: 1, lacks: 77_123 }] } : site,
    );
    server.push({ type: "sites", data: { sites, links: world.links } });
    await page.getByRole("tab", { name: "Sites & links" }).click();
    await text(page, "77\u202f123");
    // Who lacks what, of all of them at a glance.
    const table = page.getByRole("table", { name: "What each site has" });
    const [heading] = await table.getByRole("row").first().getByRole("columnheader").allInnerTexts();
    expect(heading).toBe("Stream");
    const [stream, ...cells] = await table.getByRole("row").nth(1).locator("th, td").allInnerTexts();
    expect([stream, ...cells.filter((cell) => cell !== "")]).toEqual(["s", "77\u202f123"]);
  });

  it("steers the voyage: arrive, cut and slow down", async () => {
    const page = await open({ path: `/?ship=${HYACINTH}` });
    await page.getByRole("combobox", { name: "Arrive in" }).selectOption({ label: "Sydney" });
    await page.getByRole("button", { name: "Arrive now" }).click();
    await text(page, "Big Blue Hyacinth goes alongside in Sydney.");
    await page.getByRole("tab", { name: "Sites & links" }).click();
    await page.getByRole("button", { name: "Cut Tokyo – Singapore" }).click();
    await text(page, "Tokyo – Singapore is cut.");
    await page.locator(".row", { hasText: "Tokyo – Singapore" }).click();
    await page.getByRole("button", { name: "Satellite" }).click();
    await text(page, "Tokyo – Singapore: 600 ms, 256 kbit/s.");
    expect(server.commands.slice(-3)).toEqual([
      { path: `POST /api/simulation/ships/${HYACINTH}/arrive`, body: { port: "AUSYD" } },
      { path: "PATCH /api/simulation/links/tokyo~singapore", body: { state: "down" } },
      {
        path: "PATCH /api/simulation/links/tokyo~singapore",
        body: { latencyMs: 600, kbps: 256, lossPct: 0, jitterMs: 0 },
      },
    ]);
    server.fail("/api/simulation/links", 502);
    await page.getByRole("button", { name: "No limits" }).click();
    await text(page, "The fake headquarters was told to fail.");
    server.fail("/api/simulation/links", undefined);
  });

  it("kills and starts a node, half-opens a link, throws containers overboard, and shows a site's last hour", async () => {
    const page = await open({ user: "ops", path: "/?site=tokyo" });
    await page.getByRole("button", { name: "Kill", exact: true }).click();
    await expect
      .poll(() => server.commands.at(-1))
      .toEqual({
        path: "POST /api/simulation/nodes/tokyo/kill",
        body: { stay: true },
      });
    await expect.poll(() => page.locator(".spark-plot canvas").count()).toBe(5);
    await text(page, "at most 4321 records");
    await text(page, "the disk is nearly full");
    await page.goto(`${server.url}/?site=los-angeles`);
    await page.getByRole("button", { name: "Kill and restart" }).waitFor();
    // It serves this very map.
    expect(await page.getByRole("button", { name: "Kill", exact: true }).count()).toBe(0);
    await page.goto(`${server.url}/?link=tokyo~singapore`);
    await page.getByRole("button", { name: "Half-open" }).click();
    await expect
      .poll(() => server.commands.at(-1))
      .toEqual({
        path: "PATCH /api/simulation/links/tokyo~singapore",
        body: { state: "half-open" },
      });
    await page.goto(`${server.url}/?ship=${HYACINTH}`);
    await page.getByLabel("Over the side").fill("4");
    await page.getByRole("button", { name: "Throw overboard" }).click();
    await expect
      .poll(() => server.commands.at(-1))
      .toEqual({
        path: `POST /api/simulation/ships/${HYACINTH}/overboard`,
        body: { count: 4 },
      });
  });

  it("shows containers in some states alone; says so, and where there is none of them", async () => {
    const page = await open({ user: "ops" });
    const lost = page.getByRole("button", { name: /^Lost/ });
    await lost.click();
    await text(page, "Only containers that are “lost” are shown.");
    await expect.poll(() => new URL(page.url()).searchParams.get("state")).toBe("lost");
    await lost.click();
    // The fake fleet has some in every state: here the headquarters finds none.
    await page.route(/\/api\/containers\?.*status=door-open/, (route) =>
      route.fulfill({ json: { type: "FeatureCollection", features: [], matched: 0, total: 101 } }),
    );
    await page.getByRole("button", { name: /^Door open/ }).click();
    await text(page, "No container in this part of the map is “door open”.");
    await page.getByRole("button", { name: "Show all states" }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get("state")).toBe(null);
  });

  it("shows the manufacturer no site, no control and no foreign container", async () => {
    const page = await open({ user: "ducky", path: `/?ship=${HYACINTH}` });
    await page.getByRole("heading", { name: "Big Blue Hyacinth" }).waitFor();
    await page.getByRole("tab", { name: "Alerts" }).waitFor();
    await expect.poll(() => page.getByRole("tab", { name: "Sites & links" }).count()).toBe(0);
    expect(await page.getByRole("form", { name: "Voyage controls" }).count()).toBe(0);
    expect(await page.locator(".story").count()).toBe(0);
    await page.goto(`${server.url}/?container=${REEFER}`);
    await text(page, "There is no container of this number that you may see.");
    expect(await page.locator(".timeline").count()).toBe(0);
    // Word for word what a number says that nobody has.
    await page.goto(`${server.url}/?container=MSKU9070323`);
    await text(page, "There is no container of this number that you may see.");
  });

  it("says when it is not live, and comes back by itself", async () => {
    const page = await open();
    await text(page, /^Live$/);
    await expect.poll(() => server.liveCount()).toBeGreaterThan(0);
    server.cutLive(true);
    await text(page, "Not live.");
    await page.locator('[data-frame="stale"]').waitFor();
    await text(page, /You see what was known at \d\d:\d\d:\d\d UTC \(\d\d:\d\d GMT\+9\)/);
    server.cutLive(false);
    await text(page, /^Live$/);
    await page.locator('[data-frame="live"]').waitFor();
  });

  it("asks to sign in again when the session has ended, and goes on where it was", async () => {
    const page = await open({ path: `/?container=${DUCKS}` });
    await page.getByRole("heading", { name: "CSQU 305438 3" }).waitFor();
    await text(page, /^Live$/);
    await expect.poll(() => server.liveCount()).toBeGreaterThan(0);
    await page.context().clearCookies();
    server.cutLive(false);
    await text(page, /Your session has ended/);
    await page.getByLabel("Name").fill("ops");
    await page.getByLabel("Password").fill("landfall");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "CSQU 305438 3" }).waitFor();
  });

  it("says what could not be loaded, and tries again when asked", async () => {
    server.fail("/api/alerts", 500);
    const page = await open({ path: "/?tab=alerts" });
    await text(page, /Alerts could not be loaded/);
    server.fail("/api/alerts", undefined);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "Open", exact: true }).waitFor();
    await expect.poll(() => page.getByText("Alerts could not be loaded").count()).toBe(0);
  });

  it("treats what others wrote as text", async () => {
    const world = makeWorld(SEED);
    const page = await open({ path: "/?tab=alerts&map=4/40/-170" });
    await page.getByRole("heading", { name: "Open", exact: true }).waitFor();
    await expect.poll(() => server.liveCount()).toBeGreaterThan(0);
    const evil = '<img src=x onerror="document.title=1">';
    const [ship] = world.ships;
    const [first] = world.alerts;
    if (!ship || !first) throw new Error("the world is empty");
    server.push({ type: "alert", data: { ...first, id: "evil", message: evil } });
    server.push({ type: "ships", data: { ships: [{ ...ship, name: evil }] } });
    await text(page, evil);
    // While alerts are listed, those aboard lie over their ship.
    await page.getByRole("tab", { name: "Fleet" }).click();
    await hoverUntil(page, ship, evil);
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.title()).toBe("Landfall");
  });

  it("is a sheet over the map on a phone, and fits its width", async () => {
    const page = await open({ viewport: { width: 390, height: 844 }, hasTouch: true });
    await placed(page);
    const sheet = page.locator(".panel");
    const height = async (): Promise<number> => (await sheet.boundingBox())?.height ?? 0;
    expect(await height()).toBeLessThan(300);
    await page.getByRole("button", { name: "Height of the panel" }).press("ArrowUp");
    await expect.poll(height).toBeGreaterThan(400);
    await page.getByRole("button", { name: /^Big Blue Iris/ }).click();
    await page.getByRole("heading", { name: "Big Blue Iris" }).waitFor();
    await page.locator(".panel .chart canvas").waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  });

  it("can be used with the keyboard alone", async () => {
    const page = await open();
    await text(page, "On the map");
    await page.getByRole("tab", { name: "Fleet" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name: /Alerts/, selected: true }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("tab-alerts");
    await page.keyboard.press("ArrowLeft");
    await page.getByRole("button", { name: /^Big Blue Lotus/ }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Big Blue Lotus" }).waitFor();
    // The pressed row is gone; the keyboard is where its card came up, not at the top of the page again.
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("back");
    expect(await page.title()).toBe("Big Blue Lotus – Landfall");
    const unnamed = await page.locator("button, a, input, select, [role=application]").evaluateAll((all) =>
      all
        .filter((e) => {
          const label = e.getAttribute("aria-label") ?? e.textContent ?? "";
          const labelled =
            e instanceof HTMLInputElement || e instanceof HTMLSelectElement ? (e.labels?.length ?? 0) > 0 : false;
          return label.trim() === "" && !labelled;
        })
        .map((e) => e.outerHTML),
    );
    expect(unnamed).toEqual([]);
  });

  it("stays small: the scripts of the first page", () => {
    const assets = join(web.root, "assets");
    const bytes = readdirSync(assets)
      .filter((name) => name.endsWith(".js"))
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(assets, name))).length, 0);
    expect(bytes).toBeLessThan(SCRIPT_BYTES_MAX);
  });

  it("gave no reason for complaint in all of this", () => {
    expect(tests).toBeGreaterThan(15);
    expect(complaints).toEqual([]);
  });
});
