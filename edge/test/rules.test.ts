import type { Measurements } from "@landfall/proto/api";
import { describe, expect, test } from "vitest";
import { initialState, type AlertChange, type RuleEvent, type RulesInForce } from "../src/rules/rules-state.js";
import { RulesSettingsSchema } from "@landfall/streams/settings/onboard-rules";
import { step } from "../src/rules/step.js";
import { Value } from "typebox/value";

const SETTINGS: RulesInForce = Value.Default(RulesSettingsSchema, {}) as RulesInForce;
const MIN = 60_000;
const T0 = Date.UTC(2026, 2, 1);
const WALL0 = Date.UTC(2026, 10, 1);
const DUCKS = "DUCK0000010";

/** A ship and its clocks: event time runs as fast as the test likes, our own clock only when told. */
class Ship {
  readonly state = initialState("9321483", WALL0);
  readonly alerts: AlertChange[] = [];
  wall = WALL0;
  settings = SETTINGS;

  tell(event: RuleEvent): AlertChange[] {
    const changes = step(this.state, event, this.settings);
    this.alerts.push(...changes);
    return changes;
  }
  load(container: string, minute = 0): void {
    this.tell({ type: "move", container, move: "LOAD", time: T0 + minute * MIN });
  }
  discharge(container: string, minute: number): AlertChange[] {
    return this.tell({ type: "move", container, move: "DISC", time: T0 + minute * MIN });
  }
  read(
    container: string,
    minute: number,
    measurements: Measurements = { temperatureC: 20 },
    via = "gateway",
  ): AlertChange[] {
    return this.tell({ type: "reading", container, time: T0 + minute * MIN, wall: this.wall, via, measurements });
  }
  tick(seconds = 0): AlertChange[] {
    this.wall += seconds * 1_000;
    return this.tell({ type: "tick", wall: this.wall });
  }
  get raised(): string[] {
    return this.alerts.filter(({ state }) => state === "raised").map(({ type, container }) => `${type} ${container}`);
  }
}

const OTHERS = ["AAAU0000001", "AAAU0000002", "AAAU0000003", "AAAU0000004"];

/** All report every 15 minutes, a second of our clock apart, from minute `from` on, before minute `to`. */
function sail(ship: Ship, from: number, to: number, containers: readonly string[], via?: string): void {
  for (let minute = from; minute < to; minute += 15) {
    ship.wall += 1_000;
    for (const container of containers) ship.read(container, minute, undefined, via);
    ship.tick();
  }
}

function loaded(containers: readonly string[]): Ship {
  const ship = new Ship();
  for (const container of containers) ship.load(container);
  return ship;
}

describe("lost", () => {
  test("silent for 45 minutes while the others report, and two seconds of our clock: raised once", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    sail(ship, 0, 60, [...OTHERS, DUCKS]);
    sail(ship, 60, 105, OTHERS);
    expect(ship.raised).toEqual([]);
    sail(ship, 105, 200, OTHERS);
    expect(ship.raised).toEqual([`LOST ${DUCKS}`]);
    expect(ship.alerts[0]).toMatchObject({
      id: `${DUCKS}-LOST-${T0 + 45 * MIN}`,
      severity: "critical",
      vessel: "9321483",
      evidence: { lastSeen: new Date(T0 + 45 * MIN).toISOString(), temperatureC: 20 },
    });
    expect(ship.alerts[0]?.message).toContain("4 others aboard still report");
  });

  test("after a fall, twenty minutes are enough", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    sail(ship, 0, 60, [...OTHERS, DUCKS]);
    ship.read(DUCKS, 50, { tiltDeg: 95, latitude: -34, longitude: 152 });
    sail(ship, 60, 75, OTHERS);
    expect(ship.tick(10)).toEqual([]);
    sail(ship, 75, 90, OTHERS);
    expect(ship.alerts.filter(({ type }) => type === "LOST")).toMatchObject([
      { type: "LOST", container: DUCKS, latitude: -34, longitude: 152 },
    ]);
  });

  test("what was discharged, or was never loaded, is not missed", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    sail(ship, 0, 60, [...OTHERS, DUCKS, "ZZZU0000001"]);
    ship.discharge(DUCKS, 61);
    sail(ship, 60, 300, OTHERS);
    expect(ship.raised).toEqual([]);
  });

  test("one that was loaded and never spoke has no sensor to fall silent", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    sail(ship, 0, 300, OTHERS);
    expect(ship.raised).toEqual([]);
  });

  test("when all fall silent, the gateway is the reason and nobody is lost", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    sail(ship, 0, 60, [...OTHERS, DUCKS]);
    expect(ship.tick(86_400)).toEqual([]);
  });

  test("when one of two gateways is away, what reports through it is not lost, and its buffer clears the matter", () => {
    const forward = OTHERS;
    const aft = ["BBBU0000001", "BBBU0000002", "BBBU0000003", DUCKS];
    const ship = loaded([...forward, ...aft]);
    for (let minute = 0; minute < 60; minute += 15) {
      sail(ship, minute, minute + 1, forward, "forward");
      sail(ship, minute, minute + 1, aft, "aft");
    }
    sail(ship, 60, 600, forward, "forward");
    expect(ship.raised).toEqual([]);
    // It comes back and hands over container by container, for longer than the settling time.
    ship.tell({ type: "connected", client: "aft", wall: ship.wall });
    for (const container of aft) {
      for (let minute = 60; minute < 600; minute += 15) {
        ship.wall += 40;
        ship.read(container, minute, undefined, "aft");
        ship.tick();
      }
    }
    sail(ship, 600, 700, forward, "forward");
    expect(ship.raised).toEqual([]);
  });

  test("one lost behind a gateway that has a new name since is still missed", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    sail(ship, 0, 60, [...OTHERS, DUCKS], "gateway-1");
    sail(ship, 60, 200, OTHERS, "gateway-2");
    expect(ship.raised).toEqual([`LOST ${DUCKS}`]);
  });

  test("several lost at once are all missed", () => {
    const lost = ["DUCU0000001", "DUCU0000002", "DUCU0000003"];
    const ship = loaded([...OTHERS, ...lost]);
    sail(ship, 0, 60, [...OTHERS, ...lost]);
    sail(ship, 60, 200, OTHERS);
    expect(ship.raised.sort()).toEqual(lost.map((container) => `LOST ${container}`));
  });

  test("one that reports again is no longer lost, and may be lost again", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    sail(ship, 0, 60, [...OTHERS, DUCKS]);
    sail(ship, 60, 200, OTHERS);
    sail(ship, 200, 230, [...OTHERS, DUCKS]);
    expect(ship.alerts.map(({ type, state }) => `${type} ${state}`)).toEqual(["LOST raised", "LOST cleared"]);
    expect(ship.alerts[1]?.id).toBe(ship.alerts[0]?.id);
    sail(ship, 230, 400, OTHERS);
    expect(ship.raised).toHaveLength(2);
    expect(new Set(ship.alerts.map(({ id }) => id)).size).toBe(2);
  });

  test("one that reports every two hours is given its time", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    for (let minute = 0; minute < 1_200; minute += 15) {
      sail(ship, minute, minute + 1, minute % 120 === 0 ? [...OTHERS, DUCKS] : OTHERS);
    }
    expect(ship.raised.filter((one) => one.includes(DUCKS) && one !== `LOST ${DUCKS}`)).toEqual([]);
    sail(ship, 1_200, 1_600, OTHERS);
    expect(ship.raised).toContain(`LOST ${DUCKS}`);
  });

  test("after a start of this node nobody is missed before the gateways had time to come back", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    // Read back from the store: through whom is not known.
    for (const container of [...OTHERS, DUCKS]) {
      ship.tell({ type: "reading", container, time: T0, wall: WALL0 - 10_000, measurements: { temperatureC: 20 } });
    }
    sail(ship, 60, 300, OTHERS);
    expect(ship.wall - WALL0).toBeLessThan(30_000);
    expect(ship.raised).toEqual([]);
    expect(ship.tick(30)).toMatchObject([{ type: "LOST", container: DUCKS }]);
  });
});

describe("silent", () => {
  const AFT = ["BBBU0000001", "BBBU0000002", "BBBU0000003", "BBBU0000004"];
  const at = (ship: Ship, minute: number) =>
    ship.tell({ type: "position", time: T0 + minute * MIN, latitude: -33, longitude: 151 });

  test("a gateway that is away for twelve hours of the ship's time: its containers are silent, not lost, until it hands over", () => {
    const ship = loaded([...OTHERS, ...AFT]);
    for (let minute = 0; minute < 60; minute += 15) {
      sail(ship, minute, minute + 1, OTHERS, "forward");
      sail(ship, minute, minute + 1, AFT, "aft");
    }
    sail(ship, 60, 45 + 720, OTHERS, "forward");
    at(ship, 45 + 720);
    expect(ship.tick()).toEqual([]);
    at(ship, 45 + 721);
    ship.tick();
    ship.tick(60);
    expect(ship.raised.sort()).toEqual(AFT.map((container) => `SILENT ${container}`));
    expect(ship.alerts[0]).toMatchObject({
      id: `${AFT[0]}-SILENT-${T0 + 45 * MIN}`,
      severity: "warning",
      rule: { limits: { silentAfterMinutes: 720 } },
    });
    ship.tell({ type: "connected", client: "aft", wall: ship.wall });
    for (const container of AFT)
      for (let minute = 60; minute < 780; minute += 15) ship.read(container, minute, {}, "aft");
    ship.tick(60);
    expect(ship.alerts.slice(4).map(({ type, state }) => `${type} ${state}`)).toEqual(AFT.map(() => "SILENT cleared"));
  });

  test("one that is lost is not silent besides, nor is what never spoke", () => {
    const ship = loaded([...OTHERS, DUCKS, "AAAU0000009"]);
    sail(ship, 0, 60, [...OTHERS, DUCKS]);
    sail(ship, 60, 1_500, OTHERS);
    expect(ship.raised).toEqual([`LOST ${DUCKS}`]);
  });

  test("a whole ship whose clock stands still misses nobody", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    sail(ship, 0, 60, [...OTHERS, DUCKS]);
    at(ship, 60);
    expect(ship.tick(10 * 86_400)).toEqual([]);
  });
});

describe("cargo", () => {
  const reefer = (temperatureC: number, more: Measurements = {}): Measurements => ({
    temperatureC,
    setpointC: -18,
    powered: true,
    ...more,
  });
  const run = (readings: readonly (readonly [number, Measurements])[], ship = loaded([DUCKS])) => {
    for (const [minute, measurements] of readings) ship.read(DUCKS, minute, measurements);
    return ship.alerts.map(({ type, state, time }) => `${type} ${state} ${(Date.parse(time) - T0) / MIN}`);
  };

  test("out of range for an hour raises, half an hour back in it clears", () => {
    expect(
      run([
        [0, reefer(-18)],
        [15, reefer(-14.9)],
        [30, reefer(-14)],
        [45, reefer(-13)],
        [60, reefer(-12)],
        [75, reefer(-11)],
        [90, reefer(-16)],
        [105, reefer(-17)],
        [120, reefer(-18)],
        [135, reefer(-18)],
      ]),
    ).toEqual(["OUT_OF_RANGE raised 75", "OUT_OF_RANGE cleared 120"]);
  });

  test("a reading back in range starts the hour anew; a relapse starts the half hour anew", () => {
    const out = (minute: number) => [minute, reefer(-10)] as const;
    const back = (minute: number) => [minute, reefer(-18)] as const;
    expect(run([out(0), out(15), out(30), out(45), back(50), out(60), out(75), out(90), out(105)])).toEqual([]);
    const relapse = [0, 15, 30, 45, 60].map(out);
    expect(run([...relapse, back(75), back(90), out(95), back(110), back(125), back(140)])).toEqual([
      "OUT_OF_RANGE raised 60",
      "OUT_OF_RANGE cleared 140",
    ]);
  });

  test("a defrost counts neither way, nor does a long silence", () => {
    const out = (minute: number) => [minute, reefer(-10)] as const;
    expect(run([out(0), out(30), [45, reefer(5, { defrosting: true })], out(60), out(75), out(90)])).toEqual([
      "OUT_OF_RANGE raised 90",
    ]);
    expect(run([out(0), out(30), out(300), out(329)])).toEqual([]);
    expect(run([out(0), out(30), out(300), out(330)])).toEqual(["OUT_OF_RANGE raised 330"]);
  });

  test("no set point, no range", () => {
    expect(run([0, 30, 60, 90].map((minute) => [minute, { temperatureC: 60 }] as const))).toEqual([]);
  });

  test("without power for a quarter of an hour; a dry box has none to lose", () => {
    const off = (minute: number) => [minute, { powered: false }] as const;
    expect(run([[0, { powered: true }], off(15), off(29), off(30), off(45), [60, { powered: true }]])).toEqual([
      "NO_POWER raised 30",
      "NO_POWER cleared 60",
    ]);
    expect(run([off(0), off(15), off(30)])).toEqual([]);
  });

  test("a door that stays open for five minutes is told; one that is closed before is not", () => {
    expect(
      run([
        [0, { doorOpen: false }],
        [15, { doorOpen: true }],
        [19, { temperatureC: 20 }],
        [20, { temperatureC: 20 }],
        [45, { doorOpen: false }],
        [60, { doorOpen: true }],
        [64, { doorOpen: false }],
        [70, { doorOpen: true }],
        [74, { doorOpen: true }],
      ]),
    ).toEqual(["DOOR_OPEN raised 20", "DOOR_OPEN cleared 45"]);
  });

  test("an alert names the limits that decided and the version that set them; its end does not say them again", () => {
    const ship = loaded([DUCKS]);
    ship.settings = { ...SETTINGS, doorOpenAfterMinutes: 10, version: 4_096 };
    run(
      [1, 11].map((minute) => [minute, { doorOpen: true }] as const),
      ship,
    );
    ship.settings = SETTINGS;
    ship.read(DUCKS, 12, { doorOpen: false });
    expect(ship.alerts[0]?.rule).toEqual({ limits: { doorOpenAfterMinutes: 10 }, version: 4_096 });
    expect(ship.alerts[1]).not.toHaveProperty("rule");
  });

  test("a shock is told at once", () => {
    expect(
      run([
        [0, { shockG: 8 }],
        [15, { shockG: 8.1 }],
        [30, { shockG: 12 }],
        [45, { shockG: 1 }],
        [90, { shockG: 0 }],
      ]),
    ).toEqual(["SHOCK raised 15", "SHOCK cleared 90"]);
  });

  test("nothing is said of what is not aboard, nor of what was measured before it was loaded", () => {
    const ship = new Ship();
    expect(run([[0, { doorOpen: true, shockG: 20 }]], ship)).toEqual([]);
    ship.load(DUCKS, 10);
    expect(run([[9, { doorOpen: true, shockG: 20 }]], ship)).toEqual([]);
    expect(
      run(
        [11, 16].map((minute) => [minute, { doorOpen: true }] as const),
        ship,
      ),
    ).toEqual(["DOOR_OPEN raised 16"]);
  });

  test("discharge clears everything that is open; a late LOAD of the same voyage does not bring it back", () => {
    const ship = loaded([DUCKS]);
    ship.read(DUCKS, 5, { doorOpen: true });
    ship.read(DUCKS, 10, { shockG: 20 });
    expect(
      ship
        .discharge(DUCKS, 60)
        .map(({ type, state }) => `${type} ${state}`)
        .sort(),
    ).toEqual(["DOOR_OPEN cleared", "SHOCK cleared"]);
    ship.load(DUCKS, 30);
    expect(ship.read(DUCKS, 61, { shockG: 20 })).toEqual([]);
    ship.load(DUCKS, 90);
    expect(ship.read(DUCKS, 91, { shockG: 20 })).toHaveLength(1);
  });

  test("late and repeated readings change nothing", () => {
    const ship = loaded([DUCKS]);
    ship.read(DUCKS, 30, { shockG: 0 });
    expect(ship.read(DUCKS, 15, { shockG: 20 })).toEqual([]);
    expect(ship.read(DUCKS, 30, { shockG: 20 })).toEqual([]);
  });

  test("an alert says where: the container's own position, else the ship's", () => {
    const ship = loaded([DUCKS, "AAAU0000001"]);
    ship.tell({ type: "position", time: T0, latitude: -33, longitude: 151 });
    expect(ship.read(DUCKS, 1, { shockG: 20 })[0]).toMatchObject({ latitude: -33, longitude: 151 });
    expect(ship.read("AAAU0000001", 1, { shockG: 20, latitude: 1, longitude: 2 })[0]).toMatchObject({
      latitude: 1,
      longitude: 2,
    });
  });
});

describe("after a restart", () => {
  test("an alert that stands open is not raised again, and is cleared when its cause is gone", () => {
    const ship = loaded([...OTHERS, DUCKS]);
    sail(ship, 0, 60, [...OTHERS, DUCKS]);
    sail(ship, 60, 200, OTHERS);
    const [lost] = ship.alerts;
    const restarted = loaded([...OTHERS, DUCKS]);
    sail(restarted, 0, 60, [...OTHERS, DUCKS]);
    restarted.alerts.length = 0;
    if (lost) restarted.tell({ type: "open-alert", alert: lost });
    sail(restarted, 60, 200, OTHERS);
    expect(restarted.alerts).toEqual([]);
    sail(restarted, 200, 230, [...OTHERS, DUCKS]);
    expect(restarted.alerts).toMatchObject([{ id: lost?.id, state: "cleared" }]);
  });

  test("an alert of a container that left meanwhile is cleared", () => {
    const ship = loaded([DUCKS]);
    const [open] = ship.read(DUCKS, 5, { shockG: 20 });
    const restarted = loaded([DUCKS]);
    restarted.discharge(DUCKS, 10);
    expect(restarted.tell({ type: "open-alert", alert: open as AlertChange })).toMatchObject([
      { id: open?.id, state: "cleared" },
    ]);
  });
});
