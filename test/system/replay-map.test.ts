import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, launchChromium } from "../support/chromium.js";
import { eventually } from "../support/eventually.js";
import { skipWithout } from "../support/required.js";
import { runCli } from "../support/run-cli.js";
import { PASSWORD, startSmallFleet, type SmallFleet } from "../support/small-fleet.js";

const chromium = findChromium();
const HEADER =
  "# Timestamp,Type of mobile,MMSI,Latitude,Longitude,Navigational status,ROT,SOG,COG,Heading,IMO,Callsign,Name";
const [TANKER, FERRY] = [
  { mmsi: "477307901", imo: "9739666" },
  { mmsi: "369080003", imo: "9795933" },
] as const;
const REPORTS = 40;
const START_MS = Date.UTC(2024, 10, 3, 4, 0, 5);
const EVERY_MS = 6 * 60_000;
/** The report at which the map looks. */
const LOOKED_AT = 20;

const two = (value: number): string => String(value).padStart(2, "0");

/** `03/11/2024 04:00:05`. */
function danishTime(ms: number): string {
  const date = new Date(ms);
  const day = `${two(date.getUTCDate())}/${two(date.getUTCMonth() + 1)}/${date.getUTCFullYear()}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

/** Northward through the Kattegat. */
function placeAt(report: number): { readonly latitude: number; readonly longitude: number } {
  return { latitude: 56 + report * 0.02, longitude: 11.5 + report * 0.005 };
}

function row(ship: { readonly mmsi: string; readonly imo: string }, report: number, over: Record<string, string> = {}) {
  const { latitude, longitude } = placeAt(report);
  const cells = {
    time: danishTime(START_MS + report * EVERY_MS),
    mobile: "Class A",
    mmsi: ship.mmsi,
    latitude: latitude.toFixed(6),
    longitude: longitude.toFixed(6),
    status: "Under way using engine",
    rot: "",
    sog: "12.5",
    cog: "8.0",
    heading: "7",
    imo: ship.imo,
    callsign: "OXXX",
    name: "SOMEBODY",
    ...over,
  };
  return Object.values(cells).join(",");
}

describe.skipIf(skipWithout("chromium", chromium !== undefined))("real tracks on the map", () => {
  const folder = mkdtempSync(join(tmpdir(), "landfall-replay-map-"));
  let fleet: SmallFleet;
  let browser: Browser;

  beforeAll(async () => {
    fleet = await startSmallFleet();
    browser = await launchChromium(chromium as string);
  });
  afterAll(async () => {
    await browser?.close();
    await fleet?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("of a file with damage sail into the yard, and are ships with their tracks in Los Angeles", async () => {
    const csv = join(folder, "aisdk.csv");
    const report = join(folder, "damaged.csv");
    const sailing = Array.from({ length: REPORTS }, (_, i) => row(TANKER, i));
    const lines = [
      HEADER,
      ...sailing,
      sailing[7] ?? "",
      // Heading and course that are not known, a position that is none, a time that cannot be, and a buoy.
      row(FERRY, 0, { cog: "360.0", heading: "511" }),
      row(FERRY, 1, { latitude: "91.000000", longitude: "181.000000" }),
      row(FERRY, 2, { time: "31/02/2024 04:00:05" }),
      row(FERRY, 3, { mobile: "AtoN", mmsi: "992191503" }),
    ];
    writeFileSync(csv, lines.join("\r\n"));
    const broker = `mqtt://127.0.0.1:${fleet.yardMqttPort}`;
    const kept = ["--state", join(folder, "state"), "--report", report];
    const { code, stdout, stderr } = await runCli(["replay", "--csv", csv, "--mqtt", broker, ...kept]);
    const said = stdout + stderr;
    expect(code, said).toBe(0);
    const damaged = lines.length - 1;
    expect(said).toMatch(new RegExp(`line ${damaged}: .*31/02/2024 04:00:05" is no time`));
    for (const words of ["1 row without a position", "1 row of what is no ship", "1 repetition", "41 positions sent"]) {
      expect(said).toContain(words);
    }
    expect(readFileSync(report, "utf8").trimEnd().split(/\r?\n/).at(-1)).toMatch(new RegExp(`^${damaged},`));

    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
    const { url } = fleet.losAngeles;
    await context.request.post(`${url}/api/session`, { data: { username: "ops", password: PASSWORD } });
    const page = await context.newPage();
    await page.goto(url);
    await page.getByRole("button", { name: new RegExp(`^IMO ${FERRY.imo}.*12\\.5.kn`) }).waitFor();
    await page.getByRole("button", { name: new RegExp(`^IMO ${TANKER.imo}.*12\\.5.kn · 008°`) }).click();
    await page.getByRole("heading", { name: `IMO ${TANKER.imo}` }).waitFor();

    // One of its reports stands in the middle of the map.
    const { latitude, longitude } = placeAt(LOOKED_AT);
    await page.goto(`${url}/?ship=${TANKER.imo}&map=9/${latitude.toFixed(4)}/${longitude.toFixed(4)}`);
    await page.locator(".measure-legend").getByText("Speed, kn").waitFor();
    const tip = page.locator(".map-tip:not([hidden])", { hasText: "measured 3 Nov 2024 06:00 UTC" });
    await eventually("the track to tell of the report", async () => {
      const frame = await page.locator(".map").boundingBox();
      if (frame === null) return false;
      const [x, y] = [frame.x + frame.width / 2, frame.y + frame.height / 2];
      await page.mouse.move(x + 1, y);
      await page.mouse.move(x, y);
      return (await tip.count()) === 1;
    });
    await tip.getByText("12.5\u00a0kn").waitFor();
    await page.locator(".readout", { hasText: "12.5" }).waitFor();
    await context.close();
  });
});
