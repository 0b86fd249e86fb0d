import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { findChromium } from "./support/browser.js";
import { DUCKS, HYACINTH, makeWorld } from "./support/fake-world.js";
import { setStage, TEST_MS } from "./support/stage.js";

const SEED = 11;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** WCAG 2.2, levels A and AA. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const SIZES = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

const path = findChromium();

describe.skipIf(path === undefined)(`for everybody (seed ${SEED})`, { timeout: TEST_MS }, () => {
  const stage = setStage(path, makeWorld(SEED));
  const open = (at: string, user?: string): Promise<Page> => stage.open({ path: at, user });
  const openAlert = () => {
    const alert = stage.world.alerts.find(({ state, type }) => state === "raised" && type === "OUT_OF_RANGE");
    if (!alert) throw new Error("the world has no open alert");
    return alert;
  };
  const press = (name: string | RegExp) => (page: Page) => page.getByRole("button", { name }).first().click();

  /** What is wrong with the page by WCAG 2.2 AA, wide and narrow, by day and by night. */
  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(AXE);
    const found: string[] = [];
    for (const size of SIZES) {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize(size);
        await page.emulateMedia({ colorScheme });
        const results = await page.evaluate(
          (tags) =>
            (window as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
              runOnly: tags,
              resultTypes: ["violations"],
            }),
          TAGS,
        );
        for (const { id, help, nodes } of results.violations) {
          for (const { html, any } of nodes)
            found.push(`${size.width} ${colorScheme} ${id}: ${help}: ${html.slice(0, 160)} ${any[0]?.message ?? ""}`);
        }
      }
    }
    return found;
  }

  interface View {
    readonly name: string;
    readonly at: string;
    readonly user?: string;
    /** What stands there when it is whole. */
    readonly shows: string | RegExp;
    readonly first?: (page: Page) => Promise<void>;
  }
  const ops = { user: "ops" };
  const fromMenu = (name: string) => async (page: Page) => {
    await page.locator(".user-menu summary").click();
    await press(name)(page);
  };
  const VIEWS: readonly View[] = [
    { name: "the sign-in page", at: "/", shows: "Sign in" },
    { name: "a share link that ended", at: `/share#lfl_${"x".repeat(43)}`, shows: "Nothing to see behind this link" },
    { name: "the fleet", at: "/", ...ops, shows: "On the map" },
    { name: "a container with its history", at: `/?container=${DUCKS}`, ...ops, shows: "Who had it when" },
    { name: "sharing a container", at: `/?container=${DUCKS}`, ...ops, shows: "Make a link", first: press("Share…") },
    { name: "a ship", at: `/?ship=${HYACINTH}`, ...ops, shows: "Voyage" },
    { name: "the alerts", at: "/?tab=alerts", ...ops, shows: "Rules…" },
    { name: "the sites", at: "/?tab=sites", ...ops, shows: "Los Angeles" },
    { name: "a link", at: "/?tab=sites&link=tokyo~singapore", ...ops, shows: "Cut" },
    { name: "the rules", at: "/?tab=alerts", ...ops, shows: "Send to the ships", first: press("Rules…") },
    { name: "people", at: "/", ...ops, shows: "Add somebody", first: fromMenu("People") },
    { name: "the audit", at: "/", ...ops, shows: "Only what was refused", first: fromMenu("Audit") },
    { name: "another password", at: "/", ...ops, shows: "Password now", first: fromMenu("Change password") },
  ];

  it.each(VIEWS)("WCAG 2.2 AA: $name", async ({ at, user, shows, first }) => {
    const page = await open(at, user);
    await first?.(page);
    await page.getByText(shows).filter({ visible: true }).first().waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it("WCAG 2.2 AA: the page of a headquarters that knows nobody yet", async () => {
    const page = await open("/");
    await page.route("**/api/session", (route) =>
      route.fulfill({
        status: 401,
        contentType: "application/problem+json",
        body: JSON.stringify({ status: 401, code: "UNAUTHENTICATED", title: "Sign in first.", setup: true }),
      }),
    );
    await page.reload();
    await page.getByLabel("Token from the log").waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it("WCAG 2.2 AA: an alert, its readings and what people said", async () => {
    const page = await open(`/?tab=alerts&alert=${openAlert().id}`, "ops");
    await page.getByText("Readings before and after").waitFor();
    await page.getByLabel("What is done about it?").fill("Engineer is on his way");
    await page.getByRole("button", { name: "Acknowledge" }).click();
    await page.getByText("Engineer is on his way").waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it("a dialog keeps the keyboard, closes with Escape, and gives the focus back", async () => {
    const page = await open("/?tab=alerts", "ops");
    const opener = page.getByRole("button", { name: "Rules…" });
    await opener.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Send to the ships" }).waitFor();
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const where = await page.evaluate(() => {
        const active = document.activeElement;
        return active === null || active === document.body || active.closest("dialog") !== null;
      });
      expect(where, `after ${i + 1} steps`).toBe(true);
    }
    await page.keyboard.press("Escape");
    await expect.poll(() => page.locator("dialog").count()).toBe(0);
    expect(await opener.evaluate((element) => element === document.activeElement)).toBe(true);
    await fromMenu("People")(page);
    await page.getByText("Add somebody").waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => page.locator("dialog").count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("SUMMARY");
  });

  it("everything that can be pressed is reached with Tab, and shows where the keyboard is", async () => {
    const page = await open("/?tab=alerts&map=3/0/150", "ops");
    await page.getByRole("button", { name: "Rules…" }).waitFor();
    const wanted = await page.evaluate(() => {
      const all = [
        ...document.querySelectorAll<HTMLElement>("button, a[href], input, select, summary, [tabindex='0']"),
      ];
      const isReachable = (e: HTMLElement) =>
        e.tabIndex >= 0 && e.checkVisibility() && !(e as HTMLButtonElement).disabled;
      return all.filter(isReachable).map((e, i) => (e.dataset["reach"] = String(i)));
    });
    const reached = new Set<string>();
    const bare: string[] = [];
    for (let i = 0; i < wanted.length + 20 && reached.size < wanted.length; i++) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => {
        const e = document.activeElement as HTMLElement | null;
        if (!e || e === document.body) return undefined;
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(e);
        const isShown = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
        return { id: e.dataset["reach"], isShown, html: e.outerHTML.slice(0, 120) };
      });
      if (at?.id !== undefined) reached.add(at.id);
      if (at && !at.isShown) bare.push(at.html);
    }
    const missed = await page.evaluate(
      (ids) => ids.map((id) => document.querySelector(`[data-reach="${id}"]`)?.outerHTML.slice(0, 120)),
      wanted.filter((id) => !reached.has(id)),
    );
    expect(missed).toEqual([]);
    expect([...new Set(bare)]).toEqual([]);
  });

  it("the timeline goes by arrows, and nothing moves by itself where less motion is asked for", async () => {
    const page = await open(`/?container=${DUCKS}`, "ops");
    const slider = page.getByRole("slider").first();
    await slider.focus();
    await page.keyboard.press("ArrowLeft");
    await page.waitForURL(/at=/);
    const at = new URL(page.url()).searchParams.get("at");
    await page.keyboard.press("ArrowLeft");
    await expect.poll(() => new URL(page.url()).searchParams.get("at")).not.toBe(at);
    const moving = await page.evaluate(() =>
      document
        .getAnimations()
        .filter(({ effect }) => Number(effect?.getComputedTiming().duration ?? 0) > 1)
        .map(({ effect }) => (effect as KeyframeEffect).target?.className),
    );
    expect(moving).toEqual([]);
  });

  it("a filter that matches nothing, a rule out of bounds, an answer that does not come: each says what to do", async () => {
    const page = await open("/?tab=alerts", "ops");
    await page.locator('select[name="alerts"]').selectOption("SILENT");
    await page.getByText(/^None of \d+ alerts is of this kind/).waitFor();
    stage.server.fail("/api/rules", 500);
    await page.getByRole("button", { name: "Rules…" }).click();
    await page.getByText(/The rules could not be loaded/).waitFor();
    stage.server.fail("/api/rules", undefined);
    await page.getByRole("button", { name: "Try again" }).click();
    const door = page.getByLabel(/Door open for so long/);
    await door.fill("99999");
    await page.getByText("Want from 0 to 10080 min.").waitFor();
    expect(await page.getByRole("button", { name: "Send to the ships" }).isDisabled()).toBe(true);
    await door.fill("9");
    await page.getByRole("button", { name: "Send to the ships" }).click();
    await page.getByText(/^In force since/).waitFor();
    expect(await door.inputValue()).toBe("9");
    await page.getByRole("button", { name: /^Return to the ships/ }).click();
    await page.getByText("Nothing has been sent").waitFor();
    await page.keyboard.press("Escape");
    // An alert that is not there, as an old link may name it.
    await page.goto(`${stage.server.url}/?tab=alerts&alert=nothing`);
    await page.getByText("There is no such alert that you may see.").waitFor();
  });
});
