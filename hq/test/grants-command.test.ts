import { giveGrant, listGrants, listVoyages, makeLink, revokeGrant } from "@landfall/streams/commands/grants";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "./support/run-command.js";
import { TestHq } from "./support/test-hq.js";
import { at, DUCKS, fillWorld, PEARS } from "./support/world.js";

describe("landfall grant", () => {
  let hq: TestHq;
  beforeAll(async () => {
    hq = await TestHq.start();
    await fillWorld(hq);
  }, 60_000);
  afterAll(() => hq.close());

  const run = (command: Parameters<typeof runCommand>[1], as = "ops") => runCommand(hq, command, as);

  it("gives a voyage, lists it, and takes it back", async () => {
    const voyages = await run((to) => listVoyages(PEARS, to));
    expect(voyages.text).toMatch(/polarfoods +2026-01-20T06:00:00.000Z +lasts +gate +9321483/);
    const given = await run((to) => giveGrant("u:ducky", "polarfoods", [PEARS], { ...to, voyage: true, days: 3 }));
    expect(given.code, given.text).toBe(0);
    const [grant] = hq.hq.node.grants.list("polarfoods");
    expect(given.text).toContain(`${grant?.id}  u:ducky  ${PEARS}  2026-01-20T06:00:00.000Z to gate-out`);
    expect((await hq.ask(`/api/containers/${PEARS}`, { as: "ducky" })).status).toBe(200);
    expect((await run((to) => listGrants("polarfoods", to))).text).toMatch(/in-force/);
    const revoked = await run((to) => revokeGrant("polarfoods", grant?.id ?? "", to));
    expect(revoked.text).toMatch(/revoked/);
    expect((await hq.ask(`/api/containers/${PEARS}`, { as: "ducky" })).status).toBe(404);
  });

  it("prints a link that opens its container, once", async () => {
    const { text, code } = await run((to) => makeLink("duckworks", DUCKS, { ...to, from: at(1), to: at(30) }));
    expect(code, text).toBe(0);
    const token = /\/share#(lfl_[A-Za-z0-9_-]{43})\n/.exec(text)?.[1];
    expect((await hq.ask(`/api/containers/${DUCKS}`, { token })).status).toBe(200);
    expect((await run((to) => listGrants(undefined, to))).text).not.toContain(token);
  });

  it("says what is wrong", async () => {
    for (const [options, why] of [
      [{}, "for what time?"],
      [{ voyage: true, from: at(1) }, "either --voyage"],
      [{ from: at(1), days: 1, until: at(2) }, "only one of --until, --days and --minutes"],
      [{ from: at(3), to: at(2) }, "to is not after from"],
    ] as const) {
      const { code, text } = await run((to) => giveGrant("u:ducky", "duckworks", [DUCKS], { ...to, ...options }));
      expect([code, text]).toEqual([1, expect.stringContaining(why)]);
    }
    const denied = await run((to) => listGrants(undefined, to), "ducky");
    expect([denied.code, denied.text]).toEqual([1, expect.stringContaining("NOT_FOUND")]);
  });
});
