import { freePort, freePorts } from "@landfall/brokers/ports";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Broker } from "../src/sensors/broker.js";
import { Outbox } from "../src/sensors/outbox.js";
import type { Publish } from "../src/world/state.js";
import { RealBroker } from "./real-broker.js";
import { until } from "./support.js";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const reading = (box: number, n: number): Publish => ({
  via: "ship-9321483",
  topic: `containers/BBLU204117${box}/telemetry`,
  payload: JSON.stringify({ time: n, temperatureC: box }),
  timeMs: n,
});

describe("outbox", () => {
  it("keeps order, sends again what was not acknowledged, and forgets nothing else", () => {
    const actions = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant("push" as const) }),
        fc.record({ do: fc.constant("take" as const) }),
        fc.record({ do: fc.constant("ack" as const), which: fc.nat(20) }),
        fc.record({ do: fc.constant("lose" as const) }),
      ),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(actions, (list) => {
        const outbox = new Outbox(1_000);
        const open = new Set<number>();
        let pushed = 0;
        let flight: { n: number; acknowledged: () => void }[] = [];
        for (const action of list) {
          if (action.do === "push") {
            outbox.push(reading(1, pushed));
            open.add(pushed++);
          } else if (action.do === "take") {
            const next = outbox.take();
            const waiting = [...open].filter((n) => !flight.some((one) => one.n === n)).sort((a, b) => a - b);
            expect(next?.publish.timeMs).toBe(waiting[0]);
            if (next !== undefined) flight.push({ n: next.publish.timeMs, acknowledged: next.acknowledged });
          } else if (action.do === "ack") {
            const [one] = flight.splice(action.which % Math.max(1, flight.length), 1);
            one?.acknowledged();
            if (one !== undefined) open.delete(one.n);
          } else {
            outbox.connectionLost();
            flight = [];
          }
          expect(outbox.size).toBe(open.size);
        }
        expect(outbox.unacknowledged().map(({ timeMs }) => timeMs)).toEqual([...open].sort((a, b) => a - b));
      }),
      { seed: 1_883 },
    );
  });

  it("is bounded: the oldest that was never sent makes room, and is counted", () => {
    const outbox = new Outbox(100);
    for (let n = 0; n < 10; n++) outbox.push(reading(1, n));
    for (let n = 0; n < 5; n++) outbox.take();
    for (let n = 10; n < 5_000; n++) outbox.push(reading(1, n));
    expect(outbox.size).toBe(100);
    expect(outbox.dropped).toBe(4_900);
    // What may have reached the broker is not given up.
    expect(
      outbox
        .unacknowledged()
        .slice(0, 6)
        .map(({ timeMs }) => timeMs),
    ).toEqual([0, 1, 2, 3, 4, 4_905]);
  });
});

describe("sensors and a real broker", () => {
  async function fleet(): Promise<{ real: RealBroker; sensors: Broker }> {
    const port = await freePort();
    const real = new RealBroker(port);
    const sensors = new Broker({ site: "ship-9321483", url: `mqtt://127.0.0.1:${port}` });
    closing.push(
      () => real.kill(),
      () => sensors.stop(),
    );
    return { real, sensors };
  }
  const say = (sensors: Broker, from: number, to: number): void => {
    for (let n = from; n < to; n++) for (let box = 0; box < 7; box++) sensors.push(reading(box, n));
    sensors.pump();
  };
  const perBox = (got: readonly string[], box: number): number[] =>
    got
      .filter((line) => line.startsWith(`containers/BBLU204117${box}/`))
      .map((line) => (JSON.parse(line.split(" ")[1] ?? "{}") as { time: number }).time);

  it("everything arrives once and in order over a quiet broker", async () => {
    const { real, sensors } = await fleet();
    await real.start();
    sensors.start();
    say(sensors, 0, 200);
    await until(() => sensors.isConnected && sensors.pending === 0);
    expect(real.got).toHaveLength(1_400);
    for (let box = 0; box < 7; box++) expect(perBox(real.got, box)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it("readings wait while the broker is away, and after a kill what was not acknowledged comes again", async () => {
    const { real, sensors } = await fleet();
    say(sensors, 0, 50);
    sensors.start();
    await real.start();
    await until(() => sensors.pending === 0);
    // From here on it takes what comes and acknowledges nothing: as if killed between storing and answering.
    real.silentAfter = real.got.length;
    say(sensors, 50, 80);
    await until(() => real.got.length > 350);
    await real.kill();
    await until(() => !sensors.isConnected);
    say(sensors, 80, 100);
    expect(sensors.pending).toBe(7 * 50);
    real.silentAfter = Infinity;
    await real.start();
    await until(() => sensors.pending === 0);
    for (let box = 0; box < 7; box++) {
      const times = perBox(real.got, box);
      expect(new Set(times).size).toBe(100);
      // Repetitions are the very same bytes; a broker that stores a message once ends with the exact history.
      expect([...new Set(times)]).toEqual(Array.from({ length: 100 }, (_, n) => n));
    }
    expect(sensors.dropped).toBe(0);
  });

  it("when one of a ship's brokers is gone, what it did not acknowledge goes to the next, in order", async () => {
    const ports = await freePorts(2);
    const [first, second] = ports.map((port) => new RealBroker(port)) as [RealBroker, RealBroker];
    const [url = "", ...others] = ports.map((port) => `mqtt://127.0.0.1:${port}`);
    const sensors = new Broker({ site: "ship-9321483", url, others });
    closing.push(
      () => first.kill(),
      () => second.kill(),
      () => sensors.stop(),
    );
    await Promise.all([first.start(), second.start()]);
    first.silentAfter = 20;
    sensors.start();
    say(sensors, 0, 50);
    await until(() => first.got.length > 20);
    await first.kill();
    await until(() => sensors.pending === 0);
    const acknowledged = new Set([...first.got.slice(0, 20), ...second.got]);
    expect(acknowledged.size).toBe(50 * 7);
    for (let box = 0; box < 7; box++) {
      const times = perBox(second.got, box);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  it("what a snapshot keeps is what nobody acknowledged", async () => {
    const { real, sensors } = await fleet();
    await real.start();
    real.silentAfter = 20;
    sensors.start();
    say(sensors, 0, 30);
    await until(() => real.got.length > 100 && sensors.acknowledged === 20);
    const kept = sensors.unacknowledged();
    expect(kept).toHaveLength(210 - 20);
    await sensors.stop();
    real.silentAfter = Infinity;
    real.got.length = 0;
    const next = new Broker({ site: "ship-9321483", url: `mqtt://127.0.0.1:${portOf(real)}` });
    closing.push(() => next.stop());
    for (const publish of kept) next.push(publish);
    next.start();
    await until(() => next.isConnected && next.pending === 0);
    expect(real.got).toHaveLength(190);
  });
});

function portOf(real: RealBroker): number {
  return (real as unknown as { port: number }).port;
}
