import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { LinkBoard, type LinkSpec } from "../src/links/board.js";
import type { ShipState } from "../src/world/state.js";
import { listening, newWorld } from "./support.js";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe("link board", () => {
  const spec: LinkSpec = {
    id: "ship-9321483~singapore",
    from: "ship-9321483",
    to: "singapore",
    class: "port",
    listen: { host: "127.0.0.1", port: 0 },
    target: { host: "127.0.0.1", port: 9 },
    latencyMs: 20,
    kbps: 6_000,
    reach: { imo: "9321483", port: "SGSIN" },
  };
  const lan: LinkSpec = { ...withoutReach(spec), id: "tokyo-yard~tokyo", class: "lan" };
  const inPort = (port: string): ShipState[] =>
    newWorld().ships.map((ship) => ({
      ...ship,
      phase: { kind: "docked", port, sinceMs: 0, workFromMs: 0, departMs: 0, nextMoveMs: 0 },
    }));

  it("a ship's link is up only alongside, and not while somebody has cut it", () => {
    const board = new LinkBoard([spec, lan], {});
    const state = (): unknown[] => board.views().map(({ state, outOfReach }) => [state, outOfReach]);
    board.follow(inPort("JPTYO"));
    expect(state()).toEqual([
      ["down", true],
      ["up", false],
    ]);
    board.follow(inPort("SGSIN"));
    expect(state()[0]).toEqual(["up", false]);
    board.patch(spec.id, { state: "down" });
    expect(state()[0]).toEqual(["down", false]);
    board.follow(inPort("JPTYO"));
    board.follow(inPort("SGSIN"));
    expect(state()[0]).toEqual(["down", false]);
    board.patch(spec.id, { state: "up" });
    expect(state()[0]).toEqual(["up", false]);
  });

  it("says which port of which link is taken", async () => {
    const server = createServer();
    closing.push(() => server.close());
    const port = await listening(server);
    const board = new LinkBoard([{ ...spec, listen: { host: "127.0.0.1", port } }], {});
    await expect(board.listen()).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  it("keeps what people did, and refuses what makes no sense", () => {
    const board = new LinkBoard([spec, lan], {});
    board.patch(lan.id, { state: "down", latencyMs: 500, kbps: 64 });
    expect(new LinkBoard([spec, lan], board.overrides()).views()[1]).toMatchObject({ latencyMs: 500, kbps: 64 });
    board.patch(lan.id, { lossPct: 2, jitterMs: 40 });
    expect(board.views()[1]).toMatchObject({ lossPct: 2, jitterMs: 40 });
    const halfOpen = new LinkBoard([spec, lan], { [lan.id]: { halfOpen: true } });
    halfOpen.follow(inPort("SGSIN"));
    expect(halfOpen.views()[1]).toMatchObject({ state: "half-open", outOfReach: false, lossPct: 0 });
    expect(halfOpen.patch(lan.id, { state: "up", lossPct: 3 })).toMatchObject({ state: "up", lossPct: 3 });
    const reopened = new LinkBoard([spec, lan], board.overrides());
    reopened.follow(inPort("SGSIN"));
    expect(reopened.views().map(({ state }) => state)).toEqual(["up", "down"]);
    expect(() => board.patch("nowhere~else", { state: "up" })).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
    expect(() => board.patch(lan.id, { kbps: -1 })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => board.patch(lan.id, { lossPct: 51 })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => board.patch(lan.id, { latencyMs: 1e9 })).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});

function withoutReach(spec: LinkSpec): Omit<LinkSpec, "reach"> {
  const { reach: _, ...rest } = spec;
  return rest;
}
