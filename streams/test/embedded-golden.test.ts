import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openEmbeddedStore } from "../src/store/embedded-store.js";
import { ManualEnv } from "../testing/manual-env.js";
import { CONTAINERS, FOREIGN, SHIPS, START_MS } from "../testing/store-fixture.js";
import type { OriginId, TopicName } from "../src/model/names.js";

const fixture = (version: string): string => fileURLToPath(new URL(`fixtures/${version}/store`, import.meta.url));
const text = (value: Uint8Array): string => new TextDecoder().decode(value);

// v1: journals alone, of blocks with a table of topics. v2: a segment, and a journal of blocks without one.
// v3: a journal that overwrites an earlier one, of which two frames and a bit follow. v3-digests: the same, sealed, with
// digests in the footer of the one segment, and of the other in a file of their own.
it.each(["v1", "v2", "v3", "v3-digests"])(
  "a data folder of format %s opens for ever, with all it held, before and after it is sealed",
  async (version) => {
    const folder = await mkdtemp(join(tmpdir(), "landfall-golden-"));
    try {
      await cp(fixture(version), folder, { recursive: true });
      const store = await openEmbeddedStore({
        folder,
        site: "tokyo",
        node: "a",
        env: new ManualEnv(START_MS + 60_000),
      });
      for (const state of ["opened", "sealed"]) {
        if (state === "sealed") await store.sealNow();
        expect(store.stats().corruptBlocks).toBe(0);
        const [own] = Object.keys(store.vector(SHIPS));
        const all = { from: 0, to: Number.MAX_SAFE_INTEGER, step: Number.MAX_SAFE_INTEGER };
        for (const deep of [false, true]) {
          const [digests] = await store.digests(CONTAINERS, FOREIGN, [all], deep);
          expect(digests?.cells).toEqual([{ count: 5, high: 1_833_545_146, low: 26_712_530 }]);
          if (!version.startsWith("v3")) continue;
          const [ownDigests] = await store.digests(CONTAINERS, own as OriginId, [all], deep);
          expect(ownDigests?.cells).toEqual([{ count: 30, high: 722_145_425, low: 3_227_719_181 }]);
        }
        // A copy is no longer the folder it was copied from.
        expect(own).not.toBe(store.origin);
        expect(new Set(Object.values(store.vector(CONTAINERS)))).toEqual(new Set([30, 5]));
        expect(store.topics(CONTAINERS, { limit: 9 })).toEqual([
          "CSQU3054383",
          "MSKU9070320",
          "MSKU9070321",
          "MSKU9070322",
        ]);
        const history = await store.readTopic(CONTAINERS, "MSKU9070321" as TopicName, { limit: 100 });
        expect(history.map(({ value }) => text(value))).toEqual(
          [0, 1, 2, 3, 4].flatMap((i) =>
            [1, 4].map((k) => JSON.stringify({ temperatureC: -18 - i / 10, latitude: 35.1 + k })),
          ),
        );
        expect(history[5]).toMatchObject({ seq: 16, origin: own, headers: { kind: "telemetry", booking: "2" } });
        expect(history[5]).toMatchObject({
          timestamp: START_MS + 2600,
          received: START_MS + 3000,
          arrived: START_MS + 3000,
        });
        const [ship] = await store.readTopic(SHIPS, "9321483.position" as TopicName, { limit: 1, reverse: true });
        expect([...(ship?.value ?? [])]).toEqual([0, 1, 254, 255, 4]);
        const foreign = await store.readTopic(CONTAINERS, "CSQU3054383" as TopicName, { limit: 9 });
        expect(foreign.map(({ origin, value }) => `${origin} ${text(value)}`)).toEqual(
          [0, 1, 2, 3, 4].map((i) => `${FOREIGN} foreign ${i}`),
        );
      }
      await store.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
