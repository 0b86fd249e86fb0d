import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { originId, type StreamName } from "@landfall/streams/model/names";
import type { Cursor, StoredRecord } from "@landfall/streams/model/record";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listAlerts } from "../src/view/alert-list.js";
import { FleetSync } from "../src/view/fleet-sync.js";
import { FleetView } from "../src/view/fleet-view.js";
import { Perspective } from "../src/view/perspective.js";
import { ViewCheckpoint } from "../src/view/view-checkpoint.js";
import { RecordStore } from "./support/record-store.js";
import { record } from "./support/records.js";
import { at, containerNumber, DUCKS, LOST_DUCKS, OTHER_SHIP, reading, SHIP } from "./support/world.js";

const RUNS = 60;

/** A headquarters' view of a store, with what it keeps in a file. */
class Start {
  readonly view = new FleetView();
  readonly problems: unknown[] = [];
  readonly checkpoint: ViewCheckpoint;
  readonly sync: FleetSync;

  constructor(store: RecordStore, path: string | undefined) {
    const onError = (error: unknown) => this.problems.push(error);
    this.checkpoint = new ViewCheckpoint({ path: path ?? "", store, env: { monotonic: () => 0 }, onError });
    const kept = path === undefined ? [] : ([this.checkpoint] as const);
    this.sync = new FleetSync(store, this.view, (_stream, error) => onError(error), ...kept);
  }

  static async of(store: RecordStore, path?: string): Promise<Start> {
    const start = new Start(store, path);
    await start.sync.start();
    return start;
  }
}

/** Everything that a view knows, but for in what order it came to know it. */
const stateOf = ({ containers, ships, loadedOn, alerts, bookings, statuses }: FleetView) => ({
  containers,
  ships,
  loadedOn,
  alerts,
  bookings,
  statuses,
});

/** Everything that somebody sees who may read these streams. */
const shownOf = (view: FleetView, streams: readonly string[]) => {
  const surroundings = { shipName: () => undefined, lastLink: () => undefined };
  const perspective = new Perspective(view, new Set(streams as StreamName[]), surroundings, "r");
  return {
    containers: perspective.containers,
    ships: perspective.ships(),
    spans: [SHIP, OTHER_SHIP].map((imo) => perspective.cargoOn(imo).spans),
    alerts: listAlerts(view, perspective.readable, { limit: 100 }),
  };
};

const CONTAINERS = [DUCKS, LOST_DUCKS, containerNumber("DUCU", 3)];
const SHIPS = [SHIP, OTHER_SHIP];
const ORIGINS = [originId("tokyo.a~1"), originId("ship-9321483.a~1")];

/** One record of any kind: of few things, few moments and few origins, so that most are late, or said of the same. */
const someRecord = fc
  .record({
    kind: fc.nat({ max: 11 }),
    thing: fc.nat({ max: 2 }),
    day: fc.integer({ min: 1, max: 9 }),
    which: fc.nat({ max: 3 }),
    origin: fc.constantFrom(...ORIGINS),
    value: fc.integer({ min: -9, max: 9 }),
  })
  .map(({ kind, thing, day, which, origin, value }): StoredRecord => {
    const container = CONTAINERS[thing] as string;
    const ship = SHIPS[thing % 2] as string;
    const time = at(day);
    const move = {
      type: ["LOAD", "DISC", "GTIN", "GTOT"][which],
      time,
      location: "JPTYO",
      ...(which < 2 && { vessel: ship, voyage: `V${value}` }),
    };
    const call = { type: which < 2 ? "ARRI" : "DEPA", time, location: "JPTYO", nextPort: "AUSYD" };
    const measured = [
      reading({ temperatureC: value }),
      { humidityPct: 50 + value, doorOpen: value > 0 },
      { latitude: value, longitude: day },
      { powered: value < 0, batteryPct: 50 },
    ][which] as object;
    const id = `${container}-${which}`;
    const type = ["LOST", "SILENT", "OUT_OF_RANGE", "SHOCK"][which];
    const word = { id, type, severity: "warning", container, time, message: "m", latitude: value, longitude: 1 };
    const made = (): readonly [string, string, object | string] => {
      switch (kind) {
        case 0:
        case 1:
          return ["duckworks.containers", container, measured];
        case 2:
          return ["duckworks.containers", container, move];
        case 3:
          return ["port.jptyo.events", container, move];
        case 4:
          return ["duckworks.latest", container, measured];
        case 5:
          return ["duckworks.alerts", container, { ...word, state: value > 0 ? "raised" : "cleared" }];
        case 6:
          return ["duckworks.alerts", container, { ...word, state: "acknowledged", by: "ops", message: `${value}` }];
        case 7:
          return ["bigblue.ships", `${ship}.${which < 2 ? "position" : "environment"}`, measured];
        case 8:
          return [which < 2 ? "bigblue.ships" : "port.jptyo.events", which < 2 ? `${ship}.events` : ship, call];
        case 9:
          return [
            "duckworks.settings",
            `booking.${container}.${which}`,
            { kind: "booking", container, owner: "duckworks", from: at(which + 1), ...(value > 0 && { to: time }) },
          ];
        case 10:
          return ["bigblue.metrics", `tokyo.${which}`, { kind: "status", uptimeSeconds: value }];
        default:
          return ["bigblue.settings", "rules.onboard", "{ no json"];
      }
    };
    const [stream, topic, said] = made();
    return { ...record(stream, topic, time, said), origin };
  });

describe("what is kept of the fleet view", () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "landfall-view-"));
    path = join(folder, "view");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Stores records, keeps what they say as if the process ended, and returns the store. */
  const kept = async (records: readonly StoredRecord[]): Promise<RecordStore> => {
    const store = new RecordStore();
    store.add(...records);
    const before = await Start.of(store, path);
    await before.sync.stop();
    expect(before.problems).toEqual([]);
    return store;
  };
  const many = (length: number): StoredRecord[] =>
    Array.from({ length }, (_, i) =>
      record("duckworks.containers", containerNumber("DUCU", i % 500), at(1, i), reading({ temperatureC: i % 30 })),
    );

  it("and what came since gives the very state of reading everything, late or not, also when the oldest expired", async () => {
    const world = fc.record({
      before: fc.array(someRecord, { maxLength: 60 }),
      after: fc.array(someRecord, { maxLength: 20 }),
      expiredPercent: fc.constantFrom(0, 0, 30, 100),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ before, after, expiredPercent }) => {
        await rm(path, { force: true });
        const store = await kept(before);
        for (const { stream, origin, length } of store.lengths()) {
          store.expire(stream, origin, Math.floor((length * expiredPercent) / 100));
        }
        store.add(...after);
        const shortcut = await Start.of(store, path);
        const everything = await Start.of(store);
        expect(stateOf(shortcut.view)).toEqual(stateOf(everything.view));
        expect([...shortcut.view.streams.keys()]).toEqual(expect.arrayContaining([...everything.view.streams.keys()]));
        const all = store.streams();
        for (const streams of [all, ["duckworks.containers", "duckworks.settings"], ["duckworks.alerts"]]) {
          expect(shownOf(shortcut.view, streams)).toEqual(shownOf(everything.view, streams));
        }
        expect(shortcut.problems).toEqual([]);
        await shortcut.sync.stop();
        await everything.sync.stop();
      }),
      { numRuns: RUNS },
    );
  });

  it("is shown after a restart when no more of a long history was read than came since", async () => {
    const store = await kept(many(5_000));
    store.readRecords = 0;
    store.add(record("duckworks.containers", DUCKS, at(200), reading({ temperatureC: -7 })));
    const { view, sync } = await Start.of(store, path);
    expect([store.readRecords, sync.records]).toEqual([1, 1]);
    const { containers } = shownOf(view, ["duckworks.containers"]);
    expect(containers.size).toBe(500);
    expect(containers.get(DUCKS)).toMatchObject({ time: at(200), measurements: { temperatureC: -7 } });
    await sync.stop();
  });

  it("may be written while the view goes on changing: what came meanwhile is read again, and counts once", async () => {
    const store = new RecordStore();
    store.add(...many(3_000));
    const { view, sync } = await Start.of(store);
    const cursors = new Map<StreamName, Cursor>();
    for (const stream of store.streams())
      cursors.set(stream, (await store.readStream(stream, undefined, 9_999)).cursor);
    const elsewhere = new ViewCheckpoint({
      path,
      store,
      env: { monotonic: () => 0 },
      onError: (error) => expect(error).toBeUndefined(),
    });
    const written = elsewhere.write(view, cursors);
    const move = record("duckworks.containers", DUCKS, at(300), { type: "LOAD", time: at(300), vessel: SHIP });
    store.add(move, record("bigblue.ships", `${SHIP}.position`, at(300), { latitude: 1, longitude: 2 }));
    await sync.settled();
    await written;
    const again = await Start.of(store, path);
    expect(stateOf(again.view)).toEqual(stateOf(view));
    expect(again.sync.records).toBe(2);
    await again.sync.stop();
    await sync.stop();
  });

  it("is written on the way now and then, so that a crash costs little", async () => {
    const store = new RecordStore();
    store.add(...many(100));
    const view = new FleetView();
    let written = 0;
    let isDue = false;
    const sync = new FleetSync(store, view, () => undefined, {
      restore: () => Promise.resolve(new Map()),
      isDue: () => isDue,
      write: () => Promise.resolve(void written++),
    });
    await sync.start();
    expect(written).toBe(0);
    isDue = true;
    store.add(...many(1));
    await sync.settled();
    expect(written).toBe(1);
    // Nothing came since: there is nothing to keep.
    await sync.stop();
    expect(written).toBe(1);
  });

  it.each<[string, (store: RecordStore) => Promise<void>, number]>([
    ["there is none", () => rm(path), 0],
    [
      "a byte of it is another",
      async () => {
        const bytes = await readFile(path);
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
        await writeFile(path, bytes);
      },
      1,
    ],
    ["it was cut", async () => writeFile(path, (await readFile(path)).subarray(0, -40)), 1],
    ["a line is lacking", async () => writeFile(path, (await readFile(path, "utf8")).replace(/\n[^\n]*\n/u, "\n")), 1],
    [
      "it is of another node, or of this one before its folder was copied",
      (store) => Promise.resolve(void (store.origin = originId("los-angeles.a~2"))),
      0,
    ],
  ])("is no more than a shortcut: everything is read where %s", async (_what, spoil, problems) => {
    const store = await kept(many(2_500));
    await spoil(store);
    store.readRecords = 0;
    const spoiled = await Start.of(store, path);
    expect(store.readRecords).toBe(2_500);
    expect(spoiled.problems).toHaveLength(problems);
    expect(stateOf(spoiled.view)).toEqual(stateOf((await Start.of(store)).view));
    await spoiled.sync.stop();
  });

  it("does not show what has expired since, but what is left of its topic, also what came late and was not the newest", async () => {
    const newest = record("duckworks.containers", DUCKS, at(9), reading({ temperatureC: 9 }));
    const late = record("duckworks.containers", DUCKS, at(1), reading({ temperatureC: 1 }));
    const gone = record("duckworks.latest", LOST_DUCKS, at(9), reading());
    const store = await kept([newest, late, gone]);
    for (const { stream, origin } of [newest, gone]) store.expire(stream, origin, 1);
    const { view, sync } = await Start.of(store, path);
    const { containers } = shownOf(view, store.streams());
    expect([...containers.keys()]).toEqual([DUCKS]);
    expect(containers.get(DUCKS)).toMatchObject({ time: at(1), measurements: { temperatureC: 1 } });
    await sync.stop();
  });

  it("is written as ever: whoever changes that, or what records are folded into, raises its format", async () => {
    const place = { offset: 1_024 };
    await kept([
      record("duckworks.containers", DUCKS, at(1), { temperatureC: 4, latitude: 1, longitude: 2 }, place),
      record("duckworks.containers", DUCKS, at(2), { humidityPct: 60 }, place),
      record(
        "duckworks.containers",
        DUCKS,
        at(2),
        { type: "LOAD", location: "JPTYO", vessel: SHIP, voyage: "V1" },
        place,
      ),
      record("bigblue.ships", `${SHIP}.position`, at(3), { latitude: 3, longitude: 4 }, place),
    ]);
    expect(await readFile(path, "utf8")).toMatchInlineSnapshot(`
      "9b81269e {"format":1,"origin":"los-angeles.a~1","cursors":{"bigblue.ships":{"v":1,"next":{"tokyo.a~1":1}},"duckworks.containers":{"v":1,"next":{"tokyo.a~1":3}}},"skipped":0}
      2e777f9d {"kind":"container","stream":"duckworks.containers","container":"DUCU0000017","latest":{"time":1767312000000,"offset":1024,"origin":"tokyo.a~1","seq":1,"arrived":1767312000000,"measurements":{"humidityPct":60},"older":{"temperatureC":{"time":1767225600000,"offset":1024,"origin":"tokyo.a~1","seq":0,"value":4},"latitude":{"time":1767225600000,"offset":1024,"origin":"tokyo.a~1","seq":0,"value":1},"longitude":{"time":1767225600000,"offset":1024,"origin":"tokyo.a~1","seq":0,"value":2}}},"moves":[{"time":1767312000000,"offset":1024,"origin":"tokyo.a~1","seq":2,"arrived":1767312000000,"type":"LOAD","location":"JPTYO","vessel":"9321483","voyage":"V1"}]}
      9a7fa39c {"kind":"ship","stream":"bigblue.ships","imo":"9321483","moves":[],"position":{"time":1767398400000,"offset":1024,"origin":"tokyo.a~1","seq":0,"arrived":1767398400000,"measurements":{"latitude":3,"longitude":4}}}
      51769f2a {"end":3}
      "
    `);
  });

  it("is left aside where the store was set back behind it: what it speaks of may never have happened", async () => {
    await kept(many(10));
    const setBack = new RecordStore();
    setBack.add(...many(9));
    const { view, sync } = await Start.of(setBack, path);
    expect(sync.records).toBe(9);
    expect(view.containers.size).toBe(9);
    await sync.stop();
  });
});
