import { readFileSync } from "node:fs";
import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { LineCounter, parseDocument, type Document } from "yaml";
import { messageOf, SimulatorError } from "../errors.js";

/** A settings file is written by people; one beyond this is something else. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
/** More would only hide the first. */
const PROBLEMS_MAX = 10;

/**
 * Reads a YAML file of this shape; defaults are filled in, unknown keys are errors.
 * @throws SimulatorError INVALID_SETTINGS that names every problem with its line
 */
export function readYamlSettings<S extends TSchema>(schema: S, file: string): Static<S> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new SimulatorError("INVALID_SETTINGS", `cannot read the settings file ${file}: ${messageOf(error)}`);
  }
  if (text.length > FILE_BYTES_MAX) {
    throw new SimulatorError("INVALID_SETTINGS", `${file} is larger than ${FILE_BYTES_MAX} bytes`);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken !== undefined) {
    throw new SimulatorError("INVALID_SETTINGS", `${file} is no YAML: ${broken.message}`);
  }
  const value: unknown = Value.Default(schema, document.toJS());
  const problems = [...Value.Errors(schema, value)].slice(0, PROBLEMS_MAX);
  if (problems.length === 0) return value as Static<S>;
  const told = problems.map((problem) => {
    const path = problem.instancePath.split("/").slice(1);
    const key = path.length === 0 ? "the file" : path.join(".");
    return `${file}:${lineOf(document, path, lines)}: ${key} ${problem.message}`;
  });
  throw new SimulatorError("INVALID_SETTINGS", `the settings are not valid:\n${told.join("\n")}`);
}

/** Line of a value, or of the nearest thing around it that is there. */
function lineOf(document: Document, path: readonly string[], lines: LineCounter): number {
  for (let length = path.length; length > 0; length--) {
    const keys = path.slice(0, length).map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    const node = document.getIn(keys, true);
    if (typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range)) {
      return lines.linePos(Number(node.range[0])).line;
    }
  }
  return 1;
}
