import { afterEach, describe } from "vitest";
import { describeDurability } from "./store-contract-durability.js";
import { describeGaps } from "./store-contract-gaps.js";
import { describeLifecycle } from "./store-contract-lifecycle.js";
import { describeOrder } from "./store-contract-order.js";
import { describeReads } from "./store-contract-reads.js";
import { describeRefusals } from "./store-contract-refusals.js";
import { testSeed } from "./seeded-random.js";
import { TestSite } from "./store-fixture.js";
import type { StoreFactory } from "./store-fixture.js";

const seed = testSeed();

/** Opens a site's store; it is closed and removed after the test. */
export type OpenSite = (site?: string, slot?: number) => Promise<TestSite>;

/**
 * What every StreamStore must do, whatever it keeps its records in. Test names cite the invariants of SPEC.md.
 * A store's own test calls this with a factory, and adds what only that store has: its files, its faults.
 */
export function describeStoreContract(name: string, factory: StoreFactory): void {
  describe(`${name} keeps the store's contract (seed ${seed})`, () => {
    const sites: TestSite[] = [];
    const openSite: OpenSite = async (site = "tokyo", slot = 5) => {
      const opened = await TestSite.open(factory, site, slot);
      sites.push(opened);
      return opened;
    };
    afterEach(async () => {
      for (const site of sites.splice(0)) await site.dispose();
    });
    describeDurability(openSite, seed);
    describeReads(openSite, seed);
    describeRefusals(openSite);
    describeOrder(factory, openSite, seed);
    describeGaps(factory, openSite, seed);
    describeLifecycle(openSite);
  });
}
