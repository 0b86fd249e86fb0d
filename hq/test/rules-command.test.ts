import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RuleKey } from "@landfall/proto/api";
import { setRules, showRules, unsetRules } from "@landfall/streams/commands/rules";
import { runCommand } from "./support/run-command.js";
import { TestHq } from "./support/test-hq.js";

describe("landfall rules", () => {
  let hq: TestHq;
  beforeAll(async () => {
    hq = await TestHq.start();
  });
  afterAll(() => hq.close());

  const run = (command: Parameters<typeof runCommand>[1], as = "ops") => runCommand(hq, command, as);
  const inForce = <K extends RuleKey>(key: K, owner = "duckworks") => hq.hq.node.rules.rules(owner, key);

  it("sets a rule before all others, changes it in its place, and takes it back", async () => {
    expect((await run((to) => setRules("access", "duckworks.*", ["read=g:duckworks"], to))).code).toBe(0);
    expect((await run((to) => setRules("access", "duckworks.alerts", ["read=!p", "replicate=p"], to))).code).toBe(0);
    await run((to) => setRules("access", "duckworks.*", ["read=g:bigblue-ops"], to));
    expect(inForce("access")).toEqual([
      { stream: "duckworks.alerts", read: "!p", replicate: "p" },
      { stream: "duckworks.*", read: "g:bigblue-ops" },
    ]);
    const shown = await run((to) => showRules("duckworks", to));
    expect(shown.text).toMatch(/duckworks +access +duckworks\.alerts +read=!p {2}replicate=p +los-angeles, .* by ops/);
    expect(shown.text).toMatch(/duckworks +access +duckworks\.\* +read=g:bigblue-ops \| g:duckworks .*base/);
    await run((to) => unsetRules("access", "duckworks.alerts", ["replicate"], to));
    expect(inForce("access")?.[0]).toEqual({ stream: "duckworks.alerts", read: "!p" });
    await run((to) => unsetRules("access", "duckworks.alerts", ["read"], to));
    expect(inForce("access")).toHaveLength(1);
    await run((to) => unsetRules("access", "duckworks", [], to));
    expect(inForce("access")).toBeUndefined();
  });

  it("takes limits and thresholds as numbers", async () => {
    await run((to) => setRules("retention", "duckworks.containers", ["days=30", "at=port,sydney"], to));
    expect(inForce("retention")).toEqual([{ stream: "duckworks.containers", days: 30, at: ["port", "sydney"] }]);
    await run((to) => setRules("onboard", "bigblue", ["lostAfterMinutes=30", "shockG=4"], to));
    await run((to) => unsetRules("onboard", "bigblue", ["shockG"], to));
    expect(inForce("onboard", "bigblue")).toEqual({ lostAfterMinutes: 30 });
    await run((to) => unsetRules("onboard", "bigblue", ["lostAfterMinutes"], to));
    expect(inForce("onboard", "bigblue")).toBeUndefined();
  });

  it("says what is wrong, and changes nothing", async () => {
    const wrong: [string, string, string[], RegExp][] = [
      ["grants", "duckworks.*", ["read=p"], /not one of access, retention, onboard/],
      ["access", "duckworks.*", ["read"], /not name=value/],
      ["access", "duckworks.*", ["read=g:"], /expected a name/],
      ["access", "*", ["read=p"], /owner/],
      ["retention", "duckworks.alerts", ["days=soon"], /days/],
      ["onboard", "bigblue", ["lostAfter=3"], /lostAfterMinutes/],
    ];
    for (const [key, what, words, why] of wrong) {
      const { code, text } = await run((to) => setRules(key, what, words, to));
      expect([code, why.test(text) ? "said" : text]).toEqual([1, "said"]);
    }
    expect(await run((to) => unsetRules("access", "duckworks.latest", [], to))).toMatchObject({ code: 1 });
    expect(await run((to) => setRules("access", "duckworks.*", ["read=p"], to), "ducky")).toMatchObject({ code: 1 });
    expect(inForce("access")).toBeUndefined();
  });
});
