import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiSite, SimulationLink, SimulationState, SitesReply } from "@landfall/proto/api";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, launchChromium } from "../support/chromium.js";
import { Demo, portBaseOf } from "../support/demo.js";
import { eventually } from "../support/eventually.js";
import { skipWithout } from "../support/required.js";
import { runVerify } from "../support/verify.js";

const PORT = "singapore";
const LOCODE = "SGSIN";
/** Enough to be on its way for half a minute over the slow link; the ship on the Pacific begins with about as much aboard. */
const BACKLOG_MIN = 12_000;
/** At this a ship lies in port for more than two minutes; once it has left, its link there is out of reach. */
const SPEED = 500;
/** Of the simulated clock: enough for a click before it would be in port anyhow, most of a minute. */
const AT_SEA_MS_MIN = 6 * 3_600_000;
const SLOW = { latencyMs: 100, kbps: 128 };
const MAP_SIZE = { width: 1280, height: 900 };

const chromium = findChromium();

/** Where the great circle between two places is half way, in degrees. */
function middle(a: ApiSite, b: ApiSite): { latitude: number; longitude: number } {
  const rad = Math.PI / 180;
  const vector = ({ latitude = 0, longitude = 0 }: ApiSite): number[] => [
    Math.cos(latitude * rad) * Math.cos(longitude * rad),
    Math.cos(latitude * rad) * Math.sin(longitude * rad),
    Math.sin(latitude * rad),
  ];
  const other = vector(b);
  const [x = 0, y = 0, z = 0] = vector(a).map((value, i) => value + (other[i] as number));
  return { latitude: Math.atan2(z, Math.hypot(x, y)) / rad, longitude: Math.atan2(y, x) / rad };
}

describe.skipIf(skipWithout("chromium", chromium !== undefined))("links cut on the map while a ship unloads", () => {
  const folder = mkdtempSync(join(tmpdir(), "landfall-cut-"));
  const base = portBaseOf(1);
  const args = ["--no-wait", "--speed", String(SPEED), "--containers", "300", "--ships", "3"];
  const demo = new Demo(folder, base + 8080, base, args);
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    await demo.start();
    browser = await launchChromium(chromium as string);
    page = await browser.newPage({ viewport: MAP_SIZE });
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await demo.interrupt();
    rmSync(folder, { recursive: true, force: true });
  });

  const state = async (): Promise<SimulationState> =>
    (await (await fetch(`${demo.controlUrl}/state`)).json()) as SimulationState;
  const link = async (id: string): Promise<SimulationLink> => {
    const found = (await state()).links.find((one) => one.id === id);
    if (found === undefined) throw new Error(`no link ${id}`);
    return found;
  };
  const sites = async (): Promise<SitesReply> => {
    const { url, token } = demo.token("los-angeles");
    return (await (
      await fetch(`${url}/api/sites`, { headers: { authorization: `Bearer ${token}` } })
    ).json()) as SitesReply;
  };
  const site = async (name: string): Promise<ApiSite> => {
    const found = (await sites()).sites.find((one) => one.site === name);
    if (found === undefined) throw new Error(`no site ${name}`);
    return found;
  };
  it("a link behind the port and the ship's own are cut by clicks; it goes around, goes on, and both sites are equal", async () => {
    await page.goto(demo.url);
    await page.getByRole("button", { name: "ops" }).click();
    await page.getByRole("tab", { name: "Sites & links" }).waitFor();

    // A ship with a backlog is told to arrive, over a line on which it takes a while.
    const imo = await eventually(
      "a ship at sea with a backlog",
      async () => {
        const { ships, time } = await state();
        const until = Date.parse(time) + AT_SEA_MS_MIN;
        const atSea = ships.filter(({ eta }) => eta !== undefined && Date.parse(eta) > until).map((ship) => ship.imo);
        const { sites: all } = await sites();
        return all.find((one) => atSea.includes(one.imo ?? "") && one.notAshore >= BACKLOG_MIN)?.imo;
      },
      180_000,
    );
    const ship = (await sites()).sites.find((one) => one.imo === imo) as ApiSite;
    const portLink = (await state()).links.find(
      (one) => one.class === "port" && [one.from, one.to].includes(ship.site) && [one.from, one.to].includes(PORT),
    ) as SimulationLink;
    const headers = { "content-type": "application/json" };
    const slowed = await fetch(`${demo.controlUrl}/links/${portLink.id}`, {
      method: "PATCH",
      headers,
      body: JSON.stringify(SLOW),
    });
    expect(slowed.status).toBe(200);
    await page.goto(`${demo.url}/?ship=${imo}`);
    await page.getByRole("combobox", { name: "Arrive in" }).selectOption(LOCODE);
    await page.getByRole("button", { name: "Arrive now" }).click();
    await eventually("the ship to be alongside", async () => !(await link(portLink.id)).outOfReach, 120_000);
    const left = async (): Promise<number> => (await site(ship.site)).notAshore;
    const before = await left();
    await eventually("the backlog to flow", async () => (await left()) < before, 120_000);

    // The line on the map, between the port and Los Angeles, is clicked, and cut on its card.
    const wan = (await state()).links.find(
      (one) => one.class === "wan" && [one.from, one.to].includes("los-angeles") && [one.from, one.to].includes(PORT),
    ) as SimulationLink;
    const { latitude, longitude } = middle(await site(wan.from), await site(wan.to));
    await page.goto(`${demo.url}/?map=4/${latitude.toFixed(4)}/${longitude.toFixed(4)}`);
    const frame = await page.locator(".map").boundingBox();
    if (frame === null) throw new Error("there is no map");
    const at = { x: frame.x + frame.width / 2, y: frame.y + frame.height / 2 };
    const cut = page.getByRole("button", { name: /^Cut / });
    await eventually("the link's card", async () => {
      await page.mouse.click(at.x, at.y);
      return (await page.getByRole("heading", { name: /–/ }).count()) > 0 && (await cut.count()) === 1;
    });
    await cut.click();
    await eventually("it to be cut", async () => (await link(wan.id)).state === "down");
    const atCut = await left();
    expect(atCut).toBeGreaterThan(0);
    await eventually("the backlog to go around", async () => (await left()) < atCut, 120_000);

    // The ship's own link, in the list: it has no other, and goes on where it stopped.
    await page.goto(`${demo.url}/?tab=sites`);
    const row = page.locator(".row-with-action", { hasText: ship.name }).filter({ hasText: "Singapore" });
    await row.getByRole("button", { name: /^Cut / }).click();
    await eventually("it to be cut", async () => (await link(portLink.id)).state === "down");
    const stopped = await left();
    expect(stopped).toBeGreaterThan(0);
    // Which link is down, and what is waiting behind it: from the map alone.
    const waiting = page.locator(".row", { hasText: ship.name }).filter({ hasText: "there, not here yet" });
    await eventually(
      "the list to say so",
      async () => (await row.innerText()).includes("cut") && /[1-9]/.test(await waiting.innerText()),
    );
    await row.getByRole("button", { name: /^Restore / }).click();
    await eventually("the backlog to go on", async () => (await left()) < stopped, 120_000);

    // No limits any more; the rest comes, and everything is there.
    await row.getByRole("button").first().click();
    await page.getByRole("button", { name: "No limits" }).click();
    await page.goto(`${demo.url}/?link=${wan.id}`);
    await page.getByRole("button", { name: /^Restore / }).click();
    await eventually("the link to be back", async () => (await link(wan.id)).state === "up");
    for (const other of [ship.site, "los-angeles"]) {
      let said = "";
      const equal = await eventually(
        `${PORT} and ${other} to be equal`,
        async () => {
          const { code, output, problem } = await runVerify("--sites", PORT, other, "--data", folder);
          said = output + problem;
          return code === 0 && output;
        },
        180_000,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${said}`);
      });
      expect(equal).toContain(`${PORT} and ${other}: equal`);
    }
  }, 600_000);
});
