import { describe, expect, it } from "vitest";
import { Budgets } from "../src/replication/budget/budgets.js";
import { DAY_MS } from "../src/replication/budget/ledger.js";
import type { LinkSettings } from "../src/settings/node-settings.js";
import { ManualEnv } from "../testing/manual-env.js";
import { MemoryDisk } from "../testing/memory-disk.js";

const BYTES_PER_DAY = 3_000_000;
const LINK: LinkSettings = {
  id: "ship.a~hq",
  to: "hq",
  class: "satellite",
  address: "127.0.0.1:1",
  carries: ["*.alerts"],
  budget: { bytesPerDay: BYTES_PER_DAY, alertsPercent: 0 },
};

describe("R7: the budget of a site of several nodes", () => {
  const env = new ManualEnv(20_000 * DAY_MS + 3_600_000);
  const reported: { code: string; message: string }[] = [];
  const exceptions = {
    report: ({ code, message }: { code: string; message: string }) => void reported.push({ code, message }),
  };

  async function open(disk: MemoryDisk, nodes: number) {
    const budgets = await Budgets.open({ folder: "/data", disk, env, exceptions, links: [LINK], nodes });
    const ledger = budgets.of(LINK);
    if (ledger === undefined) throw new Error("no budget");
    return { budgets, ledger };
  }

  it("is shared out; a node that is new begins at midnight, and so does a share that grew", async () => {
    const disk = new MemoryDisk();
    const fresh = await open(disk, 3);
    expect(fresh.ledger.state).toMatchObject({ bytesPerDay: 1_000_000, leftBytes: 0, isUsedUp: true });
    expect(reported.map(({ code }) => code)).toEqual(["BUDGET_USED_UP"]);
    fresh.budgets.tick();
    // Told once, and in these words.
    expect(reported).toHaveLength(1);
    expect(reported[0]?.message).toContain("this node is new");

    env.advance(DAY_MS);
    fresh.budgets.tick();
    expect(fresh.ledger.state.leftBytes).toBe(1_000_000);
    await fresh.budgets.close();
    const again = await open(disk, 3);
    expect(again.ledger.state.leftBytes).toBe(1_000_000);
    await again.budgets.close();

    // Of two nodes instead of three each has more, from the next day on.
    const grown = await open(disk, 2);
    expect(grown.ledger.state).toMatchObject({ bytesPerDay: 1_500_000, leftBytes: 1_000_000 });
    env.advance(DAY_MS);
    expect(grown.ledger.state.leftBytes).toBe(1_500_000);
    await grown.budgets.close();
    const shrunk = await open(disk, 3);
    expect(shrunk.ledger.state.leftBytes).toBe(1_000_000);
  });

  it("a site of one node has all of it at once, as ever", async () => {
    const { ledger } = await open(new MemoryDisk(), 1);
    expect(ledger.state.leftBytes).toBe(BYTES_PER_DAY);
  });
});
