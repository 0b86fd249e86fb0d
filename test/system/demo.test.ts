import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatContainerNumber } from "@landfall/proto/identifiers";
import type {
  ContainersReply,
  RecordsReply,
  ShipsReply,
  SimulationState,
  StatusReply,
  StreamsReply,
  TopicsReply,
} from "@landfall/proto/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium, launchChromium } from "../support/chromium.js";
import { Demo, isAlive, portBaseOf } from "../support/demo.js";
import { eventually } from "../support/eventually.js";
import { runCli } from "../support/run-cli.js";
import { skipWithout } from "../support/required.js";

const chromium = findChromium();
const SHIP_2 = "9321615";
/** Of the simulated clock: a minute and a half at the speed below, in which a page is opened and a form filled in. */
const FAR_MS = 48 * 3_600_000;
/** Of no ship of the demo. */
const REAL_SHIP = "9739666";

async function json<T>(url: string, token?: string, init: RequestInit = {}): Promise<T> {
  const headers = new Headers(init.headers);
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (init.body !== undefined) headers.set("content-type", "application/json");
  const answer = await fetch(url, { ...init, headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${init.method ?? "GET"} ${url}: ${answer.status} ${text}`);
  return JSON.parse(text) as T;
}

describe("the demo, as npm start runs it", () => {
  const folder = mkdtempSync(join(tmpdir(), "landfall-demo-"));
  const portBase = portBaseOf(0);
  const demo = new Demo(folder, portBase + 8080, portBase, [
    "--no-wait",
    "--speed",
    "2000",
    "--containers",
    "60",
    "--ships",
    "3",
  ]);

  beforeAll(() => demo.start());
  afterAll(async () => {
    await demo.interrupt();
    rmSync(folder, { recursive: true, force: true });
  });

  const state = () => json<SimulationState>(`${demo.controlUrl}/state`);

  /** Every record of every container, at one node. */
  async function histories(site: string): Promise<Map<string, { offset: number; value: string; timestamp: string }[]>> {
    const { url, token } = demo.token(site);
    const all = new Map<string, { offset: number; value: string; timestamp: string }[]>();
    const { streams } = await json<StreamsReply>(`${url}/api/streams`, token);
    for (const { name } of streams.filter(({ name }) => name.endsWith(".containers"))) {
      const { topics } = await json<TopicsReply>(`${url}/api/streams/${name}/topics?limit=1000`, token);
      for (const topic of topics) {
        let offset: number | undefined = 0;
        while (offset !== undefined) {
          const at: string = `${url}/api/streams/${name}/topics/${topic}/records?limit=1000&offset=${offset}`;
          const page: RecordsReply = await json<RecordsReply>(at, token);
          const list = all.get(`${name} ${topic}`) ?? [];
          list.push(...page.records.map(({ offset, value = "", timestamp }) => ({ offset, value, timestamp })));
          all.set(`${name} ${topic}`, list);
          offset = page.next;
        }
      }
    }
    return all;
  }

  it("starts separate processes, books the cargo and prints address and users", async () => {
    expect(demo.output).toContain(demo.url);
    for (const user of ["ops", "ducky", "sydney"]) expect(demo.output).toContain(user);
    const kinds = demo.children().map(({ args }) => / (edge|shore|hq|simulate) /.exec(args)?.[1]);
    expect(kinds.toSorted((a, b) => String(a).localeCompare(String(b)))).toEqual([
      ...Array.from({ length: 6 }, () => "edge"),
      "hq",
      "hq",
      "shore",
      "shore",
      "shore",
      "simulate",
    ]);
    const page = await fetch(demo.url);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(await page.text()).toContain("Landfall");
  });

  it("a ship makes landfall by itself, and its backlog comes ashore", async () => {
    await eventually(
      "a ship to arrive",
      async () => (await state()).story.some(({ text }) => text.includes("landfall")),
      120_000,
    );
    const ashore = await eventually(
      "its histories in Los Angeles",
      async () => {
        const all = await histories("los-angeles");
        return all.size >= 20 && all;
      },
      120_000,
    );
    expect([...ashore.values()].flat().length).toBeGreaterThan(500);
  });

  it("R7: days at sea by satellite fit into the day's budget, and Los Angeles knows what is left", async () => {
    const { url, token } = demo.token("los-angeles");
    const satellites = await eventually("every ship's satellite and its budget", async () => {
      const { links } = await json<StatusReply>(`${url}/api/status`, token);
      const metered = links.filter((link) => link.class === "satellite" && link.budget !== undefined);
      return metered.length === 3 && metered;
    });
    for (const { budget } of satellites) {
      expect(budget?.usedBytes).toBeGreaterThan(0);
      expect(budget?.leftBytes).toBeGreaterThan(0);
    }
    console.log(`bytes by satellite so far: ${satellites.map(({ budget }) => budget?.usedBytes).join(", ")}`);
  });

  it("real ships of an AIS file sail beside its own, and a second start has nothing left to send", async () => {
    const file = join(folder, "ais.csv");
    const row = (time: string, longitude: number): string =>
      `477307901,${time},34.9,${longitude},12.5,250,251.0,REAL,IMO${REAL_SHIP},VRPJ6,70,0,300,40,12,`;
    const header =
      "MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width,Draft,Cargo";
    writeFileSync(file, [header, row("2017-12-01T00:10:00", 139.6), row("2017-12-01T00:00:00", 139.7)].join("\n"));
    const args = ["replay", "--csv", file, "--site", "tokyo-yard", "--data", folder, "--state", join(folder, "replay")];
    const tooOld = await runCli(args);
    expect(tooOld.stderr).toMatch(/an edge takes nothing from before 2020: say --now/);
    const sailed = await runCli([...args, "--now"]);
    expect(sailed.stderr).toContain("2 positions sent");
    expect(sailed.code).toBe(0);
    expect((await runCli([...args, "--now"])).stderr).toContain("was sent to");
    const { url, token } = demo.token("los-angeles");
    const ship = await eventually("the ship in Los Angeles", async () => {
      const { ships } = await json<ShipsReply>(`${url}/api/ships`, token);
      // Its first position may be there alone for a moment.
      return ships.find(({ imo, longitude }) => imo === REAL_SHIP && longitude === 139.6);
    });
    expect(ship).toMatchObject({ latitude: 34.9, speedKn: 12.5, courseDeg: 250, headingDeg: 251 });
  });
  it.skipIf(skipWithout("chromium", chromium !== undefined))(
    "control room, on the map: containers go over the side, a port is killed, stays down, and is started again",
    async () => {
      const browser = await launchChromium(chromium as string);
      try {
        const page = await browser.newPage();
        await page.goto(demo.url);
        await page.getByRole("button", { name: "ops" }).click();
        await page.getByRole("tab", { name: "Sites & links" }).waitFor();
        const far = await eventually(
          "a laden ship with a long way to go",
          async () => {
            const { ships, time } = await state();
            const soon = Date.parse(time) + FAR_MS;
            return ships.find(({ eta, containers }) => eta !== undefined && Date.parse(eta) > soon && containers >= 2);
          },
          180_000,
        );
        await page.goto(`${demo.url}/?ship=${far.imo}`);
        await page.getByLabel("Over the side").fill("2");
        await page.getByRole("button", { name: "Throw overboard" }).click();
        await eventually("the story to tell of it", async () =>
          (await state()).story.some(({ text }) => text.includes("2 containers go over the side")),
        );

        const tokyo = async (): Promise<string | undefined> =>
          (await state()).nodes?.find(({ site }) => site === "tokyo")?.state;
        const answers = () =>
          fetch(`${demo.token("tokyo").url}/healthz`).then(
            ({ ok }) => ok,
            () => false,
          );
        expect(await tokyo()).toBe("up");
        await page.goto(`${demo.url}/?site=tokyo`);
        await page.locator(".spark-plot canvas").first().waitFor();
        await page.getByRole("button", { name: "Kill", exact: true }).click();
        await eventually("Tokyo to be down", async () => (await tokyo()) === "down" && !(await answers()));
        await page.getByRole("button", { name: "Start", exact: true }).click();
        await eventually("Tokyo to answer again", async () => (await tokyo()) === "up" && (await answers()));
      } finally {
        await browser.close();
      }
    },
    400_000,
  );

  it("kill -9 of the simulator: it goes on, and nothing it publishes again is stored twice", async () => {
    const before = await state();
    for (let kill = 0; kill < 2; kill++) {
      const victim = demo.child("simulate");
      process.kill(victim, "SIGKILL");
      await eventually(
        "another simulator",
        async () => {
          const now = await state().catch(() => undefined);
          return now !== undefined && !isAlive(victim) && now.time > before.time;
        },
        90_000,
      );
    }
    const isInSydney = async (): Promise<boolean> => {
      const ship = (await state()).ships.find(({ imo }) => imo === SHIP_2);
      return ship?.phase === "docked" && ship.port === "AUSYD";
    };
    // It may have gone there by itself, and is not ordered to where it lies.
    if (!(await isInSydney())) {
      await json(`${demo.controlUrl}/ships/${SHIP_2}/arrive`, undefined, {
        method: "POST",
        body: JSON.stringify({ port: "AUSYD" }),
      });
    }
    await eventually("the ship in Sydney", isInSydney, 90_000);
    const all = await histories("los-angeles");
    let records = 0;
    for (const [topic, list] of all) {
      const distinct = new Set(list.map(({ timestamp, value }) => `${timestamp} ${value}`));
      expect({ topic, records: list.length }).toEqual({ topic, records: distinct.size });
      records += list.length;
    }
    expect(records).toBeGreaterThan(1_000);
  });

  it("as ducky, every container is a duck's; as operations, there are others", async () => {
    const login = (username: string) =>
      json<{ token: string }>(`${demo.url}/api/session`, undefined, {
        method: "POST",
        body: JSON.stringify({ username, password: "landfall" }),
      });
    const box = "/api/containers?bbox=-180,-85,180,85&zoom=18";
    const ducks = await json<ContainersReply>(`${demo.url}${box}`, (await login("ducky")).token);
    const everything = await json<ContainersReply>(`${demo.url}${box}`, (await login("ops")).token);
    expect(ducks.total).toBeGreaterThan(0);
    expect(everything.total).toBeGreaterThan(ducks.total);
    const owners = ducks.features.flatMap(({ properties }) =>
      properties.kind === "container" ? [properties.owner] : [],
    );
    expect(new Set(owners)).toEqual(new Set(owners.length === 0 ? [] : ["duckworks"]));
    const { url, token } = demo.token("duckworks");
    const { streams } = await json<StreamsReply>(`${url}/api/streams`, token);
    expect(streams.map(({ name }) => name).filter((name) => !name.startsWith("duckworks."))).toEqual([]);
  });

  it.skipIf(skipWithout("chromium", chromium !== undefined))(
    "a customer is given one container for one voyage on the map: the link shows it alone, and says when it was taken back",
    async () => {
      const { url, token } = demo.token("los-angeles");
      const { topics } = await json<TopicsReply>(`${url}/api/streams/polarfoods.containers/topics?limit=1000`, token);
      const [container = "", other = ""] = topics;
      const browser = await launchChromium(chromium as string);
      try {
        const [ops, customer] = [await browser.newPage(), await (await browser.newContext()).newPage()];
        await ops.goto(demo.url);
        await ops.getByRole("button", { name: "ops" }).click();
        await ops.getByRole("searchbox").fill(container);
        await ops.getByRole("searchbox").press("Enter");
        await ops.getByRole("button", { name: "Share…" }).click();
        await ops.getByRole("button", { name: "Make a link" }).click();
        await customer.goto(await ops.getByLabel(/Copy this link now/).inputValue());
        await customer.locator("article.card").getByText(formatContainerNumber(container)).first().waitFor();
        expect(await customer.content()).not.toContain(formatContainerNumber(other));
        await ops.getByRole("button", { name: "Take back" }).click();
        await customer.getByText(/ask whoever sent it to you for a new one/).waitFor();
        expect(await customer.content()).not.toContain(formatContainerNumber(container));
      } finally {
        await browser.close();
      }
    },
  );

  it("Ctrl-C stops everything; the next start goes on where it stopped", async () => {
    const children = demo.children().map(({ pid }) => pid);
    const { time } = await state();
    expect(await demo.interrupt()).toBe(0);
    expect(children.filter(isAlive)).toEqual([]);
    await demo.start();
    const again = await state();
    expect(again.time >= time).toBe(true);
    expect(again.story.length).toBeGreaterThan(0);
  });

  it("kill -9 of the whole demo leaves no orphans", async () => {
    const children = demo.children().map(({ pid }) => pid);
    expect(children.length).toBeGreaterThan(10);
    await demo.kill9();
    await eventually("all of them to end", () => children.every((pid) => !isAlive(pid)));
  });
});
