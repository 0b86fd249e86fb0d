import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  ContainersReply,
  RecordsReply,
  SimulationState,
  StatusReply,
  StreamsReply,
  TopicsReply,
} from "@landfall/proto/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Demo, isAlive } from "../support/demo.js";
import { eventually } from "../support/eventually.js";

const SHIP_2 = "9321615";

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
  const portBase = 40_000 + Math.floor((process.pid % 100) * 10);
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
    await json(`${demo.controlUrl}/ships/${SHIP_2}/arrive`, undefined, {
      method: "POST",
      body: JSON.stringify({ port: "AUSYD" }),
    });
    await eventually(
      "the ship in Sydney",
      async () => {
        const ship = (await state()).ships.find(({ imo }) => imo === SHIP_2);
        return ship?.phase === "docked" && ship.port === "AUSYD";
      },
      90_000,
    );
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
