import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Static, TObject } from "typebox";
import { LandfallError } from "../model/errors.js";
import { environmentKeys, readVariable, unknownVariables, withValue, type EnvironmentKey } from "./environment.js";
import { findProblems, PROBLEMS_MAX, type Problem } from "./problems.js";
import { closed, isGroup, mapValues, type Path, type SettingsSchema } from "./settings-schema.js";
import { closest } from "./suggest.js";
import { parseYaml, type YamlSource } from "./yaml-source.js";

/** A settings file is written by people; one beyond this is something else. */
const SETTINGS_BYTES_MAX = 4 * 1024 * 1024;

export interface SettingsSource<T> {
  /** The YAML file; without one, everything comes from `env` and `overrides`. */
  readonly file?: string;
  /** Variables `LANDFALL_…`; they win over the file. `process.env` for a service, `{}` for a test. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the command line said; it wins over everything. Keys that are undefined do not count. */
  readonly overrides?: Overrides<T>;
  /** What a schema cannot say: called with valid settings, reports what does not fit together. */
  readonly check?: (settings: T, report: (path: Path, message: string) => void) => void;
  /** Told about variables with our prefix that name no setting; they are not errors, since others set such too. */
  readonly warn?: (message: string) => void;
}

export type Overrides<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Overrides<T[K]> | undefined }
    : T;

/**
 * Reads, merges and checks settings: the schema's defaults, then the file, then the environment, then overrides.
 * Keys that the schema does not know are errors. Strings annotated `isPath` come back absolute: relative to the
 * file's folder when they (or their default) come from the file, to the current folder otherwise.
 * @throws LandfallError INVALID_SETTINGS whose message lists every problem with its place, one per line
 */
export function loadSettings<S extends TObject>(schema: S, source: SettingsSource<Static<S>>): Static<S> {
  const strict = closed(schema);
  const file = source.file === undefined ? undefined : readSettingsFile(source.file);
  if (file && file.problems.length > 0) {
    throw invalid(file.problems.map(({ at, message }) => `${at}: ${message}`));
  }

  const keys = environmentKeys(strict);
  const fromEnv = keys.filter(({ name }) => source.env?.[name] !== undefined);
  let merged: Record<string, unknown> = file?.value ?? {};
  for (const { name, path, schema: at } of fromEnv) {
    merged = withValue(merged, path, readVariable(source.env?.[name] ?? "", at));
  }
  const overridden: Path[] = [];
  for (const [path, value] of leaves(source.overrides ?? {})) {
    merged = withValue(merged, path, value);
    overridden.push(path);
  }
  warnOfUnknown(source, keys);

  const origin = originOf(file, fromEnv, overridden);
  const folder = source.file === undefined ? process.cwd() : dirname(resolve(source.file));
  const value = complete(strict, merged, file, origin, folder);
  const place = ({ path, message }: Problem): string => `${origin(path).place}: ${message}`;
  const problems = findProblems(strict, value).map(place);
  if (problems.length > 0) throw invalid(problems);
  const settings = value as Static<S>;
  source.check?.(settings, (path, message) => problems.push(place({ path, message })));
  if (problems.length > 0) throw invalid(problems);
  return settings;
}

function readSettingsFile(file: string): YamlSource {
  let text: string;
  try {
    if (statSync(file).size > SETTINGS_BYTES_MAX) throw new Error(`larger than ${SETTINGS_BYTES_MAX} bytes`);
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "this is a folder" : message;
    throw new LandfallError("INVALID_SETTINGS", `cannot read the settings file ${file}: ${why}`, { cause: error });
  }
  return parseYaml(text, file);
}

/** Defaults filled in, numbers written where text is wanted taken as written, paths made absolute. */
function complete(
  schema: SettingsSchema,
  merged: Record<string, unknown>,
  file: YamlSource | undefined,
  origin: (path: Path) => { readonly isFile: boolean },
  folder: string,
): unknown {
  return mapValues(schema, merged, (at, given, path) => {
    let value = given === undefined ? structuredClone(at.default) : given;
    if (at.type === "string" && typeof value === "number") {
      // `imo: 9321483` needs no quotes.
      value = (origin(path).isFile ? file?.textOf(path) : undefined) ?? String(value);
    }
    if (at.isPath && typeof value === "string") value = resolve(origin(path).isFile ? folder : process.cwd(), value);
    return value;
  });
}

/** Tells where the value at a path came from: the command line, a variable, or a place in the file. */
function originOf(file: YamlSource | undefined, fromEnv: readonly EnvironmentKey[], overridden: readonly Path[]) {
  return (path: Path): { readonly place: string; readonly isFile: boolean } => {
    if (overridden.some((prefix) => startsWith(path, prefix))) return { place: "command line", isFile: false };
    const variable = fromEnv.find((key) => startsWith(path, key.path));
    if (variable) return { place: variable.name, isFile: false };
    return file ? { place: file.positionOf(path), isFile: true } : { place: "settings", isFile: false };
  };
}

function startsWith(path: Path, prefix: Path): boolean {
  return prefix.every((step, i) => path[i] === step);
}

/** Paths and values of what is set in a tree of overrides; lists count as one value. */
function leaves(tree: object, path: Path = []): [Path, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [Path, unknown][] => {
    if (value === undefined) return [];
    return isGroup(value) ? leaves(value, [...path, key]) : [[[...path, key], value]];
  });
}

function warnOfUnknown(source: Pick<SettingsSource<unknown>, "env" | "warn">, keys: readonly EnvironmentKey[]): void {
  for (const name of unknownVariables(source.env ?? {}, keys)) {
    const meant = closest(
      name,
      keys.map((key) => key.name),
    );
    if (meant) source.warn?.(`${name} is not a setting, did you mean ${meant}?`);
  }
}

function invalid(problems: readonly string[]): LandfallError {
  const shown = problems.slice(0, PROBLEMS_MAX);
  const rest = problems.length - shown.length;
  if (rest > 0) shown.push(`and ${rest} more`);
  return new LandfallError("INVALID_SETTINGS", `the settings are not valid\n  ${shown.join("\n  ")}`);
}
