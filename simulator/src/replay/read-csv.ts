import { createReadStream } from "node:fs";
import { parse } from "csv-parse/sync";
import { messageOf, SimulatorError } from "../errors.js";
import { layoutOf, type Layout } from "./layout.js";
import { readLines } from "./read-lines.js";

/** A row of the file, or why it could not be taken apart. */
export type CsvRow =
  | { readonly line: number; readonly cells: readonly string[]; readonly layout: Layout }
  | { readonly line: number; readonly problem: string };

/** A comment in front of the header has fewer commas than the shortest header. */
const COLUMNS_LEAST = 5;

/**
 * Rows of an AIS file as they come, behind its header; comments in front of it (`# …`) are left out. The Danish header begins
 * with `# ` itself. One row is one line: no field of AIS holds a line break, and so a quote that is never closed
 * damages its own row and not the thousand behind it.
 * @param onBytes how far the file has been read
 * @throws SimulatorError INVALID_ARGUMENT for a file that cannot be read, or is of no known layout
 */
export async function* readCsv(file: string, onBytes: (bytes: number) => void): AsyncGenerator<CsvRow> {
  const source = createReadStream(file, { encoding: "utf8" });
  source.on("data", () => onBytes(source.bytesRead));
  let layout: Layout | undefined;
  try {
    for await (const { line, text } of readLines(source)) {
      const row = text === undefined ? "it is longer than any row of AIS" : parseRow(text);
      if (typeof row === "string") yield { line, problem: row };
      else if (row.length === 0) continue;
      else if (layout) yield { line, cells: row, layout };
      else layout = headerOf(row);
    }
  } catch (error) {
    if (error instanceof SimulatorError) throw error;
    throw new SimulatorError("INVALID_ARGUMENT", `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  } finally {
    source.destroy();
  }
  if (!layout) throw new SimulatorError("INVALID_ARGUMENT", `${file} has no header row: it is empty`);
}

/** The cells, none for an empty line; or what is wrong. */
function parseRow(text: string): readonly string[] | string {
  if (text.trim() === "") return [];
  // Nearly all lines hold no quote: then there is nothing to parse.
  if (!text.includes('"')) return text.split(",");
  try {
    return parse(text, { relax_column_count: true })[0] ?? [];
  } catch (error) {
    return messageOf(error).replace(/ at line 1\b/, "");
  }
}

/** Undefined for a comment. @throws SimulatorError INVALID_ARGUMENT */
function headerOf([first = "", ...rest]: readonly string[]): Layout | undefined {
  const header = [first.replace(/^\uFEFF?#?\s*/, ""), ...rest];
  return /^\uFEFF?#/.test(first) && header.length < COLUMNS_LEAST ? undefined : layoutOf(header);
}
