import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { advanceClock } from "../src/driver/clock.js";
import { StateFolder } from "../src/driver/state-folder.js";
import { Voyage, type Sink } from "../src/driver/voyage.js";
import type { Publish } from "../src/world/state.js";
import { DAY_MS, HOUR_MS, newWorld, START_MS } from "./support.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "landfall-voyage-"));
  folders.push(folder);
  return folder;
}

/** Brokers that acknowledge when told to. */
class FakeSink implements Sink {
  readonly all: Publish[] = [];
  open: Publish[] = [];
  unreachable: string[] = [];
  push(publish: Publish): void {
    this.all.push(publish);
    this.open.push(publish);
  }
  get pending(): number {
    return this.open.length;
  }
  unacknowledged(): Publish[] {
    return [...this.open];
  }
  acknowledge(): void {
    this.open = [];
  }
}

/** A voyage on clocks that the test moves. */
function rig(folder = newFolder(), realNow = START_MS + 30 * DAY_MS, speed = 1_000, waitSeconds = 120) {
  const files = new StateFolder(folder);
  const saved = files.load();
  const sink = new FakeSink();
  const clock = { real: realNow, mono: 0 };
  const options = { speed, waitSeconds, now: () => clock.real, monotonic: () => clock.mono };
  const voyage = new Voyage(saved?.snapshot.world ?? newWorld(1883, 4, 60), sink, files, options, saved);
  const look = (ms: number): void => {
    clock.mono += ms;
    clock.real += ms;
    voyage.look();
    sink.acknowledge();
  };
  const book = (): void => {
    const containers = voyage.state.containers.filter(({ booking }) => booking === "wanted").map(({ id }) => id);
    if (containers.length > 0) voyage.command({ type: "booked", containers });
  };
  const begin = (): void => {
    book();
    while (voyage.phase === "prologue") look(10);
  };
  return { folder, files, voyage, sink, clock, look, book, begin };
}

describe("clock", () => {
  it("runs at its pace, never leaps, never passes the real clock, never runs backwards", () => {
    expect(advanceClock(0, 100, 1_000, 1e12)).toEqual({ timeMs: 100_000, speed: 1_000 });
    fc.assert(
      fc.property(
        fc.nat(1e9),
        fc.integer({ min: -1e6, max: 1e6 }),
        fc.integer({ min: 1, max: 20_000 }),
        fc.nat(2e9),
        (at, elapsed, pace, real) => {
          const { timeMs, speed } = advanceClock(at, elapsed, pace, real);
          expect(timeMs).toBeGreaterThanOrEqual(at);
          expect(timeMs).toBeLessThanOrEqual(Math.max(at, real));
          expect(timeMs - at).toBeLessThanOrEqual(1_000 * pace);
          expect(speed).toBe(real - timeMs <= 2_000 ? 1 : pace);
        },
      ),
      { seed: 77 },
    );
  });
});

describe("voyage", () => {
  it("does not begin before the bookings are known, nor while a broker is missing", () => {
    const { voyage, sink, look, book } = rig();
    look(100);
    expect(voyage.state.timeMs).toBe(START_MS);
    book();
    sink.unreachable = ["sydney-yard"];
    look(100);
    expect(voyage.state.timeMs).toBe(START_MS);
    sink.unreachable = [];
    look(100);
    expect(voyage.state.timeMs).toBeGreaterThan(START_MS);
  });

  it("lets days go by, waits for a viewer, and then the first ship lands within a quarter of a minute", () => {
    const { voyage, sink, look, begin } = rig();
    begin();
    expect(voyage.phase).toBe("waiting");
    expect(sink.all.length).toBeGreaterThan(5_000);
    const before = voyage.timeMs;
    look(60_000);
    expect(voyage.timeMs).toBe(before);
    voyage.viewer();
    let realMs = 0;
    const first = () => voyage.state.ships.find(({ imo }) => imo === voyage.state.script.firstShip);
    while (first()?.phase.kind === "sea") {
      look(100);
      realMs += 100;
    }
    expect(first()?.phase).toMatchObject({ kind: "docked", port: "SGSIN" });
    expect(realMs).toBeGreaterThan(8_000);
    expect(realMs).toBeLessThan(16_000);
  });

  it("goes on by itself after a while, or at once when told not to wait", () => {
    const patient = rig();
    patient.begin();
    patient.look(119_000);
    expect(patient.voyage.phase).toBe("waiting");
    patient.look(1_100);
    expect(patient.voyage.phase).toBe("running");
    const eager = rig(undefined, undefined, 1_000, 0);
    eager.begin();
    expect(eager.voyage.phase).toBe("running");
  });

  it("meets the real clock and then keeps to it", () => {
    const { voyage, clock, look, begin } = rig(undefined, START_MS + 8 * DAY_MS);
    begin();
    voyage.viewer();
    while (voyage.speed > 1) look(100);
    for (let i = 0; i < 300; i++) {
      look(1_000);
      expect(voyage.timeMs).toBe(clock.real);
      expect(voyage.state.timeMs).toBeLessThanOrEqual(clock.real);
    }
    // An ordered arrival takes seconds also at this pace.
    const { imo } = voyage.state.ships[2] ?? { imo: "" };
    voyage.command({ type: "arrive", imo, port: "SGSIN", withinMs: voyage.arrivalMs() });
    for (let i = 0; i < 40; i++) look(1_000);
    expect(voyage.state.ships[2]?.phase).toMatchObject({ kind: "docked", port: "SGSIN" });
  });

  it("holds the clock while brokers that are there cannot keep up", () => {
    const { voyage, sink, clock, begin } = rig();
    begin();
    voyage.viewer();
    for (let i = 0; i < 3_000; i++) {
      clock.mono += 100;
      clock.real += 100;
      voyage.look();
    }
    expect(sink.pending).toBeGreaterThan(4_000);
    expect(sink.pending).toBeLessThan(6_000);
  });

  it("refuses commands that make no sense, and writes none of them down", () => {
    const { voyage, folder, begin } = rig();
    begin();
    const imo = voyage.state.script.firstShip;
    const refuse = (run: () => void, code: string): void => expect(run).toThrow(expect.objectContaining({ code }));
    refuse(() => voyage.command({ type: "depart", imo, to: "AUSYD" }), "CONFLICT");
    refuse(() => voyage.command({ type: "arrive", imo: "1234567", port: "AUSYD", withinMs: 1 }), "NOT_FOUND");
    refuse(() => voyage.command({ type: "arrive", imo, port: "ATVIE", withinMs: 1 }), "NOT_FOUND");
    const duckShip = voyage.state.script.duckShip;
    refuse(() => voyage.command({ type: "arrive", imo: duckShip, port: "JPTYO", withinMs: 1 }), "CONFLICT");
    expect(readFileSync(join(folder, "commands.jsonl"), "utf8").match(/\n/g)).toHaveLength(1);
  });

  it.each([1, 2, 3])(
    "killed anywhere and restarted from an older snapshot, it says the very same again (seed %i)",
    async (seed) => {
      const folder = newFolder();
      const life = rig(folder);
      life.begin();
      life.voyage.viewer();
      for (let i = 0; i < 20 * seed; i++) life.look(100);
      await life.files.save(life.voyage.snapshot());
      const savedAt = life.sink.all.length;
      // Commands after the snapshot, and then the kill.
      life.look(300);
      life.voyage.command({
        type: "arrive",
        imo: life.voyage.state.ships[3]?.imo ?? "",
        port: "USLAX",
        withinMs: 2 * HOUR_MS,
      });
      for (let i = 0; i < 15 * seed; i++) life.look(100);
      life.voyage.command({ type: "depart", imo: life.voyage.state.script.duckShip, to: "SGSIN" });
      for (let i = 0; i < 25; i++) life.look(100);
      const said = life.sink.all.slice(savedAt);
      const killedAt = life.voyage.state.timeMs;

      const again = rig(folder, life.clock.real);
      expect(again.voyage.phase).toBe("running");
      while (again.voyage.state.timeMs < killedAt) again.look(10);
      const repeated = again.sink.all.filter(({ timeMs }) => timeMs <= killedAt);
      expect(said.length).toBeGreaterThan(100);
      expect(repeated.slice(0, said.length)).toEqual(said);
    },
  );

  it("a snapshot keeps what was not acknowledged, and a torn last command is left out", async () => {
    const folder = newFolder();
    const life = rig(folder);
    life.begin();
    life.voyage.viewer();
    life.clock.mono += 500;
    life.voyage.look();
    const open = life.sink.unacknowledged();
    expect(open.length).toBeGreaterThan(0);
    await life.files.save(life.voyage.snapshot());
    writeFileSync(join(folder, "commands.jsonl"), '{"seq":99,"atMs":1,"comm');
    const again = rig(folder);
    expect(again.sink.all).toEqual(open);
    again.voyage.command({ type: "booked", containers: [] });
    expect(new StateFolder(folder).load()?.commands).toHaveLength(1);
  });

  it("says clearly that a folder is of another version or damaged", () => {
    const folder = newFolder();
    writeFileSync(join(folder, "snapshot.json"), '{"format":99}');
    expect(() => new StateFolder(folder).load()).toThrow(/snapshot\.json is of format 99/);
    writeFileSync(join(folder, "snapshot.json"), "{");
    expect(() => new StateFolder(folder).load()).toThrow(expect.objectContaining({ code: "UNSUPPORTED_FORMAT" }));
  });
});
