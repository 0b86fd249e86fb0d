import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNode } from "@landfall/streams/node/create-node";
import type { LandfallNode } from "@landfall/streams/node/node";
import type { StreamName } from "@landfall/streams/model/names";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { freePorts } from "../support/free-ports.js";
import { ACCESS, SITES, siteToken, startWorld, STREAMS, type World } from "./support/world.js";

/** What each site may hold, by the rules of the world. */
const HOLDS: Readonly<Record<string, (stream: string) => boolean>> = {
  duckworks: (stream) => stream.startsWith("duckworks."),
  "ship-9321483": () => true,
};

describe("what sites get that ask for everything", () => {
  let world: World;
  let listen: string;
  const opened: LandfallNode[] = [];
  const folder = mkdtempSync(join(tmpdir(), "landfall-access-"));

  beforeAll(async () => {
    const [port] = await freePorts(1);
    listen = `127.0.0.1:${port}`;
    world = await startWorld({ replication: { token: siteToken("los-angeles"), listen, wants: ["*"] } });
  });
  afterAll(async () => {
    for (const node of opened) await node.close();
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function dial(site: string, token = siteToken(site)): Promise<LandfallNode> {
    const node = await createNode({
      site,
      node: "a",
      data: join(folder, `${site}-${opened.length}`),
      http: { host: "127.0.0.1", port: 0 },
      replication: { token, wants: ["*"] },
      links: [
        { id: `${site}~los-angeles`, to: "los-angeles", address: listen, class: "wan", carries: ["*"], urgent: [] },
      ] as never,
      sites: SITES,
      access: [{ stream: "*", read: "g:bigblue-ops", replicate: "p" }],
      tokens: [],
      retention: [],
      diskPercentMax: 100,
      metricsSeconds: 3_600,
      logLevel: "silent",
    });
    opened.push(node);
    await node.start();
    return node;
  }

  /** Records of the headquarters in a stream of another site. */
  const next = (of: LandfallNode, stream: string): number =>
    Object.entries(of.store.vector(stream as StreamName))
      .filter(([origin]) => origin.startsWith("los-angeles."))
      .reduce((sum, [, seq]) => sum + seq, 0);

  it.each(Object.keys(HOLDS))("R8: %s gets what it may hold, and hears of nothing else", async (site) => {
    const node = await dial(site);
    const streams = await eventually("what it may hold", () => {
      const all = [...Object.keys(STREAMS), ...world.hq.node.store.streams()];
      const mine = all.filter(HOLDS[site] as (stream: string) => boolean);
      return mine.every((stream) => next(node, stream) === next(world.hq.node, stream)) && all;
    });
    const heard = new Set(node.replication.peers().flatMap(({ holdings }) => [...holdings.keys()]));
    for (const stream of streams) {
      const isMine = HOLDS[site]?.(stream) === true;
      expect([stream, next(node, stream) > 0], stream).toEqual([stream, isMine && next(world.hq.node, stream) > 0]);
      if (!isMine) expect(heard.has(stream as StreamName), stream).toBe(false);
    }
  });

  it("A3: who is no site, and who says a site's name without its secret, hear the same", async () => {
    const problem = async (node: LandfallNode): Promise<string> => {
      await eventually("the link's problem", () => node.replication.links()[0]?.problem !== undefined);
      expect(Object.keys(STREAMS).filter((stream) => next(node, stream) > 0)).toEqual([]);
      return node.replication.links()[0]?.problem ?? "";
    };
    const wrong = await problem(await dial("duckworks", "not its secret"));
    const other = await problem(await dial(`ship-9321483`, siteToken("duckworks")));
    expect(wrong.replaceAll("duckworks", "…")).toBe(other.replaceAll("ship-9321483", "…"));
  });

  it("R8: a grant to a person is none to a site", () => {
    expect(ACCESS.some(({ replicate }) => replicate === "u:chef")).toBe(false);
    const polar = "polarfoods.containers" as StreamName;
    const chef = { user: "site.chef", groups: [], roles: [] };
    expect(world.hq.node.policy.allows(chef, "replicate", polar)).toBe(false);
    expect(world.hq.node.policy.scope({ ...chef, user: "chef" }, polar)).toHaveLength(1);
    expect(world.hq.node.policy.allows({ ...chef, user: "chef" }, "replicate", polar)).toBe(false);
  });
});
