import { containerCheckDigit } from "@landfall/proto/identifiers";
import type { AlertValue, BookingValue } from "@landfall/proto/api";
import { SHIP } from "./settings.js";
import type { TestHq } from "./test-hq.js";

export { SHIP };

/** A valid container number out of an owner code and a serial. */
export function containerNumber(prefix: string, serial: number): string {
  const body = `${prefix}${String(serial).padStart(6, "0")}`;
  return `${body}${containerCheckDigit(body)}`;
}

export const DUCKS = containerNumber("DUCU", 1);
/** Aboard as well, and over the side later. */
export const LOST_DUCKS = containerNumber("DUCU", 2);
/** Another customer's, which came through Sydney. */
export const PEARS = containerNumber("POLU", 1);
/** Nobody has it. */
export const NOBODY = containerNumber("NONU", 1);
/** A ship that no duck was ever on. */
export const OTHER_SHIP = "9074729";
export const NO_SHIP = "9176187";

export const reading = (rest: object = {}) => ({ temperatureC: 4, setpointC: 4, powered: true, ...rest });

/**
 * Ducks loaded in Tokyo on 2 January, discharged in Sydney on the 20th; pears loaded in Sydney on the 21st; one ship that
 * reports from the 1st to the 25th, another that carries nothing of theirs.
 */
export async function fillWorld(hq: TestHq): Promise<void> {
  const event = (type: string, time: string, location: string, rest: object = {}) => ({
    type,
    time,
    location,
    ...rest,
  });
  for (const [container, owner] of [
    [DUCKS, "duckworks"],
    [LOST_DUCKS, "duckworks"],
    [PEARS, "polarfoods"],
  ] as const) {
    const booking: BookingValue = { kind: "booking", container, owner, from: "2026-01-01T00:00:00.000Z" };
    const from = Date.parse(booking.from);
    await hq.put(`${owner}.settings`, `booking.${container}.${from}`, booking.from, booking);
  }
  const both = async (stream: string, port: string, topic: string, time: string, value: object) => {
    await hq.put(stream, topic, time, value, { kind: "event" });
    await hq.put(port, topic, time, value, { kind: "event" });
  };
  const position = (ship: string, day: number, latitude: number, longitude: number) =>
    hq.put(`bigblue.ships`, `${ship}.position`, at(day), { latitude, longitude, speedKn: 18, courseDeg: 170 });
  await position(SHIP, 1, 35.6, 139.8);
  await both("bigblue.ships", "port.jptyo.events", `${SHIP}.events`, at(1), event("ARRI", at(1), "JPTYO"));
  for (const container of [DUCKS, LOST_DUCKS]) {
    await both(
      "duckworks.containers",
      "port.jptyo.events",
      container,
      at(2),
      event("LOAD", at(2), "JPTYO", { vessel: SHIP, voyage: "V1" }),
    );
    await hq.put("duckworks.containers", container, at(3), reading({ latitude: 30, longitude: 141 }));
  }
  await hq.put(
    "bigblue.ships",
    `${SHIP}.events`,
    at(3),
    event("DEPA", at(3), "JPTYO", { nextPort: "AUSYD", voyage: "V1" }),
  );
  await position(SHIP, 10, 0, 155);
  await hq.put("bigblue.ships", `${SHIP}.environment`, at(10), { temperatureC: 31, humidityPct: 80 });
  const lost: AlertValue = {
    id: "lost-1",
    type: "LOST",
    severity: "critical",
    state: "raised",
    container: LOST_DUCKS,
    vessel: SHIP,
    time: at(18),
    latitude: -33,
    longitude: 153,
    message: "Nothing heard of it since heavy weather",
  };
  await hq.put("duckworks.alerts", LOST_DUCKS, at(18), lost);
  const warm: AlertValue = { ...lost, id: "warm-1", type: "OUT_OF_RANGE", container: PEARS, time: at(19) };
  await hq.put("polarfoods.alerts", PEARS, at(19), warm);
  const arrival = event("ARRI", at(19, 12), "AUSYD", { voyage: "V1" });
  await hq.put("bigblue.ships", `${SHIP}.events`, at(19, 12), arrival);
  await hq.put("port.ausyd.events", SHIP, at(19, 12), arrival);
  await both(
    "duckworks.containers",
    "port.ausyd.events",
    DUCKS,
    at(20),
    event("DISC", at(20), "AUSYD", { vessel: SHIP }),
  );
  await hq.put(
    "duckworks.containers",
    DUCKS,
    at(20, 1),
    reading({ latitude: -33.97, longitude: 151.2, temperatureC: 6 }),
  );
  await both("polarfoods.containers", "port.ausyd.events", PEARS, at(20, 6), event("GTIN", at(20, 6), "AUSYD"));
  await hq.put("polarfoods.containers", PEARS, at(20, 7), reading({ latitude: -33.96, longitude: 151.21 }));
  await both(
    "polarfoods.containers",
    "port.ausyd.events",
    PEARS,
    at(21),
    event("LOAD", at(21), "AUSYD", { vessel: SHIP }),
  );
  await position(SHIP, 25, -30, 160);
  await position(OTHER_SHIP, 25, 10, -150);
}

/** A moment in January 2026. */
export function at(day: number, hour = 0): string {
  return new Date(Date.UTC(2026, 0, day, hour)).toISOString();
}
