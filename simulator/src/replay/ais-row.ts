import { imoNumberError } from "@landfall/proto/identifiers";
import type { Field, Layout } from "./layout.js";
import { SPEED_KN_MAX } from "./limits.js";

/** A ship's position as AIS told it; what it did not know is left out. */
export interface AisReport {
  readonly mmsi: string;
  readonly timeMs: number;
  readonly latitude: number;
  readonly longitude: number;
  readonly speedKn?: number;
  readonly courseDeg?: number;
  readonly headingDeg?: number;
}

/** What one row of the file comes to. */
export type AisRow =
  | { readonly kind: "report"; readonly report: AisReport; readonly damages: readonly string[]; readonly imo?: string }
  /** It says who it is, and that its receiver does not know where: latitude 91, longitude 181. */
  | { readonly kind: "no-position"; readonly mmsi: string; readonly imo?: string }
  /** A base station, a buoy, an aircraft. */
  | { readonly kind: "no-ship" }
  | { readonly kind: "damaged"; readonly reason: string };

/** Values with which AIS says that something is not known (ITU-R M.1371). */
const UNKNOWN = { latitude: 91, longitude: 181, sog: 102.3, cog: 360, heading: 511 } as const;
/** Ships' begin with the digit of a region; 0, 1, 8 and 9 are stations, aircraft, handhelds, buoys. */
const SHIP_MMSI = /^[2-7][0-9]{8}$/;

/** Reads one row. Nothing of it is believed that cannot be. */
export function readRow(cells: readonly string[], layout: Layout): AisRow {
  if (cells.length !== layout.width) return damaged(`${cells.length} columns, but the header has ${layout.width}`);
  const cell = (field: Field): string => {
    const index = layout.columns[field];
    return index === undefined ? "" : (cells[index] ?? "").trim();
  };
  const mobile = cell("mobile");
  if (mobile !== "" && !/^class [ab]$/i.test(mobile)) return { kind: "no-ship" };
  const mmsi = cell("mmsi");
  if (!/^[0-9]{9}$/.test(mmsi)) return damaged(`${show(mmsi)} is no MMSI: want nine digits`);
  if (!SHIP_MMSI.test(mmsi)) return { kind: "no-ship" };
  const timeMs = readTime(cell("time"), layout.id);
  if (timeMs === undefined)
    return damaged(`${show(cell("time"))} is no time: want e.g. ${TIME_EXAMPLE[layout.id]} (UTC)`);
  const damages: string[] = [];
  const imo = readImo(cell("imo"), damages);
  const named = imo === undefined ? {} : { imo };
  const [latitude, longitude] = [readNumber(cell("latitude")), readNumber(cell("longitude"))];
  if (latitude === UNKNOWN.latitude || longitude === UNKNOWN.longitude) return { kind: "no-position", mmsi, ...named };
  if (latitude === undefined || Math.abs(latitude) > 90) return damaged(`${show(cell("latitude"))} is no latitude`);
  if (longitude === undefined || Math.abs(longitude) > 180)
    return damaged(`${show(cell("longitude"))} is no longitude`);
  const speedKn = readOptional(cell("sog"), UNKNOWN.sog, SPEED_KN_MAX, "speed", damages);
  const courseDeg = readOptional(cell("cog"), UNKNOWN.cog, 359.99, "course", damages);
  const headingDeg = readOptional(cell("heading"), UNKNOWN.heading, 359.99, "heading", damages);
  const report: AisReport = {
    mmsi,
    timeMs,
    latitude,
    longitude,
    ...(speedKn !== undefined && { speedKn }),
    ...(courseDeg !== undefined && { courseDeg }),
    ...(headingDeg !== undefined && { headingDeg }),
  };
  return { kind: "report", report, damages, ...named };
}

const TIME_EXAMPLE = { marinecadastre: "2024-12-01T00:00:01", danish: "01/12/2024 00:00:01" } as const;
const ISO = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?Z?$/;
const DANISH = /^(\d{2})\/(\d{2})\/(\d{4}) (\d{2}):(\d{2}):(\d{2})$/;

/** Milliseconds since 1970; both publishers write UTC without saying so. */
function readTime(text: string, layout: Layout["id"]): number | undefined {
  const found = (layout === "danish" ? DANISH : ISO).exec(text);
  if (!found) return undefined;
  const [a = 0, month = 0, b = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map(Number);
  const [year, day] = layout === "danish" ? [b, a] : [a, b];
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const read = new Date(ms);
  // 31 June would become 1 July.
  const isReal = read.getUTCMonth() === month - 1 && read.getUTCDate() === day;
  return isReal && hour < 24 && minute < 60 && second < 60 ? ms : undefined;
}

function readImo(text: string, damages: string[]): string | undefined {
  const digits = text.replace(/^IMO\s*/i, "");
  if (digits === "" || /^0+$/.test(digits) || /^(unknown|undefined)$/i.test(digits)) return undefined;
  const problem = imoNumberError(digits);
  if (problem === undefined) return digits;
  damages.push(problem);
  return undefined;
}

/** A value that may be missing, and that says with one number of its own that it is not known. */
function readOptional(text: string, unknown: number, max: number, name: string, damages: string[]): number | undefined {
  if (text === "") return undefined;
  const value = readNumber(text);
  if (value === unknown) return undefined;
  if (value !== undefined && value >= 0 && value <= max) return value;
  damages.push(`${show(text)} is no ${name}: left out`);
  return undefined;
}

function readNumber(text: string): number | undefined {
  return /^-?\d{1,6}(\.\d{1,12})?$/.test(text) ? Number(text) : undefined;
}

function damaged(reason: string): AisRow {
  return { kind: "damaged", reason };
}

function show(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
