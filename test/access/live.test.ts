import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { TELLING } from "./support/routes.js";
import {
  alert,
  at,
  DUCKS,
  EVERYBODY,
  OTHER_SHIP,
  PEARS,
  SHIP,
  startWorld,
  type Who,
  type World,
} from "./support/world.js";

describe("the live feed, to everybody at once", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());

  it("A2: brings each what they may see, and names nothing else", async () => {
    const feeds = new Map<Who, { text: string; ended: Promise<void> }>();
    const open = async (who: Who): Promise<void> => {
      const response = await fetch(`${world.url}/api/live`, { headers: world.headers(who) });
      if (who === "anonymous") {
        await response.body?.cancel();
        expect(response.status).toBe(401);
        return;
      }
      expect(response.status).toBe(200);
      const feed = { text: "", ended: Promise.resolve() };
      feed.ended = (async () => {
        for await (const chunk of response.body ?? []) feed.text += Buffer.from(chunk as Uint8Array).toString("utf8");
      })();
      feeds.set(who, feed);
    };
    // Whoever sees all is served last: what they have got, the others have been sent.
    for (const who of [...EVERYBODY.filter((other) => other !== "ops"), "ops"] as const) await open(who);
    const written = async (): Promise<void> => {
      await world.put("polarfoods.alerts", PEARS, at(13), alert("news", at(13)));
      await world.put("polarfoods.alerts", PEARS, at(4), alert("old", at(4)));
      await world.put("polarfoods.containers", PEARS, at(14), { temperatureC: 2 });
      await world.put("polarfoods.containers", PEARS, at(4), { temperatureC: 18 });
      await world.put("bigblue.ships", `${OTHER_SHIP}.position`, at(26), { latitude: 1, longitude: 1 });
      await world.put("bigblue.ships", `${SHIP}.position`, at(26), { latitude: 2, longitude: 2 });
      await world.put("duckworks.containers", DUCKS, at(26), { temperatureC: 41 });
    };
    await written();
    await eventually("what was written last", () => feeds.get("ops")?.text.includes('"temperatureC":41'));
    world.hq.node.http.server.closeAllConnections();
    for (const { ended } of feeds.values()) await ended.catch(() => undefined);

    for (const [who, { text }] of feeds) {
      for (const { id } of TELLING) {
        const isMine = TELLING.some((other) => other.id === id && other.who(who));
        if (!isMine) expect(text, `${who} must not hear of ${id}`).not.toContain(JSON.stringify(id));
      }
      const isShown = {
        pears: text.includes(`"${PEARS}"`),
        ducks: text.includes(`"${DUCKS}"`),
        news: text.includes('"news"'),
      };
      const isGuest = who === "chef" || who === "link";
      expect([who, isShown]).toEqual([
        who,
        {
          pears: who === "ops" || isGuest,
          ducks: ["ops", "ducky"].includes(who),
          news: who === "ops" || isGuest,
        },
      ]);
      if (isGuest) expect(text).not.toMatch(/2026-01-04|"old"/);
    }
  });
});
