import type { SimulationNode } from "@landfall/proto/api";
import { describe, expect, it } from "vitest";
import { findChromium } from "./support/browser.js";
import { HYACINTH, LOTUS, makeWorld } from "./support/fake-world.js";
import { hoverUntil, shareOfColour } from "./support/harness.js";
import { setStage, TEST_MS } from "./support/stage.js";

/** The fake fleet's; a failure can be looked at again with the same one. */
const SEED = 7;

const path = findChromium();

describe.skipIf(path === undefined)(`the map, worked with (seed ${SEED})`, { timeout: TEST_MS }, () => {
  const stage = setStage(path, makeWorld(SEED));

  describe("the control room", () => {
    it("sends a ship, and says why it cannot", async () => {
      const { server } = stage;
      const page = await stage.open({ path: `/?ship=${LOTUS}` });
      const controls = page.getByRole("form", { name: "Voyage controls" });
      await controls.waitFor();
      // Where she lies is no port to sail for, and nothing falls off her there.
      const ports = await controls.getByRole("combobox", { name: "Depart for" }).locator("option").allInnerTexts();
      expect(ports.toSorted()).toEqual(["Los Angeles", "Singapore", "Sydney"]);
      expect(await page.getByRole("form", { name: "Overboard" }).count()).toBe(0);
      await controls.getByRole("combobox", { name: "Depart for" }).selectOption({ label: "Sydney" });
      server.fail("/api/simulation/ships", 409);
      await controls.getByRole("button", { name: "Depart" }).click();
      await controls.getByRole("alert").getByText("The fake headquarters was told to fail.").waitFor();
      server.fail("/api/simulation/ships", undefined);
      await controls.getByRole("combobox", { name: "Depart for" }).selectOption({ label: "Sydney" });
      await controls.getByRole("button", { name: "Depart" }).click();
      await page.getByText("Big Blue Lotus sails for Sydney.").waitFor();
      await expect.poll(() => controls.getByRole("alert").count()).toBe(0);
      expect(server.commands).toEqual([{ path: `POST /api/simulation/ships/${LOTUS}/depart`, body: { to: "AUSYD" } }]);
    });

    it("kills a node, restarts it, starts it again, and shows at once how it is", async () => {
      const { server, world } = stage;
      const page = await stage.open({ path: "/?site=tokyo" });
      const room = page.locator(".section", { hasText: "Control room" });
      const isNow = (state: SimulationNode["state"]): void =>
        server.push({ type: "simulation", data: { ...world.simulation, nodes: [{ site: "tokyo", state }] } });
      await expect.poll(() => server.liveCount()).toBeGreaterThan(0);
      await room.getByText("Its process runs.").waitFor();
      await room.getByRole("button", { name: "Kill and restart" }).click();
      await page.getByText("Port of Tokyo is killed, and starts again.").waitFor();
      isNow("restarting");
      await room.getByText("Its process is being started again.").waitFor();
      expect(await room.getByRole("button", { name: "Kill", exact: true }).isDisabled()).toBe(true);
      isNow("up");
      await room.getByText("Its process runs.").waitFor();
      await room.getByRole("button", { name: "Kill", exact: true }).click();
      await page.getByText("Port of Tokyo is killed, and stays so.").waitFor();
      isNow("down");
      await room.getByText("stays down until somebody starts it").waitFor();
      expect(await room.getByRole("button", { name: /Kill/ }).count()).toBe(0);
      await room.getByRole("button", { name: "Start" }).click();
      await page.getByText("Port of Tokyo starts.").waitFor();
      expect(server.commands.slice(-3)).toEqual([
        { path: "POST /api/simulation/nodes/tokyo/kill", body: { stay: false } },
        { path: "POST /api/simulation/nodes/tokyo/kill", body: { stay: true } },
        { path: "POST /api/simulation/nodes/tokyo/start", body: undefined },
      ]);
    });

    it("throws no more and no fewer containers overboard than can be", async () => {
      const { server } = stage;
      const page = await stage.open({ path: `/?ship=${HYACINTH}` });
      const before = server.commands.length;
      const overboard = page.getByRole("form", { name: "Overboard" });
      for (const wrong of ["0", "-2", "100000", ""]) {
        await overboard.getByLabel("Over the side").fill(wrong);
        await overboard.getByRole("button", { name: "Throw overboard" }).click();
      }
      await overboard.getByLabel("Over the side").fill("1");
      await overboard.getByRole("button", { name: "Throw overboard" }).click();
      await page.getByText("A container of Big Blue Hyacinth will go over the side.").waitFor();
      expect(server.commands.slice(before)).toEqual([
        { path: `POST /api/simulation/ships/${HYACINTH}/overboard`, body: { count: 1 } },
      ]);
    });
  });

  describe("what goes wrong", () => {
    it("says at the first load that headquarters does not answer, asks again by itself, and goes on when it does", async () => {
      const { server } = stage;
      const page = await stage.open({
        path: "/?tab=alerts",
        prepare: async (before) => {
          await before.clock.install();
          await before.route("**/api/session", (route) => route.abort("connectionrefused"));
        },
      });
      await page.getByRole("heading", { name: "No answer from headquarters" }).waitFor();
      await page.getByText("this page tries again by itself").waitFor();
      await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 1000);
      // It is there, and has trouble of its own.
      server.cutLive(true);
      await page.unroute("**/api/session");
      await page.getByRole("button", { name: "Try again" }).click();
      await page.getByText("The fake headquarters was told to fail.").waitFor();
      server.cutLive(false);
      await page.clock.resume();
      await page.getByRole("tab", { name: "Alerts", selected: true }).waitFor();
      await page.getByText(/^Live$/).waitFor();
    });

    it("works without land, and draws it when it can be had", async () => {
      const page = await stage.open({
        path: "/?map=3/40/-170",
        prepare: async (before) => {
          await before.clock.install();
          await before.route("**/assets/land-*", (route) => route.abort("connectionrefused"));
        },
      });
      const ship = stage.world.ships.find(({ imo }) => imo === HYACINTH);
      const at = await hoverUntil(page, ship, "Big Blue Hyacinth");
      expect(await shareOfColour(page, "--map-land")).toBe(0);
      await page.mouse.click(at.x, at.y);
      await page.getByRole("heading", { name: "Big Blue Hyacinth" }).waitFor();
      await page.unroute("**/assets/land-*");
      // It is asked for again when the map is drawn next, and some time has passed.
      await page.clock.fastForward(11_000);
      await page.getByRole("button", { name: "Zoom in" }).click();
      await page.getByRole("button", { name: "Zoom out" }).click();
      await expect.poll(() => shareOfColour(page, "--map-land")).toBeGreaterThan(0.05);
    });

    it("offers no rules to somebody who may not change them, and says that a search of the audit found nothing", async () => {
      const theirs = await stage.open({ user: "ducky", path: "/?tab=alerts" });
      await theirs.getByRole("heading", { name: "Open", exact: true }).waitFor();
      expect(await theirs.getByRole("button", { name: "Rules…" }).count()).toBe(0);
      const page = await stage.open();
      await page.locator(".user-menu summary").click();
      await page.getByRole("button", { name: "Audit" }).click();
      const audit = page.getByRole("dialog", { name: "Audit" });
      const rows = audit.locator("tbody tr");
      await expect.poll(() => rows.count()).toBe(2);
      await audit.getByLabel("Only what was refused").check();
      await expect.poll(() => rows.count()).toBe(1);
      await audit.getByLabel("By").fill("ops");
      await audit.getByRole("button", { name: "Show" }).click();
      await audit.getByText(/^Nothing of “ops” was refused/).waitFor();
      expect(await rows.count()).toBe(0);
    });
  });
});
