import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { streamName, topicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Committed } from "@landfall/streams/store/store";
import { FleetSync } from "../src/view/fleet-sync.js";
import { FleetView } from "../src/view/fleet-view.js";
import { TestHq } from "./support/test-hq.js";
import { at, DUCKS, fillWorld, reading } from "./support/world.js";

describe("after a restart", () => {
  let hq: TestHq;
  beforeEach(async () => {
    hq = await TestHq.start();
    await fillWorld(hq);
  });
  afterEach(() => hq.close());

  it("everybody sees what they saw", async () => {
    const paths = ["/api/containers", "/api/containers?zoom=2", "/api/ships", "/api/alerts", `/api/bookings/${DUCKS}`];
    const seen = async () => {
      const found: Record<string, string> = {};
      for (const as of ["ops", "ducky", "sydney"]) {
        for (const path of paths) found[`${as} ${path}`] = (await hq.ask(path, { as })).text;
      }
      return found;
    };
    const before = await seen();
    hq = await hq.restart();
    expect(await seen()).toEqual(before);
  });

  it("no more of the history is read than came since, and everything of it when what was kept is removed", async () => {
    const history = Array.from({ length: 500 }, (_, i) => ({
      topic: topicName(DUCKS),
      timestamp: (Date.parse(at(26)) + i * 1_000) as TimestampMs,
      value: new TextEncoder().encode(JSON.stringify(reading({ temperatureC: i % 9 }))),
    }));
    await hq.hq.node.store.append(streamName("duckworks.containers"), history);
    await hq.hq.sync.catchUp(streamName("duckworks.containers"));
    const state = async () => (await hq.ask(`/api/containers/${DUCKS}`, { as: "ducky" })).text;
    const before = await state();
    hq = await hq.restart();
    // What a headquarters writes of itself when it stops and starts, at most.
    expect(hq.hq.sync.records).toBeLessThan(50);
    expect(await state()).toBe(before);
    const kept = join(hq.folder, "data", "hq", "view");
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
    await hq.hq.close();
    await rm(kept);
    hq = await hq.restart();
    expect(hq.hq.sync.records).toBeGreaterThan(500);
    expect(await state()).toBe(before);
  });

  it("is ready only when the view is rebuilt, and then follows on", async () => {
    hq = await hq.restart();
    const ready = await hq.ask("/readyz");
    expect(ready.status).toBe(200);
    await hq.put("duckworks.containers", DUCKS, at(28), reading({ temperatureC: 11 }));
    const state = (await hq.ask(`/api/containers/${DUCKS}`, { as: "ducky" })).json<{ time: string }>();
    expect(state.time).toBe(at(28));
  });

  it("takes in what is committed while it reads, none of it twice", async () => {
    const { store } = hq.hq.node;
    const view = new FleetView();
    const failures: unknown[] = [];
    const sync = new FleetSync(store, view, (_stream, error) => failures.push(error));
    const started = sync.start();
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        hq.put("duckworks.containers", DUCKS, at(2, i / 60), reading({ shockG: i })),
      ),
    );
    await started;
    await sync.settled();
    await sync.stop();
    const records = store
      .streams()
      .map((stream) => Object.values(store.vector(stream)).reduce((a, b) => a + b, 0))
      .reduce((a, b) => a + b, 0);
    const metrics = Object.values(store.vector("bigblue.metrics" as never)).reduce((a, b) => a + b, 0);
    expect(sync.records).toBeGreaterThanOrEqual(records - metrics);
    expect(sync.records).toBeLessThanOrEqual(records);
    expect(failures).toEqual([]);
  });
});

describe("a stream that cannot be read", () => {
  it("is named, does not hold up the others, and is tried again", async () => {
    const view = new FleetView();
    let isBroken = true;
    let announce: (committed: readonly Committed[]) => void = () => undefined;
    const failures: string[] = [];
    const sync = new FleetSync(
      {
        streams: () => ["bigblue.ships", "duckworks.containers"] as never[],
        readStream(stream) {
          if (isBroken && (stream as string) === "bigblue.ships") return Promise.reject(new Error("damaged block"));
          return Promise.resolve({ records: [], cursor: { v: 1, next: {} } });
        },
        onCommit(listener) {
          announce = listener;
          return () => undefined;
        },
      },
      view,
      (stream) => failures.push(stream),
    );
    await sync.start();
    expect(sync.isRebuilt).toBe(true);
    expect(failures).toEqual(["bigblue.ships"]);
    expect([...sync.failing]).toEqual([["bigblue.ships", "damaged block"]]);
    isBroken = false;
    announce([{ stream: "bigblue.ships" } as unknown as Committed]);
    await sync.settled();
    expect(sync.failing.size).toBe(0);
  });
});
