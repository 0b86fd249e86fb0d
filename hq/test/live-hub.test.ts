import { describe, expect, it } from "vitest";
import type { LiveEvent } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import { LIVE_CONTAINERS_PER_MESSAGE_MAX, LIVE_KEEPALIVE_MS, LIVE_MESSAGES_PER_TICK_MAX } from "../src/limits.js";
import { liveBatch } from "../src/live/batch.js";
import { LiveHub, type LiveReader } from "../src/live/hub.js";
import { decodePosition, encodePosition } from "../src/live/messages.js";
import { FleetView } from "../src/view/fleet-view.js";
import { Perspectives } from "../src/view/perspectives.js";
import { record } from "./support/records.js";
import { at, containerNumber, DUCKS, PEARS, reading } from "./support/world.js";

const DUCKY: Principal = { user: "ducky", groups: ["duckworks"], roles: [] };

/** A hub over a view and rules that the test changes, with a clock that it turns. */
class Bench {
  readonly view = new FleetView();
  allowed = (stream: string) => stream.startsWith("duckworks.");
  private now = 0;
  private timers: { at: number; fn: () => void }[] = [];
  readonly perspectives = new Perspectives(
    this.view,
    { scope: (_principal, stream) => (this.allowed(stream) ? "all" : []) },
    { shipName: () => undefined, lastLink: () => undefined },
    "run",
  );
  readonly hub = new LiveHub({
    view: this.view,
    perspectives: this.perspectives,
    sitesFor: () => ({ sites: [], links: [] }),
    simulation: undefined,
    mayControl: () => false,
    env: {
      now: () => this.now,
      monotonic: () => this.now,
      random: () => 0,
      setTimer: (ms, fn) => {
        const timer = { at: this.now + ms, fn };
        this.timers.push(timer);
        return { cancel: () => (this.timers = this.timers.filter((one) => one !== timer)) };
      },
    },
    tickMs: 1000,
  });

  /** Lets time pass, one tick after the other. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.now = next.at;
      next.fn();
    }
    this.now = end;
  }

  open(rest: Partial<LiveReader> = {}, lastEventId?: string) {
    const got = { text: "", isEnded: false };
    const stop = this.hub.open(
      {
        principal: DUCKY,
        isAlive: () => true,
        sink: {
          write: (text) => {
            got.text += text;
            return true;
          },
          end: () => (got.isEnded = true),
        },
        ...rest,
      },
      lastEventId,
    );
    return { got, stop };
  }

  put(stream: string, container: string, value: object = reading()): void {
    this.view.apply(record(stream, container, at(1), value));
  }
}

const eventsOf = (text: string): LiveEvent[] =>
  text
    .split("\n\n")
    .map((block) => ({ type: /^event: (.*)$/m.exec(block)?.[1], data: /^data: (.*)$/m.exec(block)?.[1] }))
    .filter(({ data }) => data !== undefined)
    .map(({ type, data }) => ({ type, data: JSON.parse(data ?? "") as unknown }) as LiveEvent);
const containersIn = (text: string) =>
  eventsOf(text).flatMap((event) =>
    event.type === "containers" ? event.data.containers.map(({ container }) => container) : [],
  );
const lastIdIn = (text: string) => [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
const alert = (id: string) => ({
  id,
  type: "LOST",
  severity: "critical",
  state: "raised",
  container: DUCKS,
  time: at(2),
  message: "gone",
});

describe("the live feed's hub", () => {
  it("sends the newest of what changed many times, once a tick", () => {
    const bench = new Bench();
    const { got } = bench.open();
    for (let i = 0; i < 10; i++) bench.put("duckworks.containers", DUCKS, reading({ shockG: i }));
    expect(containersIn(got.text)).toEqual([]);
    bench.pass(1000);
    expect(containersIn(got.text)).toEqual([DUCKS]);
    bench.pass(10_000);
    expect(containersIn(got.text)).toEqual([DUCKS]);
  });

  it("spreads much over several ticks and messages, newest state of each, none left out", () => {
    const bench = new Bench();
    const { got } = bench.open();
    const most = LIVE_CONTAINERS_PER_MESSAGE_MAX * LIVE_MESSAGES_PER_TICK_MAX;
    const numbers = Array.from({ length: most + 10 }, (_, i) => containerNumber("CSQU", i));
    for (const container of numbers) bench.put("duckworks.containers", container);
    bench.pass(1000);
    expect(containersIn(got.text)).toEqual(numbers.slice(0, most));
    for (const event of eventsOf(got.text)) {
      if (event.type === "containers")
        expect(event.data.containers.length).toBeLessThanOrEqual(LIVE_CONTAINERS_PER_MESSAGE_MAX);
    }
    // Cut here, a client goes on where it was.
    const rest = bench.open({}, lastIdIn(got.text));
    expect(containersIn(rest.got.text)).toEqual(numbers.slice(most));
    bench.pass(1000);
    expect(containersIn(got.text)).toEqual(numbers);
  });

  it("an alert does not wait behind the backlog of containers", () => {
    const bench = new Bench();
    bench.put("duckworks.alerts", DUCKS, alert("old"));
    const { got } = bench.open();
    for (let i = 0; i < 100; i++) bench.put("duckworks.containers", containerNumber("CSQU", i));
    bench.put("duckworks.alerts", DUCKS, alert("new"));
    bench.pass(1000);
    const told = eventsOf(got.text).filter(({ type }) => type === "alert" || type === "containers");
    expect(told[0]).toMatchObject({ type: "alert", data: { id: "new" } });
    expect(told.filter(({ type }) => type === "alert")).toHaveLength(1);
  });

  it("drops a reader that is too slow, and says a word now and then to others", () => {
    const bench = new Bench();
    let room = 2;
    let isEnded = false;
    bench.open({ sink: { write: () => room-- > 0, end: () => (isEnded = true) } });
    const { got } = bench.open();
    bench.put("duckworks.containers", DUCKS);
    bench.pass(1000);
    expect(isEnded).toBe(true);
    expect(bench.hub.size).toBe(1);
    const before = got.text.length;
    bench.pass(LIVE_KEEPALIVE_MS + 1000);
    expect(got.text.slice(before)).toBe(":\n\n");
  });

  it("ends with the session", () => {
    const bench = new Bench();
    let isAlive = true;
    const { got } = bench.open({ isAlive: () => isAlive });
    isAlive = false;
    bench.put("duckworks.containers", DUCKS);
    bench.pass(1000);
    expect(got.isEnded).toBe(true);
    expect(containersIn(got.text)).toEqual([]);
  });

  it("A4: a changed rule counts from the next tick on, in both directions", () => {
    const bench = new Bench();
    bench.put("duckworks.containers", DUCKS);
    bench.put("polarfoods.containers", PEARS);
    bench.put("polarfoods.alerts", PEARS, { ...alert("pears"), container: PEARS });
    const { got } = bench.open();
    bench.pass(1000);
    expect(got.text).not.toContain(PEARS);
    bench.allowed = () => true;
    bench.pass(1000);
    expect(containersIn(got.text).toSorted()).toEqual([DUCKS, PEARS].toSorted());
    expect(eventsOf(got.text).filter(({ type }) => type === "alert")).toMatchObject([{ data: { id: "pears" } }]);
    bench.allowed = (stream) => stream.startsWith("duckworks.");
    const before = got.text.length;
    bench.put("polarfoods.containers", PEARS, reading({ temperatureC: 9 }));
    bench.put("polarfoods.alerts", PEARS, { ...alert("pears-2"), container: PEARS });
    bench.pass(5000);
    const after = eventsOf(got.text.slice(before));
    // That it is gone, and not a word of what came since.
    const [gone, ...others] = after.filter((event) => JSON.stringify(event).includes(PEARS));
    expect(gone).toMatchObject({ type: "containers", data: { containers: [], gone: [PEARS] } });
    expect(others).toEqual([]);
    expect(JSON.stringify(after)).not.toContain("pears-2");
  });

  it("a stream's first record, an alert too, comes once and without everything else again", () => {
    const bench = new Bench();
    bench.put("duckworks.containers", DUCKS);
    const { got } = bench.open();
    bench.pass(1000);
    bench.put("duckworks.alerts", DUCKS, alert("first"));
    bench.put("duckworks.unassigned", PEARS);
    bench.pass(3000);
    expect(eventsOf(got.text).filter(({ type }) => type === "alert")).toHaveLength(1);
    // The alert changes its container's state.
    expect(containersIn(got.text).toSorted()).toEqual([DUCKS, PEARS].toSorted());
  });

  it("what one reader may see more does not reach another who saw the same before", () => {
    const bench = new Bench();
    bench.put("duckworks.containers", DUCKS);
    const ops: Principal = { user: "ops", groups: [], roles: [] };
    const both = new Perspectives(
      bench.view,
      { scope: (who, stream) => (who.user === "ops" || stream.startsWith("duckworks.") ? "all" : []) },
      { shipName: () => undefined, lastLink: () => undefined },
      "run",
    );
    expect(both.of(ops)).toBe(both.of(DUCKY));
    const before = both.of(ops);
    bench.put("polarfoods.containers", PEARS);
    expect(both.of(ops)).toBe(before);
    expect([...both.of(ops).containers.keys()]).toEqual([DUCKS, PEARS]);
    expect([...both.of(DUCKY).containers.keys()]).toEqual([DUCKS]);
    expect([...both.of(ops).containers.keys()]).toEqual([DUCKS, PEARS]);
  });
});

describe("positions in the feed", () => {
  it("are read back as written; anything else is none", () => {
    const position = { run: "abc0", seq: 12, time: 1_795_200_000_000 };
    expect(decodePosition(encodePosition(position))).toEqual(position);
    for (const text of ["", "a.b.c", "abc.1", "abc.-1.5", "a.1.2.3", `${"x".repeat(40)}.1.2`, "abc.1e3.4"]) {
      expect(decodePosition(text), text).toBeUndefined();
    }
  });

  it("reach the end when nothing is left", () => {
    const view = new FleetView();
    const perspectives = new Perspectives(
      view,
      { scope: () => "all" },
      { shipName: () => undefined, lastLink: () => undefined },
      "r",
    );
    view.apply(record("duckworks.containers", DUCKS, at(1), reading()));
    const perspective = perspectives.of(DUCKY);
    const first = liveBatch(view, perspective, 0, 0);
    expect(first).toMatchObject({ seq: perspective.changes.last, events: [{ type: "containers" }] });
    expect(liveBatch(view, perspective, first.seq, 0).events).toEqual([]);
  });
});
