import { describe, expect, it } from "vitest";
import type { StatusLink, StatusValue } from "@landfall/proto/api";
import type { SiteName, StreamName } from "@landfall/streams/model/names";
import { toStatusLink } from "@landfall/streams/observe/status";
import type { LinkView, PeerView } from "@landfall/streams/node/node";
import { describeSites, type SitesSources } from "../src/sites/sites.js";
import { readStatuses } from "../src/sites/statuses.js";
import { SITES } from "./support/settings.js";
import { SHIP } from "./support/world.js";

const streams = (...names: string[]) => new Set(names as StreamName[]);
const NOW = Date.UTC(2026, 0, 1);
const ORIGIN = `ship-${SHIP}.a~1`;

const peer = (site: string, holdings: Record<string, Record<string, number>>, node = "a"): PeerView => ({
  site: site as SiteName,
  node,
  lastContact: NOW - 5000,
  linkClass: "wan",
  holdings: new Map(Object.entries(holdings)) as unknown as PeerView["holdings"],
});
const link = (id: string, to: string, rest: Partial<LinkView> = {}): LinkView => ({
  id,
  peer: to as SiteName,
  class: "wan",
  state: "up",
  bytesPerSecond: 10,
  recordsPerSecond: 1,
  sending: { bytesPerSecond: 9, recordsPerSecond: 1 },
  receiving: { bytesPerSecond: 1, recordsPerSecond: 0 },
  toSend: 3,
  toReceive: 4,
  ...rest,
});
const statusLink = (view: LinkView): StatusLink => toStatusLink({ ...view, lastContact: NOW });
const status = (site: string, links: StatusValue["links"], time = NOW): StatusValue => ({
  kind: "status",
  time: new Date(time).toISOString(),
  site,
  node: "a",
  version: "0",
  uptimeSeconds: 1,
  links,
  notHandedOver: 0,
  store: { recordsAppended: 0, recordsApplied: 0, bytesOnDisk: 0, topics: 0, streams: 0 },
  rssBytes: 0,
  notReady: [],
});

const OURS: Record<string, Record<string, number>> = {
  "duckworks.containers": { [ORIGIN]: 10, "tokyo.a~1": 5 },
  "polarfoods.containers": { [ORIGIN]: 7 },
};
const sources = (rest: Partial<SitesSources>): SitesSources => ({
  self: SITES[0] as SitesSources["self"],
  node: "a",
  sites: SITES,
  readable: streams("duckworks.containers", "polarfoods.containers", "bigblue.metrics"),
  statuses: [],
  readsMetricsOf: () => true,
  peers: [],
  links: [],
  vectorOf: (stream) => OURS[stream] ?? {},
  ship: () => undefined,
  now: NOW,
  ...rest,
});
const tokyoEntry = SITES.find(({ site }) => site === "tokyo") as SitesSources["self"];
const tokyo = peer("tokyo", {
  "duckworks.containers": { [ORIGIN]: 14, "tokyo.a~1": 5 },
  "polarfoods.containers": { [ORIGIN]: 2 },
});
const ship = peer(`ship-${SHIP}`, {
  "duckworks.containers": { [ORIGIN]: 25 },
  "polarfoods.containers": { [ORIGIN]: 8 },
});

describe("sites", () => {
  it("operations know all of them: what each holds and lacks, and what is still on board", () => {
    const { sites } = describeSites(sources({ peers: [tokyo, ship] }));
    expect(sites.map(({ site }) => site)).toEqual(SITES.map(({ site }) => site));
    expect(sites.find(({ site }) => site === "tokyo")).toMatchObject({
      lastContact: new Date(NOW - 5000).toISOString(),
      latitude: 35.6175,
      notAshore: 0,
      streams: [
        { stream: "duckworks.containers", has: 19, lacks: 0 },
        { stream: "polarfoods.containers", has: 2, lacks: 5 },
      ],
    });
    expect(sites.find(({ imo }) => imo === SHIP)).toMatchObject({ notAshore: 15 + 1 });
    expect(sites[0]).toMatchObject({
      site: "los-angeles",
      notAshore: 0,
      streams: [
        { stream: "duckworks.containers", has: 15, lacks: 15 },
        { stream: "polarfoods.containers", has: 7, lacks: 1 },
      ],
    });
  });

  it("others know this site and holders of their streams, with nothing counted that they may not read", () => {
    const sydney = peer("sydney", { "polarfoods.containers": { [ORIGIN]: 7 } });
    const known = describeSites(
      sources({
        readable: streams("duckworks.containers"),
        readsMetricsOf: (owner) => owner === "duckworks",
        peers: [tokyo, ship, sydney],
        links: [link("tokyo~los-angeles", "tokyo")],
      }),
    );
    expect(known.sites.map(({ site }) => site)).toEqual(["los-angeles", "duckworks", "tokyo", `ship-${SHIP}`]);
    expect(known.sites.find(({ imo }) => imo === SHIP)).toMatchObject({
      notAshore: 15,
      streams: [{ stream: "duckworks.containers", has: 25, lacks: 0 }],
    });
    expect(JSON.stringify(known)).not.toContain("polarfoods");
    expect(known.sites.find(({ site }) => site === "tokyo")).not.toHaveProperty("lastContact");
    expect(known.links).toEqual([]);
  });

  it("a ship's backlog is also what the port says that still comes from it", () => {
    const at = statusLink(link(`ship-${SHIP}~sydney`, `ship-${SHIP}`, { class: "port", toReceive: 900 }));
    const { sites } = describeSites(sources({ statuses: [{ value: status("sydney", [at]), arrived: NOW }] }));
    expect(sites.find(({ imo }) => imo === SHIP)?.notAshore).toBe(900);
    const cut = { ...at, state: "down" as const };
    const later = describeSites(sources({ statuses: [{ value: status("sydney", [cut]), arrived: NOW }] }));
    expect(later.sites.find(({ imo }) => imo === SHIP)?.notAshore).toBe(0);
  });
});

describe("links", () => {
  it("are told from the dialling side, by the newest word on them", () => {
    const older = status("tokyo", [statusLink(link("tokyo~sydney", "sydney"))], NOW - 1000);
    const newer = status("sydney", [statusLink(link("tokyo~sydney", "tokyo", { state: "down" }))], NOW);
    const { links } = describeSites(
      sources({
        statuses: [
          { value: newer, arrived: NOW },
          { value: older, arrived: NOW },
        ],
        links: [
          link("tokyo~los-angeles", "tokyo", {
            roundTripMs: 1500,
            lastContact: NOW,
            backlogBytes: 700,
            secondsToGo: 7,
            certificateExpires: NOW,
          }),
        ],
      }),
    );
    expect(links).toMatchObject([
      {
        id: "tokyo~los-angeles",
        from: "tokyo",
        to: "los-angeles",
        state: "degraded",
        backlogRecords: 7,
        roundTripMs: 1500,
        backlogBytes: 700,
        secondsToGo: 7,
        // Seen from Los Angeles, whom Tokyo dials.
        there: { backlogRecords: 4, recordsPerSecond: 0, bytesPerSecond: 1 },
        back: { backlogRecords: 3, recordsPerSecond: 1, bytesPerSecond: 9 },
        certificateExpires: new Date(NOW).toISOString(),
      },
      { id: "tokyo~sydney", from: "tokyo", to: "sydney", state: "down" },
    ]);
  });

  it("nodes are named where a site has several; it holds what any of them holds", () => {
    const site = `ship-${SHIP}`;
    const a = peer(site, { "duckworks.containers": { [ORIGIN]: 25 } });
    const b = peer(site, { "duckworks.containers": { [ORIGIN]: 20, [`ship-${SHIP}.b~1`]: 3 } }, "b");
    const said = (node: string, notReady: string[]) => ({ ...status(site, []), node, notReady });
    const links = [
      link(`${site}.a~tokyo`, site, { node: "a" }),
      link(`${site}.b~tokyo`, site, { node: "b" }),
      link("sydney~tokyo", "sydney", { node: "a" }),
    ];
    const statuses = [
      { value: said("a", []), arrived: NOW - 3_000 },
      { value: said("b", ["cluster: no second node in reach"]), arrived: NOW - 9_000 },
      { value: said("c", []), arrived: NOW - 90_000 },
      { value: status("sydney", []), arrived: NOW },
    ];
    const reply = describeSites(sources({ peers: [a, b], links, statuses, self: { ...tokyoEntry } }));
    const ship = reply.sites.find((one) => one.site === site);
    expect(ship?.streams).toEqual([{ stream: "duckworks.containers", has: 28, lacks: 0 }]);
    expect(ship?.notAshore).toBe(25 - 10 + 3);
    expect(ship?.nodes).toEqual([
      { node: "a", lastContact: new Date(NOW - 3_000).toISOString(), notReady: [] },
      {
        node: "b",
        lastContact: new Date(NOW - 5_000).toISOString(),
        notReady: ["cluster: no second node in reach"],
      },
      { node: "c", lastContact: new Date(NOW - 90_000).toISOString(), notReady: [] },
    ]);
    expect(reply.sites.filter(({ nodes }) => nodes !== undefined).map((one) => one.site)).toEqual([site]);
    expect(reply.links.map(({ id, from, fromNode, to, toNode }) => ({ id, from, fromNode, to, toNode }))).toEqual([
      { id: `${site}.a~tokyo`, from: site, fromNode: "a", to: "tokyo", toNode: undefined },
      { id: `${site}.b~tokyo`, from: site, fromNode: "b", to: "tokyo", toNode: undefined },
      { id: "sydney~tokyo", from: "sydney", fromNode: undefined, to: "tokyo", toNode: undefined },
    ]);
    const stranger = describeSites(sources({ peers: [a, b], statuses, readsMetricsOf: () => false }));
    expect(stranger.sites.every(({ nodes }) => nodes === undefined)).toBe(true);
  });

  it("say why they are down, which only the dialling side knows, whoever spoke last", () => {
    const down = { state: "down" as const };
    const why = statusLink(link("tokyo~sydney", "sydney", { ...down, problem: "nothing heard for 5 s" }));
    const other = statusLink(link("tokyo~sydney", "tokyo", down));
    const links = (...words: [site: string, of: StatusLink, time: number][]) =>
      describeSites(
        sources({ statuses: words.map(([site, of, time]) => ({ value: status(site, [of], time), arrived: time })) }),
      ).links;
    const told = { state: "down", problem: "nothing heard for 5 s" };
    expect(links(["tokyo", why, NOW - 1], ["sydney", other, NOW])).toMatchObject([told]);
    expect(links(["sydney", other, NOW], ["tokyo", why, NOW - 1])).toMatchObject([told]);
    const up = { ...other, state: "up" as const };
    expect(links(["tokyo", why, NOW - 1], ["sydney", up, NOW])[0]).not.toHaveProperty("problem");
  });

  it("a company's metrics tell of its own sites alone", () => {
    const word = (site: string) => ({
      stream: "duckworks.metrics" as StreamName,
      value: status(site, []) as unknown as Readonly<Record<string, unknown>>,
      origin: "tokyo.a~1",
      seq: 0,
      offset: 1,
      arrived: NOW,
    });
    const view = {
      statuses: new Map([
        [
          "duckworks.metrics" as StreamName,
          new Map([
            ["duckworks.a", word("duckworks")],
            ["tokyo.a", word("tokyo")],
            ["broken", { ...word("duckworks"), value: { kind: "status", site: "duckworks", links: [{}] } }],
          ]),
        ],
      ]),
    };
    const ownerOf = (site: string) => SITES.find((entry) => entry.site === site)?.owner;
    expect(readStatuses(view, streams("duckworks.metrics"), ownerOf).map(({ value }) => value.site)).toEqual([
      "duckworks",
    ]);
    expect(readStatuses(view, streams(), ownerOf)).toEqual([]);
  });
});
