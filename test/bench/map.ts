import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import type { ContainerHistoryReply, ContainersReply } from "@landfall/proto/api";
import { seededRandom } from "@landfall/streams/testing/seeded-random";
import { findChromium, launchChromium } from "../support/chromium.js";
import { boxTimes, login } from "./support/map-boxes.js";
import { framesWhileMoving, loadOf, openHistory, visitMap } from "./support/map-browser.js";
import { LONG, PEAK_C, startMapWorld, type MapWorld } from "./support/map-world.js";
import { commit, machine, median } from "./support/report.js";

/**
 * `npm run bench -- --suite map [--only view,boxes] [--containers N] [--million N] [--runs N] [--seed N] [--out FILE]`: the map in
 * a real browser before a real headquarters over loopback, and the questions that it asks. Two stores are filled: one for
 * the browser, one for boxes over many containers.
 */
const HISTORY = 50_000;
const LIVE_PER_SECOND = 5_000;
const LIVE_SECONDS = 15;
const MARKS_MAX = 2_000;
const WEB = fileURLToPath(new URL("../../../web/dist/assets", import.meta.url));
const { values: options } = parseArgs({
  options: {
    out: { type: "string" },
    only: { type: "string", default: "scripts,view,boxes" },
    containers: { type: "string", default: "100000" },
    million: { type: "string", default: "1000000" },
    runs: { type: "string", default: "5" },
    seed: { type: "string", default: "20261129" },
  },
});
const runs = Number(options.runs);
const seed = Number(options.seed);
const wanted = new Set(options.only.split(","));

interface Result {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** At most; absent where there is none. */
  readonly target?: number;
  readonly runs: readonly number[];
}

const results: Result[] = [];
function tell(name: string, unit: string, values: readonly number[], target?: number): void {
  const rounded = values.map((value) => Math.round(value * 10) / 10);
  const value = median(rounded);
  results.push({ name, value, unit, ...(target !== undefined && { target }), runs: rounded });
  const verdict = target === undefined ? "" : `  (target ≤ ${target}: ${value <= target ? "OK" : "missed"})`;
  process.stdout.write(`${name}: ${value} ${unit}${verdict}  ${JSON.stringify(rounded)}\n`);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function withWorld(containers: number, use: (world: MapWorld) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "landfall-map-"));
  try {
    const world = await startMapWorld(folder, { containers, history: HISTORY, seed });
    try {
      await use(world);
    } finally {
      await world.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measureScripts(): void {
  const scripts = readdirSync(WEB).filter((name) => name.endsWith(".js"));
  const kb = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(join(WEB, name))).length, 0) / 1000;
  tell("all scripts, gzipped", "kB", [kb], 250);
}

async function measureView(world: MapWorld): Promise<void> {
  const { url } = world.hq;
  const chromium = findChromium();
  if (chromium === undefined) throw new Error("no Chromium is found here: install one, or name it in CHROME_PATH");
  const browser = await launchChromium(chromium);
  try {
    // The compiler's first run, and the first look at the index, are not what anybody sees twice.
    await (await visitMap(browser, url)).close();
    const found = { view: [] as number[], data: [] as number[], program: [] as number[], history: [] as number[] };
    for (let run = 0; run < runs; run++) {
      const visit = await visitMap(browser, url);
      found.view.push(visit.firstViewMs);
      found.data.push(visit.dataBytes / 1000);
      found.program.push(visit.programBytes / 1000);
      found.history.push(await openHistory(visit, LONG));
      await visit.close();
    }
    const count = Number(options.containers).toLocaleString("en");
    tell(`first view of ${count} containers`, "ms", found.view, 1_500);
    tell("… data until then: answers, and the land", "kB", found.data, 300);
    tell("… program: page, scripts, styles, font", "kB", found.program);
    tell(
      `a history of ${HISTORY.toLocaleString("en")} readings, from the click to the chart`,
      "ms",
      found.history,
      500,
    );
    await checkPeak(url);

    const visit = await visitMap(browser, url);
    const frames = await framesWhileMoving(visit, 8);
    tell("pan and zoom, time of a frame, 95th percentile", "ms", [percentile(frames, 0.95)], 32);
    tell("… 50th and 99th percentile, longest", "ms", [percentile(frames, 0.5)]);
    tell("… 99th percentile", "ms", [percentile(frames, 0.99)]);
    await visit.page.goto(`${url}/`);
    await visit.page.locator(".statuses").waitFor();
    const idle = await loadOf(browser, visit, 5);
    const stop = world.feed(LIVE_PER_SECOND);
    await loadOf(browser, visit, 3);
    const busy = await loadOf(browser, visit, LIVE_SECONDS);
    const sent = await stop();
    if (sent < LIVE_PER_SECOND * LIVE_SECONDS) throw new Error(`only ${sent} were sent: this measured nothing`);
    tell(
      `live, ${LIVE_PER_SECOND.toLocaleString("en")} containers a second, the page's process`,
      "% of a core",
      [busy.process],
      30,
    );
    tell("… its main thread", "% of a core", [busy.thread]);
    tell("… without any news, the page's process", "% of a core", [idle.process]);
    await visit.close();
  } finally {
    await browser.close();
  }
}

/** The server must not have lost the one warm reading among so many. */
async function checkPeak(url: string): Promise<void> {
  const headers = { authorization: `Bearer ${await login(url)}` };
  const answer = await fetch(`${url}/api/containers/${LONG}/history?maxPoints=2000`, { headers });
  const { points } = (await answer.json()) as ContainerHistoryReply;
  const warmest = Math.max(...points.map(({ temperatureC = Number.NEGATIVE_INFINITY }) => temperatureC));
  if (warmest !== PEAK_C || points.length > 2_000)
    throw new Error(`${points.length} points, the warmest ${warmest} °C, want ${PEAK_C}: the thinning is wrong`);
}

async function measureBoxes(world: MapWorld): Promise<void> {
  const { url } = world.hq;
  const token = await login(url);
  const whole = await fetch(`${url}/api/containers?zoom=2`, { headers: { authorization: `Bearer ${token}` } });
  const { matched } = (await whole.json()) as ContainersReply;
  if (matched < Number(options.million) - 1) throw new Error(`only ${matched} are on the map: this measured nothing`);
  await boxTimes(url, token, seededRandom(seed), 300);
  const count = Number(options.million).toLocaleString("en");
  const still: number[] = [];
  let marks = 0;
  for (let run = 0; run < runs; run++) {
    const times = await boxTimes(url, token, seededRandom(seed + run), 1_000);
    still.push(percentile(times.ms, 0.99));
    marks = Math.max(marks, times.marksMax);
  }
  tell(`box among ${count} containers, p99`, "ms", still, 50);
  const stop = world.feed(LIVE_PER_SECOND);
  const moving: number[] = [];
  for (let run = 0; run < runs; run++) {
    const times = await boxTimes(url, token, seededRandom(seed + run), 1_000);
    moving.push(percentile(times.ms, 0.99));
    marks = Math.max(marks, times.marksMax);
  }
  await stop();
  tell(`… while ${LIVE_PER_SECOND.toLocaleString("en")} of them change every second, p99`, "ms", moving, 50);
  tell("… marks in one answer, most", "marks", [marks], MARKS_MAX);
}

if (wanted.has("scripts")) measureScripts();
if (wanted.has("view")) await withWorld(Number(options.containers), measureView);
if (wanted.has("boxes")) await withWorld(Number(options.million), measureBoxes);
process.stdout.write(
  `load of the machine at the end: ${loadavg()
    .map((load) => load.toFixed(1))
    .join(", ")}\n`,
);
if (options.out !== undefined) {
  const report = { suite: "map", machine: machine(), commit: commit(), seed, results };
  writeFileSync(options.out, `${JSON.stringify(report, undefined, 2)}\n`);
}
