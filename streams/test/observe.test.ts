import type { ExceptionValue } from "@landfall/proto/api";
import { pino } from "pino";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import type { Env } from "../src/env.js";
import { LandfallError } from "../src/model/errors.js";
import { createExceptions } from "../src/observe/exceptions.js";
import { forPeople } from "../src/observe/log.js";
import { createReportLimiter } from "../src/observe/report-limiter.js";
import type { StreamStore } from "../src/store/store.js";
import { VirtualTime } from "../testing/virtual-time.js";

/** Lets promises that are settled run their followers; no time passes. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp() {
  const time = new VirtualTime();
  const env: Env = {
    now: () => 1_700_000_000_000 + time.now,
    monotonic: () => time.now,
    random: () => 0.5,
    setTimer(ms, fn) {
      let isCancelled = false;
      time.after(ms, () => void (isCancelled || fn()));
      return { cancel: () => void (isCancelled = true) };
    },
  };
  const written: ExceptionValue[] = [];
  const state: { refusal?: LandfallError; streams: Set<string> } = { streams: new Set() };
  const append: StreamStore["append"] = async (stream, records) => {
    if (state.refusal) throw state.refusal;
    for (const { topic, value } of records) {
      state.streams.add(`${stream}:${topic}`);
      written.push(JSON.parse(Buffer.from(value).toString()) as ExceptionValue);
    }
    return [];
  };
  const registry = new Registry();
  const log = pino({ level: "silent" });
  const exceptions = createExceptions({
    store: { append },
    env,
    log,
    registry,
    owner: "bigblue",
    site: "tokyo",
    node: "a",
  });
  const report = (message: string, code = "INVALID_ARGUMENT", source = "mqtt") =>
    exceptions.report({ code, source, message });
  return { time, written, state, registry, exceptions, report };
}

describe("U1: exceptions", () => {
  test("after a flood, what was left out is told with its number", async () => {
    const { time, written, state, exceptions, report } = setUp();
    for (let i = 0; i < 105; i++) report(`no ${i}`);
    await settle();
    expect(written).toHaveLength(5);
    expect(written[0]).not.toHaveProperty("suppressed");
    time.run(60_000);
    await settle();
    expect(written).toHaveLength(6);
    // The summary shows the last of them; ninety-nine others stay unseen.
    expect(written[5]).toMatchObject({ message: "no 104", suppressed: 99 });
    expect([...state.streams]).toEqual(["bigblue.exceptions:tokyo.a"]);
    await exceptions.close();
  });

  test("while the store refuses, they wait, bounded; then they are written in order", async () => {
    const { time, written, state, registry, exceptions, report } = setUp();
    state.refusal = new LandfallError("DISK_FULL", "no space");
    for (let i = 0; i < 1_500; i++) {
      report(`no ${i}`, "INVALID_ARGUMENT", `sensor ${i % 400}`);
      if (i % 50 === 49) time.run(time.now + 5_000);
      await settle();
    }
    expect(written).toEqual([]);
    delete state.refusal;
    for (let i = 0; i < 40; i++) {
      time.run(time.now + 5_000);
      await settle();
    }
    expect(written.length).toBeLessThanOrEqual(1_000 + 10);
    expect(written.length).toBeGreaterThan(900);
    const times = written.map(({ time: text }) => Date.parse(text));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(await registry.getSingleMetricAsString("landfall_exceptions_dropped_total")).toMatch(/ [1-9]\d*$/);
    await exceptions.close();
  });

  test("what cannot be shown does not stop the reporter", async () => {
    const { written, exceptions } = setUp();
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    exceptions.report({ code: "A", source: "s", message: "m", detail: loop });
    exceptions.report({ code: "B", source: "s", message: "m", detail: { text: "x".repeat(100_000), n: 1n } });
    exceptions.report({ code: "C", source: "s", message: "m", detail: { text: "x".repeat(100_000) } });
    await settle();
    expect(written.map(({ code, detail }) => [code, Object.keys(detail ?? {})])).toEqual([
      ["A", ["notShown"]],
      ["B", ["notShown"]],
      ["C", ["truncated"]],
    ]);
    expect(JSON.stringify(written[2]).length).toBeLessThan(10_000);
    await exceptions.close();
  });
});

describe("the report limiter", () => {
  test("a flood of ever new kinds is bounded too, and does not grow the memory", () => {
    let now = 0;
    const limiter = createReportLimiter<number>(() => now);
    let admitted = 0;
    for (let i = 0; i < 100_000; i++) {
      now += 1;
      if (limiter.admit(`kind ${i}`, i) !== undefined) admitted += 1;
    }
    // 100 at once, 20 a second over 100 seconds.
    expect(admitted).toBeLessThanOrEqual(100 + 20 * 100);
    expect(admitted).toBeGreaterThan(100);
  });

  test("a quiet kind passes again after a while", () => {
    let now = 0;
    const limiter = createReportLimiter<string>(() => now);
    const admit = () => limiter.admit("k", "r");
    expect(Array.from({ length: 7 }, admit)).toEqual([0, 0, 0, 0, 0, undefined, undefined]);
    now += 10_000;
    expect(admit()).toBe(2);
    expect(admit()).toBeUndefined();
    now += 10_000;
    expect(limiter.flush()).toEqual([{ report: "r", suppressed: 0 }]);
    expect(limiter.flush()).toEqual([]);
  });
});

test("in a terminal, an event is one line for people", () => {
  const lines: string[] = [];
  const log = pino(
    {
      base: { site: "tokyo", node: "a" },
      timestamp: () => `,"time":"2026-05-01T12:03:44.000Z"`,
      formatters: { level: (level) => ({ level }) },
    },
    forPeople((line) => void lines.push(line)),
  );
  log.info({ link: "tokyo~sydney", count: 3 }, "link up");
  log.error({ err: new Error("disk gone") }, "cannot write");
  expect(lines).toEqual([
    "12:03:44 info  tokyo.a link up link=tokyo~sydney count=3\n",
    "12:03:44 error tokyo.a cannot write disk gone\n",
  ]);
});
