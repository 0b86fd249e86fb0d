/// <reference lib="dom" />
import type { Browser, CDPSession, Page } from "playwright-core";
import { PASSWORD, USER } from "./map-world.js";

export const SIZE = { width: 1280, height: 800 };
const WAIT_MS = 60_000;

export interface MapVisit {
  readonly page: Page;
  readonly cdp: CDPSession;
  /** From the start of navigation until the marks of the first answer were on the screen. */
  readonly firstViewMs: number;
  /** On the wire by then: answers of the API and the land; scripts, styles, font and page. */
  readonly dataBytes: number;
  readonly programBytes: number;
  close(): Promise<void>;
}

/** Opens the map in a browser context of its own, with nothing in any cache, as somebody who is signed in. */
export async function visitMap(browser: Browser, url: string, path = "/"): Promise<MapVisit> {
  const context = await browser.newContext({ viewport: SIZE });
  const login = await context.request.post(`${url}/api/session`, { data: { username: USER, password: PASSWORD } });
  if (!login.ok()) throw new Error(`cannot sign in: ${login.status()} ${await login.text()}`);
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  await cdp.send("Performance.enable", { timeDomain: "timeTicks" });
  const urls = new Map<string, string>();
  const bytes = new Map<string, number>();
  const add = (id: string, count: number): void => void bytes.set(id, (bytes.get(id) ?? 0) + count);
  cdp.on("Network.requestWillBeSent", ({ requestId, request }) => urls.set(requestId, request.url));
  cdp.on("Network.responseReceived", ({ requestId, response }) => add(requestId, response.encodedDataLength));
  cdp.on("Network.dataReceived", ({ requestId, encodedDataLength, dataLength }) =>
    add(requestId, encodedDataLength || dataLength),
  );
  await page.addInitScript(watchFor, { selector: ".statuses", name: "first view" });
  await page.goto(url + path);
  const firstViewMs = await timeOf(page, "first view");
  const of = (isData: boolean): number =>
    [...bytes].reduce((sum, [id, count]) => {
      const address = urls.get(id) ?? "";
      return /\/api\/|\/land-/.test(address) === isData ? sum + count : sum;
    }, 0);
  return {
    page,
    cdp,
    firstViewMs,
    dataBytes: of(true),
    programBytes: of(false),
    close: () => context.close(),
  };
}

/** Runs in the page: notes, as a mark, when something was first there and painted. */
function watchFor({ selector, name }: { readonly selector: string; readonly name: string }): void {
  const look = (): void => {
    if (document.querySelector(selector) === null) return;
    observer.disconnect();
    // The canvases are drawn in the frame after the state has changed; it is on the screen with the one after that.
    requestAnimationFrame(() => requestAnimationFrame(() => performance.mark(name)));
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true });
  look();
}

async function timeOf(page: Page, name: string): Promise<number> {
  const found = await page.waitForFunction((mark) => performance.getEntriesByName(mark)[0]?.startTime, name);
  return (await found.jsonValue()) as number;
}

/** Goes to a container as the browser's history does, until its chart is drawn. Milliseconds. */
export async function openHistory({ page }: MapVisit, container: string): Promise<number> {
  const name = `history ${Math.random()}`;
  await page.evaluate(watchFor, { selector: ".u-over", name });
  const begun = await page.evaluate((search) => {
    const now = performance.now();
    window.history.pushState(null, "", search);
    window.dispatchEvent(new PopStateEvent("popstate"));
    return now;
  }, `/?container=${container}`);
  return (await timeOf(page, name)) - begun;
}

/** Milliseconds between animation frames while the map is dragged and zoomed by hand. */
export async function framesWhileMoving({ page }: MapVisit, rounds: number): Promise<number[]> {
  await page.evaluate(() => {
    const frames: number[] = [];
    let last = performance.now();
    const next = (now: number): void => {
      frames.push(now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
    Object.assign(window, { landfallFrames: frames });
  });
  const [x, y] = [SIZE.width * 0.65, SIZE.height / 2];
  for (let round = 0; round < rounds; round++) {
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let step = 1; step <= 40; step++) {
      await page.mouse.move(x + 6 * step * (round % 2 === 0 ? 1 : -1), y + 3 * step * (round % 3 === 0 ? 1 : -1));
    }
    await page.mouse.up();
    for (let step = 0; step < 6; step++) await page.mouse.wheel(0, round % 2 === 0 ? -120 : 120);
    // The zoom's animation, and the marks that come for the new box.
    await page.evaluate(() => new Promise((resolve) => window.setTimeout(resolve, 500)));
  }
  return page.evaluate(() => (window as unknown as { landfallFrames: number[] }).landfallFrames.slice(1));
}

/** Share of a core that the page's process uses, and its main thread alone, over so many seconds. */
export async function loadOf(
  browser: Browser,
  { cdp }: MapVisit,
  seconds: number,
): Promise<{ readonly process: number; readonly thread: number }> {
  const whole = await browser.newBrowserCDPSession();
  const look = async (): Promise<{ cpu: number; thread: number; at: number }> => {
    const { processInfo } = await whole.send("SystemInfo.getProcessInfo");
    // Other pages are closed by now: the busiest renderer is this one's.
    const cpu = processInfo.filter(({ type }) => type === "renderer").reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    const { metrics } = await cdp.send("Performance.getMetrics");
    const of = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? 0;
    return { cpu, thread: of("TaskDuration"), at: of("Timestamp") };
  };
  const before = await look();
  await new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
  });
  const after = await look();
  await whole.detach();
  const passed = after.at - before.at;
  return {
    process: ((after.cpu - before.cpu) / passed) * 100,
    thread: ((after.thread - before.thread) / passed) * 100,
  };
}
