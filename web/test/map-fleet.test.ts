import type { ContainerState, ContainerStatus } from "@landfall/proto/api";
import { containerCheckDigit, formatContainerNumber } from "@landfall/proto/identifiers";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { worldSizePx } from "../src/geo/mercator.js";
import { STATUS_LOOK, STATUS_ORDER } from "../src/status.js";
import { findChromium } from "./support/browser.js";
import { HYACINTH, LOTUS, makeWorld, WORLD_TIME } from "./support/fake-world.js";
import { coloursAround, hoverUntil, isNear, rgbOf } from "./support/harness.js";
import { setStage, TEST_MS } from "./support/stage.js";

/** The fake fleet's; a failure can be looked at again with the same one. */
const SEED = 23;

function box(serial: number, longitude: number, latitude: number, status: ContainerStatus = "fine"): ContainerState {
  const body = `TBXU${String(serial).padStart(6, "0")}`;
  return {
    container: `${body}${containerCheckDigit(body)}`,
    owner: "duckworks",
    status,
    time: WORLD_TIME,
    knownSince: WORLD_TIME,
    measurements: { temperatureC: 4.5 },
    longitude,
    latitude,
  };
}

/** One in each state, where nothing else is; so near to each other that they are one mark from afar. */
const RAFT = STATUS_ORDER.map((status, i) => box(i, 158.8 + 1.2 * (i % 3), 19 + Math.floor(i / 3), status));
/** On both sides of 180°. */
const [WEST, EAST] = [box(100, 179, 30), box(101, -179, 30)];

const path = findChromium();

describe.skipIf(path === undefined)(`the fleet on the map (seed ${SEED})`, { timeout: TEST_MS }, () => {
  const world = makeWorld(SEED);
  world.containers.push(...RAFT, WEST, EAST);
  const stage = setStage(path, world);

  const zoomOf = (page: Page): number => Number(/map=([\d.]+)/.exec(page.url())?.[1]);

  it("has a mark for many containers with their states in its colours; a click zooms in until each has its own", async () => {
    const page = await stage.open({ path: "/?map=4/20/160" });
    const [first] = RAFT;
    const states = STATUS_ORDER.map((status) => `1 ${STATUS_LOOK[status].word.toLowerCase()}`).join(" · ");
    const at = await hoverUntil(page, first, `6 containers${states}`);
    const strip = await coloursAround(page, "marks", at, 12);
    for (const status of STATUS_ORDER) {
      // Neither black nor white would be seen in a strip.
      const colour = await rgbOf(page, status === "lost" ? "--bad" : STATUS_LOOK[status].colour);
      expect(
        strip.some((rgb) => isNear(rgb, colour)),
        `${status} in the mark's strip`,
      ).toBe(true);
    }
    await page.mouse.click(at.x, at.y);
    await expect.poll(() => zoomOf(page)).toBe(6);
    for (const one of RAFT) {
      const { word, colour } = STATUS_LOOK[one.status];
      const words = new RegExp(`${formatContainerNumber(one.container)}${word} · 4\\.5.°C · measured`);
      const mark = await hoverUntil(page, one, words);
      const [own, drawn] = [await rgbOf(page, colour), await coloursAround(page, "marks", mark, 7)];
      expect(
        drawn.some((rgb) => isNear(rgb, own)),
        `the mark of one that is ${word}`,
      ).toBe(true);
    }
  });

  it("tells of a ship its course and speed, voyage, next port, and its last contact over each class of link", async () => {
    const page = await stage.open({ path: `/?ship=${HYACINTH}&map=3/40/-170` });
    const facts = (): Promise<Record<string, string>> =>
      page
        .locator("article.card .fact")
        .evaluateAll((all) =>
          Object.fromEntries(
            all.map((one) => [one.querySelector("dt")?.textContent, one.querySelector("dd")?.textContent]),
          ),
        );
    const contact = expect.stringMatching(/ago|just now/) as string;
    await expect.poll(facts).toMatchObject({
      "Next port": "Los Angeles",
      Voyage: "041E",
      "Speed and course": "18.4\u00a0kn, 092°",
      "Last word": expect.stringMatching(/ ago, satellite$/) as string,
      "Last contact, satellite": contact,
      "Last contact, port link": contact,
    });
    const ship = world.ships.find(({ imo }) => imo === HYACINTH);
    await hoverUntil(page, ship, /18\.4.kn · 092° · for Los Angeles\d+ containers aboardLast word .* over satellite/);
    // Alongside it has no course.
    await page.goto(`${stage.server.url}/?ship=${LOTUS}`);
    await page.getByText("In port, Tokyo").first().waitFor();
    await expect.poll(facts).toMatchObject({ "Next port": "Singapore", Voyage: "077W" });
    expect(Object.keys(await facts())).not.toContain("Speed and course");
    await page.goto(`${stage.server.url}/?map=3/0/150`);
    await page
      .getByRole("button", { name: /^Big Blue Iris/ })
      .locator(".warn-text")
      .getByText(/ago$/)
      .waitFor();
  });

  it("asks for the box that it shows, also where that crosses 180°, and shows what is on both sides", async () => {
    const asked: string[] = [];
    const page = await stage.open({
      path: "/?map=4/35/178",
      prepare: async (before) => {
        before.on("request", (request) => {
          const bbox = new URL(request.url()).searchParams.get("bbox");
          if (bbox !== null) asked.push(bbox);
        });
      },
    });
    const frame = await page.locator(".map").boundingBox();
    const half = (180 * (frame?.width ?? 0)) / worldSizePx(4);
    const longitudes = (): number[] => {
      const [west = 0, , east = 0] = (asked.at(-1) ?? "").split(",").map(Number);
      return [west, east];
    };
    /** Looks there, and says which longitudes were asked for then. */
    const lookAt = async (place: string): Promise<number[]> => {
      asked.length = 0;
      await page.goto(`${stage.server.url}/?map=${place}`);
      await expect.poll(() => asked.length).toBeGreaterThan(0);
      return longitudes();
    };
    await expect.poll(() => asked.length).toBeGreaterThan(0);
    expect(longitudes()).toEqual([expect.closeTo(178 - half, 0), expect.closeTo(178 + half - 360, 0)]);
    await hoverUntil(page, WEST, formatContainerNumber(WEST.container));
    await hoverUntil(page, EAST, formatContainerNumber(EAST.container));
    expect(await lookAt("4/35/-178")).toEqual([expect.closeTo(182 - half, 0), expect.closeTo(half - 178, 0)]);
    expect(await lookAt("4/35/0")).toEqual([expect.closeTo(-half, 0), expect.closeTo(half, 0)]);
    // All around, where the window is as wide as the world.
    await page.setViewportSize({ width: 1920, height: 600 });
    expect(await lookAt("1.75/10/178")).toEqual([-180, 180]);
  });
});
