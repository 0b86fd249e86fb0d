import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { BROWSER_ARGS } from "./browser.js";
import { startFakeServer, type FakeServer } from "./fake-server.js";
import type { FakeWorld } from "./fake-world.js";
import { buildWeb, visit, type Visit, type VisitOptions } from "./harness.js";

/** Some seconds each on an idle machine; a busy one may take its time. */
export const TEST_MS = 120_000;

/** What the tests of one file share: a built map, a fake headquarters and a browser. */
export interface Stage {
  readonly world: FakeWorld;
  readonly server: FakeServer;
  /** Opens the map, by default as operations; with `user` undefined as nobody. */
  open(options?: VisitOptions): Promise<Page>;
}

/**
 * Sets them up for the suite that calls this. After each test its pages are closed; it fails when one of them
 * complained.
 * @param executablePath of a Chromium; where there is none the suite is skipped, and nothing of this is started
 */
export function setStage(executablePath: string | undefined, world: FakeWorld): Stage {
  let server: FakeServer;
  let browser: Browser;
  const visits: Visit[] = [];
  beforeAll(async () => {
    const { root } = await buildWeb();
    server = await startFakeServer(root, world);
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: BROWSER_ARGS });
  }, TEST_MS);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  afterEach(async () => {
    for (const { context, complaints } of visits.splice(0)) {
      expect(complaints).toEqual([]);
      await context.close();
    }
  });
  return {
    world,
    get server() {
      return server;
    },
    async open(options = {}) {
      const one = await visit(browser, server, { user: "ops", ...options });
      visits.push(one);
      return one.page;
    },
  };
}
