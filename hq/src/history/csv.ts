import type { HistoryPoint } from "@landfall/proto/api";
import { MEASUREMENT_FIELDS } from "../view/measurements.js";

const COLUMNS = ["time", "knownSince", "received", "stream", "origin", "offset", ...MEASUREMENT_FIELDS] as const;

/** A history as CSV (RFC 4180) with a header row; one row for each reading. */
export function* toCsv(
  id: { readonly column: string; readonly value: string },
  points: Iterable<HistoryPoint>,
): Generator<string> {
  yield row([id.column, ...COLUMNS]);
  for (const point of points) yield row([id.value, ...COLUMNS.map((column) => point[column])]);
}

function row(cells: readonly (string | number | boolean | undefined)[]): string {
  return `${cells.map(cell).join(",")}\r\n`;
}

/**
 * A cell that no spreadsheet takes for a formula, as OWASP has it: text that begins like one, also with the wide signs of Asian
 * keyboards, gets an apostrophe in front and stands in quotes. Numbers stay numbers, a minus included.
 */
export function cell(value: string | number | boolean | undefined): string {
  if (value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const isFormula = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value);
  const safe = isFormula ? `'${value}` : value;
  return isFormula || /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
