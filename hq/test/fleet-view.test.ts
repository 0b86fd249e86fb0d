import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StreamName } from "@landfall/streams/model/names";
import type { StoredRecord } from "@landfall/streams/model/record";
import { listAlerts } from "../src/view/alert-list.js";
import { FleetView } from "../src/view/fleet-view.js";
import { Perspective } from "../src/view/perspective.js";
import { record } from "./support/records.js";
import { at, DUCKS, OTHER_SHIP, PEARS, reading, SHIP } from "./support/world.js";

const names = (...streams: string[]) => new Set(streams as StreamName[]);
const surroundings = { shipName: () => undefined, lastLink: () => undefined };
const look = (view: FleetView, ...streams: string[]) => new Perspective(view, names(...streams), surroundings, "r");
const viewOf = (records: readonly StoredRecord[]): FleetView => {
  const view = new FleetView();
  for (const one of records) view.apply(one);
  return view;
};
/** Everything that a perspective shows. */
const shown = (view: FleetView, ...streams: string[]) => {
  const perspective = look(view, ...streams);
  return {
    containers: [...perspective.containers].sort(([a], [b]) => (a < b ? -1 : 1)),
    ships: perspective.ships(),
    alerts: listAlerts(view, perspective.readable, { limit: 100 }),
  };
};

const load = (time: string, vessel = SHIP) => ({ type: "LOAD", time, location: "JPTYO", vessel, voyage: "V1" });
const alert = (state: string, time: string, id = "a1") => ({
  id,
  type: "LOST",
  severity: "critical",
  state,
  container: DUCKS,
  time,
  latitude: -33,
  longitude: 153,
  message: "gone",
});

const VOYAGE: readonly StoredRecord[] = [
  record("duckworks.containers", DUCKS, at(1), reading({ latitude: 35, longitude: 139 })),
  record("duckworks.containers", DUCKS, at(2), load(at(2))),
  record("port.jptyo.events", DUCKS, at(2), load(at(2))),
  record("duckworks.containers", DUCKS, at(3), reading({ temperatureC: 9 })),
  record("duckworks.containers", DUCKS, at(4), { humidityPct: 60 }),
  record("bigblue.ships", `${SHIP}.position`, at(2), { latitude: 35.5, longitude: 139.5 }),
  record("bigblue.ships", `${SHIP}.position`, at(5), { latitude: 30, longitude: 141, speedKn: 17 }),
  record("bigblue.ships", `${SHIP}.environment`, at(4), { humidityPct: 90 }),
  record("bigblue.ships", `${SHIP}.events`, at(1), { type: "ARRI", time: at(1), location: "JPTYO" }),
  record("bigblue.ships", `${SHIP}.events`, at(3), { type: "DEPA", time: at(3), location: "JPTYO", nextPort: "AUSYD" }),
  record("duckworks.alerts", DUCKS, at(6), alert("raised", at(6))),
  record("duckworks.alerts", DUCKS, at(7), alert("cleared", at(7))),
  record("duckworks.alerts", DUCKS, at(8), alert("raised", at(8), "a2")),
  record("polarfoods.containers", PEARS, at(2), reading({ powered: false })),
];

describe("the fleet view", () => {
  it("is the same whatever order its records come in, however often", () => {
    const everything = [...new Set(VOYAGE.map(({ stream }) => stream))];
    const expected = shown(viewOf(VOYAGE), ...everything);
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...VOYAGE], { minLength: VOYAGE.length }),
        fc.subarray([...VOYAGE]),
        (all, again) => {
          expect(shown(viewOf([...all, ...again]), ...everything)).toEqual(expected);
          for (const streams of [
            ["duckworks.containers"],
            ["duckworks.containers", "duckworks.alerts"],
            ["port.jptyo.events"],
          ]) {
            expect(shown(viewOf([...all, ...again]), ...streams)).toEqual(shown(viewOf(VOYAGE), ...streams));
          }
        },
      ),
    );
  });

  it("is not pushed back by what arrives late, and keeps what the newest reading does not say", () => {
    const view = viewOf(VOYAGE);
    const { containers } = look(view, "duckworks.containers");
    expect(containers.get(DUCKS)).toMatchObject({
      status: "out-of-range",
      time: at(4),
      latitude: 35,
      measurements: { temperatureC: 9, humidityPct: 60 },
      vessel: SHIP,
      lastEvent: { type: "LOAD" },
    });
    const perspective = look(view, "duckworks.containers");
    view.apply(record("duckworks.containers", DUCKS, at(2, 12), reading({ temperatureC: -20, batteryPct: 50 })));
    perspective.refresh();
    expect(perspective.containers.get(DUCKS)).toMatchObject({
      time: at(4),
      measurements: { temperatureC: 9, batteryPct: 50 },
    });
  });

  it("takes the newest of histories and thinned copies (R7), whichever comes first", () => {
    const copy = record("duckworks.latest", DUCKS, at(9), { time: at(9), temperatureC: 11 });
    const late = record("duckworks.containers", DUCKS, at(10), reading({ temperatureC: 12 }));
    const both = (records: readonly StoredRecord[]) =>
      look(viewOf(records), "duckworks.containers", "duckworks.latest").containers.get(DUCKS);
    const ahead = { owner: "duckworks", time: at(9), measurements: { temperatureC: 11, humidityPct: 60 } };
    expect(both([...VOYAGE, copy])).toMatchObject(ahead);
    expect(both([copy, ...VOYAGE])).toMatchObject(ahead);
    expect(both([...VOYAGE, copy, late])).toMatchObject({ time: at(10), measurements: { temperatureC: 12 } });
    // Of a ship whose histories are still on board, the copy is all there is.
    expect(both([copy])).toMatchObject({ owner: "duckworks", time: at(9), measurements: { temperatureC: 11 } });
  });

  it("is merged from the readable streams alone", () => {
    const view = viewOf(VOYAGE);
    const bare = look(view, "duckworks.containers").containers.get(DUCKS);
    const alarmed = look(view, "duckworks.containers", "duckworks.alerts").containers.get(DUCKS);
    expect(bare).toMatchObject({ status: "out-of-range", vessel: SHIP });
    expect(alarmed).toMatchObject({ status: "lost", latitude: -33, longitude: 153 });
    expect(alarmed).not.toHaveProperty("vessel");
    expect(look(view, "polarfoods.containers").containers.has(DUCKS)).toBe(false);
    expect(look(view).containers.size).toBe(0);
    const port = look(view, "port.jptyo.events").containers.get(DUCKS);
    expect(port).toMatchObject({ owner: "", status: "unknown", vessel: SHIP, measurements: {} });
    expect(port).not.toHaveProperty("latitude");
  });

  it("an open alert decides the state until it is closed, for who may read it, whatever is measured meanwhile", () => {
    const streams = ["duckworks.containers", "duckworks.alerts"];
    const told = {
      LOST: "lost",
      SILENT: "unknown",
      OUT_OF_RANGE: "out-of-range",
      NO_POWER: "no-power",
      DOOR_OPEN: "door-open",
    };
    for (const [type, status] of [...Object.entries(told), ["SHOCK", "fine"] as const]) {
      const word = (state: string, day: number) =>
        record("duckworks.alerts", DUCKS, at(day), { ...alert(state, at(day), type), type });
      const view = viewOf([word("raised", 2), record("duckworks.containers", DUCKS, at(3), reading())]);
      const [all, bare] = [look(view, ...streams), look(view, "duckworks.containers")];
      const statuses = () => [all, bare].map((one) => one.refresh().containers.get(DUCKS)?.status);
      expect(statuses(), type).toEqual([status, "fine"]);
      // Worse readings are heard all the same, better ones are not.
      view.apply(record("duckworks.containers", DUCKS, at(4), reading({ powered: false })));
      expect(statuses(), type).toEqual([status === "lost" ? "lost" : "no-power", "no-power"]);
      view.apply(record("duckworks.containers", DUCKS, at(5), reading()));
      expect(statuses(), type).toEqual([status, "fine"]);
      view.apply(word("cleared", 6));
      expect(statuses(), type).toEqual(["fine", "fine"]);
    }
  });

  it("what is lost reports again where it is now, aboard when its loss is over", () => {
    const back = record("duckworks.containers", DUCKS, at(9), reading({ latitude: -34, longitude: 154 }));
    const view = viewOf([...VOYAGE, back]);
    const perspective = look(view, "duckworks.containers", "duckworks.alerts");
    expect(perspective.containers.get(DUCKS)).toMatchObject({ status: "lost", latitude: -34, longitude: 154 });
    view.apply(record("duckworks.alerts", DUCKS, at(10), alert("cleared", at(10), "a2")));
    expect(perspective.refresh().containers.get(DUCKS)).toMatchObject({ status: "fine", vessel: SHIP, latitude: -34 });
  });

  it("a container of which only alerts are known is as of the newest of them, in whatever order they came", () => {
    const words = ["a1", "a2", "a3"].flatMap((id, i) => [
      record("duckworks.alerts", DUCKS, at(10 + i), alert("raised", at(10 + i), id)),
      record("duckworks.alerts", DUCKS, at(20 + i), alert("cleared", at(20 + i), id)),
    ]);
    fc.assert(
      fc.property(fc.shuffledSubarray(words, { minLength: words.length }), (all) => {
        const state = look(viewOf(all), "duckworks.alerts").containers.get(DUCKS);
        expect(state).toMatchObject({ status: "unknown", time: at(22) });
      }),
    );
  });

  it("takes nothing from what is broken or of another kind", () => {
    const view = viewOf([
      record("duckworks.containers", DUCKS, at(1), "{ not json"),
      record("duckworks.containers", DUCKS, at(1), "[1]"),
      record("duckworks.containers", "not-a-container", at(1), reading()),
      record("duckworks.containers", DUCKS, at(1), { type: "STUF" }),
      record("bigblue.ships", `${SHIP}.weather`, at(1), reading()),
      record("bigblue.ships", "1234568.position", at(1), reading()),
      record("duckworks.alerts", DUCKS, at(1), { ...alert("raised", at(1)), type: "WET" }),
      record("duckworks.alerts", DUCKS, at(1), { ...alert("raised", at(1)), container: "anything" }),
      record("duckworks.somethingelse", DUCKS, at(1), reading()),
    ]);
    expect(view.containers.size + view.ships.size + view.alerts.size).toBe(0);
    expect(view.skipped).toBe(8);
  });
});

describe("how far from its set point a container may be", () => {
  const aboard = [
    record("duckworks.containers", DUCKS, at(2), load(at(2))),
    record("duckworks.containers", DUCKS, at(3), reading({ temperatureC: 5 })),
    record("duckworks.containers", PEARS, at(3), reading({ temperatureC: 5 })),
    record("bigblue.settings", "rules.onboard", at(1), {}),
  ];
  /** Of one company's ships, and 3 °C ashore; who reads its settings knows. */
  class Tolerance {
    version = 0;
    aboardC = 0.5;
    of = (vessel: string | undefined, readable: ReadonlySet<string>) =>
      vessel === SHIP && readable.has("bigblue.settings") ? this.aboardC : 3;
  }
  const lookBy = (rangeTolerance: Tolerance, view: FleetView, ...streams: string[]) =>
    new Perspective(view, names(...streams), { ...surroundings, rangeTolerance }, "r");
  const statuses = (perspective: Perspective) =>
    [DUCKS, PEARS].map((container) => perspective.refresh().containers.get(container)?.status);

  it("is what the rules say that may be read, and the default for everybody else", () => {
    const view = viewOf(aboard);
    const rules = new Tolerance();
    const carrier = lookBy(rules, view, "duckworks.containers", "bigblue.settings");
    const customer = lookBy(rules, view, "duckworks.containers");
    expect(statuses(carrier)).toEqual(["out-of-range", "fine"]);
    expect(statuses(customer)).toEqual(["fine", "fine"]);
    // Rules that change make those containers anew that they concern, and no change for anybody else.
    const [before, unchanged] = [carrier.changes.last, customer.changes.last];
    Object.assign(rules, { version: 1, aboardC: 2 });
    expect(statuses(carrier)).toEqual(["fine", "fine"]);
    expect([...carrier.changes.since(before)]).toMatchObject([{ kind: "container", id: DUCKS }]);
    expect(customer.refresh().changes.last).toBe(unchanged);
    Object.assign(rules, { version: 2, aboardC: 0.5 });
    expect(statuses(carrier)).toEqual(["out-of-range", "fine"]);
  });

  it("counts from the moment on at which the rules may be read", () => {
    const [settings, ...others] = aboard.toReversed();
    const view = viewOf(others);
    const perspective = lookBy(new Tolerance(), view, "duckworks.containers");
    expect(statuses(perspective)).toEqual(["fine", "fine"]);
    view.apply(settings as StoredRecord);
    expect(perspective.grow(["bigblue.settings" as StreamName])).toBe(true);
    expect(statuses(perspective)).toEqual(["out-of-range", "fine"]);
  });
});

describe("ships by their cargo", () => {
  const position = (day: number, latitude: number, ship = SHIP) =>
    record("bigblue.ships", `${ship}.position`, at(day), { latitude, longitude: 150, speedKn: 12, temperatureC: 31 });
  const disc = (day: number) =>
    record("duckworks.containers", DUCKS, at(day), { type: "DISC", time: at(day), location: "AUSYD" });
  const loaded = (day: number) => record("duckworks.containers", DUCKS, at(day), load(at(day)));
  const duck = ["duckworks.containers", "duckworks.alerts", "duckworks.settings"];

  it("who has cargo aboard sees the position, and nothing else of the ship", () => {
    const view = viewOf([
      loaded(2),
      position(3, 10),
      record("bigblue.ships", `${SHIP}.environment`, at(3), { humidityPct: 1 }),
    ]);
    const [ship] = look(view, ...duck).ships();
    expect(ship).toEqual({
      imo: SHIP,
      name: `IMO ${SHIP}`,
      time: at(3),
      knownSince: at(3),
      latitude: 10,
      longitude: 150,
      speedKn: 12,
      voyage: "V1",
      containersAboard: 1,
    });
  });

  it("not the position of before loading, nor after discharge", () => {
    expect(look(viewOf([position(1, 5), loaded(2)]), ...duck).ships()).toEqual([
      { imo: SHIP, name: `IMO ${SHIP}`, voyage: "V1", containersAboard: 1 },
    ]);
    const view = viewOf([position(1, 5), loaded(2), disc(4), position(5, 20)]);
    expect(look(view, ...duck).ships()).toEqual([]);
    expect(look(view, ...duck).ship(SHIP)?.state).not.toHaveProperty("latitude");
    expect(look(view, ...duck).cargoOn(SHIP).spans).toEqual([{ from: Date.parse(at(2)), to: Date.parse(at(4)) }]);
  });

  it("nor after the booking ended, or the cargo went over the side", () => {
    const booking = { kind: "booking", container: DUCKS, owner: "duckworks", from: at(1), to: at(3) };
    const booked = record("duckworks.settings", `booking.${DUCKS}.${Date.parse(at(1))}`, at(1), booking);
    const ended = viewOf([booked, loaded(2), position(4, 20)]);
    expect(look(ended, ...duck).ships()).toEqual([]);
    const lost = viewOf([loaded(2), record("duckworks.alerts", DUCKS, at(3), alert("raised", at(3))), position(4, 20)]);
    expect(look(lost, ...duck).ships()).toEqual([]);
    expect(look(viewOf([loaded(2), position(4, 20)]), ...duck).ships()).toHaveLength(1);
  });

  it("a port authority has no cargo: it sees who lies in its port", () => {
    const view = viewOf([
      record("port.ausyd.events", DUCKS, at(2), { type: "LOAD", time: at(2), location: "AUSYD", vessel: SHIP }),
      position(3, 10),
    ]);
    expect(look(view, "port.ausyd.events").ships()).toEqual([]);
    expect(look(view, "port.ausyd.events").ship(SHIP)).toBeUndefined();
    view.apply(record("port.ausyd.events", SHIP, at(2), { type: "ARRI", time: at(2), location: "AUSYD" }));
    expect(look(view, "port.ausyd.events").ships()).toMatchObject([
      { imo: SHIP, docked: "AUSYD", latitude: -33.968, longitude: 151.218, time: at(2), containersAboard: 1 },
    ]);
    view.apply(record("port.ausyd.events", SHIP, at(4), { type: "DEPA", time: at(4), location: "AUSYD" }));
    expect(look(view, "port.ausyd.events").ships()).toEqual([]);
  });

  it("where no ship's stream is held, a ship is where the cargo aboard reports from", () => {
    const view = viewOf([
      loaded(2),
      record("duckworks.containers", DUCKS, at(3), reading({ latitude: 7, longitude: 8 })),
    ]);
    const perspective = look(view, ...duck);
    expect(perspective.ships()).toMatchObject([{ imo: SHIP, latitude: 7, longitude: 8, time: at(3) }]);
    const before = perspective.changes.last;
    view.apply(record("duckworks.containers", DUCKS, at(4), reading({ latitude: 9, longitude: 8 })));
    const changed = [...perspective.refresh().changes.since(before)].map(({ kind, id }) => `${kind} ${id}`);
    expect(changed).toEqual([`container ${DUCKS}`, `ship ${SHIP}`]);
  });

  it("changes that cannot be seen are not noticed either", () => {
    const view = viewOf([loaded(2), position(3, 10), position(3, 1, OTHER_SHIP)]);
    const perspective = look(view, ...duck);
    const before = perspective.changes.last;
    view.apply(record("bigblue.ships", `${SHIP}.environment`, at(4), { humidityPct: 3 }));
    view.apply(record("bigblue.ships", `${SHIP}.events`, at(4), { type: "ARRI", time: at(4), location: "AUSYD" }));
    view.apply(record("polarfoods.containers", DUCKS, at(4), reading()));
    view.apply(record("polarfoods.alerts", PEARS, at(4), { ...alert("raised", at(4)), container: PEARS }));
    view.apply(position(4, 2, OTHER_SHIP));
    expect(perspective.refresh().changes.last).toBe(before);
    view.apply(position(5, 11));
    expect([...perspective.refresh().changes.since(before)]).toMatchObject([{ kind: "ship", id: SHIP }]);
  });
});
