import { containerCheckDigit, imoCheckDigit } from "@landfall/proto/identifiers";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NUMERIC_RANGES } from "../src/ingest/ranges.js";
import { isProblem, parseIngestTopic, type IngestTopic } from "../src/ingest/topics.js";
import { readTime } from "../src/ingest/time.js";
import { isRefusal, validatePublish, type Reading, type Refusal } from "../src/ingest/validate.js";
import { PAYLOAD_BYTES_MAX, PROBLEMS_MAX, TIME_AHEAD_MS_MAX, TIME_MS_MIN } from "../src/limits.js";
import { bytes, containerNumber, imoNumber, json } from "./support/arbitraries.js";

const NOW = Date.UTC(2026, 10, 3, 12);
const topicOf = (name: string): IngestTopic => {
  const parsed = parseIngestTopic(name);
  if (isProblem(parsed)) throw new Error(parsed.message);
  return parsed;
};
const TELEMETRY = topicOf("containers/CSQU3054383/telemetry");
const EVENTS = topicOf("containers/CSQU3054383/events");
const SHIP_EVENTS = topicOf("ships/9321483/events");

const accept = (payload: Uint8Array, topic = TELEMETRY): Reading => {
  const outcome = validatePublish(topic, payload, NOW);
  if (isRefusal(outcome)) throw new Error(outcome.problems.map(({ message }) => message).join("; "));
  return outcome;
};
const refuse = (payload: Uint8Array, topic = TELEMETRY): Refusal["problems"] => {
  const outcome = validatePublish(topic, payload, NOW);
  if (!isRefusal(outcome)) throw new Error("was accepted");
  return outcome.problems;
};

describe("topics", () => {
  test("every valid container and ship has its topics", () => {
    fc.assert(
      fc.property(containerNumber, imoNumber, (container, imo) => {
        expect(topicOf(`containers/${container}/telemetry`)).toEqual({
          subject: "container",
          id: container,
          kind: "telemetry",
          recordTopic: container,
          key: `container ${container}`,
        });
        expect(topicOf(`containers/${container}/events`).kind).toBe("event");
        expect(topicOf(`ships/${imo}/position`)).toMatchObject({ subject: "ship", recordTopic: `${imo}.position` });
        expect(topicOf(`ships/${imo}/environment`).recordTopic).toBe(`${imo}.environment`);
        expect(topicOf(`ships/${imo}/events`)).toMatchObject({ kind: "event", recordTopic: `${imo}.events` });
      }),
    );
  });

  test("a wrong check digit is refused, and the right one named", () => {
    fc.assert(
      fc.property(containerNumber, imoNumber, fc.integer({ min: 1, max: 9 }), (container, imo, off) => {
        const wrong = (number: string) => number.slice(0, -1) + String((Number(number.at(-1)) + off) % 10);
        for (const [topic, digit] of [
          [`containers/${wrong(container)}/telemetry`, containerCheckDigit(container)],
          [`ships/${wrong(imo)}/position`, imoCheckDigit(imo)],
        ] as const) {
          const problem = parseIngestTopic(topic);
          expect(problem).toMatchObject({ code: "BAD_IDENTIFIER", field: "topic" });
          expect(isProblem(problem) && problem.message).toContain(
            `give${topic.startsWith("ships") ? "" : "s"} ${digit}`,
          );
        }
      }),
    );
  });

  test.each([
    "",
    "/",
    "containers",
    "containers/CSQU3054383",
    "containers/CSQU3054383/telemetry/",
    "containers/CSQU3054383/telemetry/more",
    "containers/CSQU3054383/position",
    "ships/9321483/telemetry",
    "/containers/CSQU3054383/telemetry",
    "Containers/CSQU3054383/telemetry",
    "$SYS/broker/clients",
    "constructor/__proto__/toString",
  ])("%j is no topic of the contract", (topic) => {
    expect(parseIngestTopic(topic)).toMatchObject({ code: "UNKNOWN_TOPIC", field: "topic" });
  });

  test("a topic's text never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(isProblem(parseIngestTopic(text))).toBe(true);
        expect(isProblem(parseIngestTopic(`containers/${text}/telemetry`))).toBe(true);
      }),
    );
  });
});

describe("payloads", () => {
  test("any bytes are either a reading or say why not", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
        expect(refuse(payload)[0]?.message.length).toBeGreaterThan(10);
      }),
    );
  });

  test("any JSON object keeps its bytes, its unknown fields and its time", () => {
    const time = fc.integer({ min: TIME_MS_MIN, max: NOW + TIME_AHEAD_MS_MAX });
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((key) => key !== "time"),
          fc.jsonValue(),
        ),
        time,
        (extra, time) => {
          for (const key of Object.keys(NUMERIC_RANGES)) delete extra[key];
          for (const key of ["defrosting", "doorOpen", "powered"]) delete extra[key];
          const payload = json({ ...extra, temperatureC: 4.5, time });
          const reading = accept(payload);
          expect(reading).toMatchObject({ timestamp: time, timed: true });
          expect(reading.value).toBe(payload);
        },
      ),
    );
  });

  test.each([
    ["", "empty"],
    ["{", "not JSON"],
    ["[1,2]", "a list"],
    ["null", "a bare null"],
    ['"4.5"', "a bare string"],
    ["4.5", "a bare number"],
    ['{"temperatureC": NaN}', "not JSON"],
    ["{'temperatureC': 4}", "not JSON"],
    ['{"temperatureC": 4} {"temperatureC": 5}', "not JSON"],
    ['{"temperatureC": 4, "temperatureC": 40}', "twice"],
    ['{"temperatureC": 4, "x": {"a": 1}, "temperatur\\u0065C": 40}', "twice"],
    ["\uFEFF{}", "not JSON"],
  ])("%j is refused", (text, why) => {
    const [problem] = refuse(bytes(text));
    expect(problem).toMatchObject({ code: "NOT_JSON", field: "payload" });
    expect(problem?.message).toContain(why);
  });

  test("equal keys inside an unknown field, and braces and colons inside text, are nobody's problem", () => {
    accept(
      bytes(
        '{"temperatureC": 4, "extra": {"a": 1, "a": 2}, "note": "{\\"a\\": 1}, \\\\", "list": [{"a": 1}, {"a": 2}]}',
      ),
    );
    accept(bytes('{"__proto__": {"x": 1}, "constructor": 1, "humidityPct": 50}'));
  });

  test("bytes that are no UTF-8 are refused", () => {
    const [problem] = refuse(
      Buffer.concat([bytes('{"temperatureC": 4, "note": "'), Buffer.from([0xc3, 0x28]), bytes('"}')]),
    );
    expect(problem).toMatchObject({ code: "NOT_JSON" });
    expect(problem?.message).toContain("UTF-8");
  });

  test("64 KiB are taken, one byte more is not", () => {
    const padded = (length: number) => {
      const head = '{"temperatureC": 4, "pad": "';
      return bytes(`${head}${"x".repeat(length - head.length - 2)}"}`);
    };
    expect(accept(padded(PAYLOAD_BYTES_MAX)).value).toHaveLength(PAYLOAD_BYTES_MAX);
    const [problem] = refuse(padded(PAYLOAD_BYTES_MAX + 1));
    expect(problem).toMatchObject({ code: "PAYLOAD_TOO_LARGE", field: "payload" });
    expect(problem?.message).toContain("65537");
  });

  test("nesting as deep as the size allows is answered, not a crash", () => {
    const deep = (PAYLOAD_BYTES_MAX - 40) / 2;
    accept(bytes(`{"temperatureC": 4, "x": ${"[".repeat(deep)}${"]".repeat(deep)}}`));
    refuse(bytes("[".repeat(PAYLOAD_BYTES_MAX)));
  });
});

describe("measurements", () => {
  test.each(Object.entries(NUMERIC_RANGES))(
    "%s has both ends of its range and nothing beyond",
    (field, { min, max }) => {
      const other = field === "latitude" ? { longitude: 0 } : field === "longitude" ? { latitude: 0 } : {};
      accept(json({ [field]: min, ...other }));
      accept(json({ [field]: max, ...other }));
      for (const value of [min - 0.001, max + 0.001, "4", null, true, [], {}]) {
        const [problem] = refuse(json({ [field]: value, ...other }));
        expect(problem).toMatchObject({ code: "BAD_VALUE", field });
        expect(problem?.message).toContain(field);
        expect(problem?.message).toContain("want");
      }
      // JSON can say a number that no double can hold.
      expect(refuse(bytes(`{"${field}": 1e999}`))[0]?.message).toContain("Infinity");
    },
  );

  test.each(["defrosting", "doorOpen", "powered"])("%s is true or false", (field) => {
    accept(json({ [field]: true }));
    expect(refuse(json({ [field]: 1 }))[0]).toMatchObject({ code: "BAD_VALUE", field });
    expect(refuse(json({ [field]: null }))[0]).toMatchObject({ code: "BAD_VALUE", field });
  });

  test("half a position is none", () => {
    expect(refuse(json({ latitude: 35 }))).toMatchObject([{ code: "BAD_VALUE", field: "longitude" }]);
    expect(refuse(json({ longitude: 139 }))).toMatchObject([{ code: "BAD_VALUE", field: "latitude" }]);
  });

  test("a reading without a measurement is none; an event needs none", () => {
    expect(refuse(json({ time: NOW, note: "hello" }))).toMatchObject([{ code: "NO_MEASUREMENT" }]);
    expect(refuse(json({}))).toMatchObject([{ code: "NO_MEASUREMENT" }]);
    accept(json({ type: "LOAD" }), EVENTS);
  });

  test("every problem is named, up to a number", () => {
    const problems = refuse(json({ latitude: 91, longitude: 181, temperatureC: "cold", time: "yesterday" }));
    expect(problems.map(({ field }) => field).sort()).toEqual(["latitude", "longitude", "temperatureC", "time"]);
    const all = Object.fromEntries(Object.keys(NUMERIC_RANGES).map((field) => [field, "x"]));
    expect(refuse(json(all))).toHaveLength(PROBLEMS_MAX);
  });

  test("a long wrong value is cut in the message", () => {
    const [problem] = refuse(json({ temperatureC: "x".repeat(10_000) }));
    expect(problem?.message.length).toBeLessThan(300);
  });
});

describe("time", () => {
  test("RFC 3339 in any zone and any precision is the moment that Date says", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date(TIME_MS_MIN + 86_400_000), max: new Date(NOW - 86_400_000), noInvalidDate: true }),
        fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 }),
        (date, offset) => {
          expect(readTime(date.toISOString(), NOW)).toBe(date.getTime());
          expect(readTime(date.toISOString().toLowerCase(), NOW)).toBe(date.getTime());
          expect(readTime(date.getTime(), NOW)).toBe(date.getTime());
          const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
          const pad = (n: number) => String(Math.abs(n)).padStart(2, "0");
          const zone = `${offset < 0 ? "-" : "+"}${pad(Math.trunc(offset / 60))}:${pad(offset % 60)}`;
          expect(readTime(local + zone, NOW)).toBe(date.getTime());
        },
      ),
    );
  });

  test.each([
    ["2026-03-01T12:00:00Z", Date.UTC(2026, 2, 1, 12)],
    ["2026-03-01 12:00:00Z", Date.UTC(2026, 2, 1, 12)],
    ["2026-03-01T12:00:00.1234567Z", Date.UTC(2026, 2, 1, 12, 0, 0, 123)],
    ["2024-02-29T23:59:59.9+00:00", Date.UTC(2024, 1, 29, 23, 59, 59, 900)],
    ["2025-12-31T23:59:60Z", Date.UTC(2026, 0, 1)],
  ])("%s is taken", (text, ms) => {
    expect(readTime(text, NOW)).toBe(ms);
  });

  test.each([
    "2026-03-01",
    "2026-03-01T12:00:00",
    "2026-02-30T12:00:00Z",
    "2026-13-01T12:00:00Z",
    "2026-03-01T24:00:00Z",
    "2026-03-01T12:60:00Z",
    "2026-03-01T12:00:61Z",
    "2026-03-01T12:00:00+24:00",
    "0026-03-01T12:00:00Z",
    "1767225600000",
    "",
    null,
    true,
    {},
    Number.NaN,
  ])("%j is no time", (value) => {
    expect(readTime(value, NOW)).toMatchObject({ code: "BAD_TIME", field: "time" });
  });

  test("five minutes ahead are taken, a millisecond more is not; nor is anything before 2020", () => {
    expect(readTime(NOW + TIME_AHEAD_MS_MAX, NOW)).toBe(NOW + TIME_AHEAD_MS_MAX);
    expect(readTime(NOW + TIME_AHEAD_MS_MAX + 1, NOW)).toMatchObject({ code: "BAD_TIME" });
    expect(readTime(TIME_MS_MIN, NOW)).toBe(TIME_MS_MIN);
    expect(readTime(TIME_MS_MIN - 1, NOW)).toMatchObject({ code: "BAD_TIME" });
    const seconds = readTime(Math.floor(NOW / 1000), NOW);
    expect(isProblemAbout(seconds)).toContain("seconds");
  });

  test("without a time it is the time of receipt, and cannot be told from a second reading", () => {
    expect(accept(json({ temperatureC: 4 }))).toMatchObject({ timestamp: NOW, timed: false });
  });
});

function isProblemAbout(value: unknown): string {
  return (value as { message: string }).message;
}

describe("events", () => {
  test("containers and ships have their own types", () => {
    for (const type of ["LOAD", "DISC", "GTIN", "GTOT"]) {
      expect(accept(json({ type }), EVENTS).event).toEqual({ type });
      expect(refuse(json({ type }), SHIP_EVENTS)).toMatchObject([{ code: "BAD_EVENT", field: "type" }]);
    }
    for (const type of ["ARRI", "DEPA"]) expect(accept(json({ type }), SHIP_EVENTS).event).toEqual({ type });
    for (const type of ["load", "toString", "", 1, null, undefined]) {
      expect(refuse(json({ type }), EVENTS)).toMatchObject([{ code: "BAD_EVENT", field: "type" }]);
    }
  });

  test("place, ship and voyage are checked and named", () => {
    const event = { type: "LOAD", location: "JPTYO", vessel: "9321483", voyage: "012W", nextPort: "SGSIN" };
    expect(accept(json(event), EVENTS).event).toEqual({ type: "LOAD", location: "JPTYO", vessel: "9321483" });
    for (const [field, value] of Object.entries({ location: "Tokyo", vessel: "9321484", voyage: "", nextPort: 7 })) {
      const [problem] = refuse(json({ ...event, [field]: value }), EVENTS);
      expect(problem).toMatchObject({ code: "BAD_EVENT", field });
    }
  });

  test("a measurement in an event is checked too", () => {
    expect(refuse(json({ type: "LOAD", latitude: 91, longitude: 0 }), EVENTS)).toMatchObject([{ field: "latitude" }]);
  });
});
