import { parse } from "yaml";
import { isGroup, type Path, type SettingsSchema } from "./settings-schema.js";

const PREFIX = "LANDFALL_";
/** Ours, but read elsewhere: by the command line, and by whoever runs a node as a process. */
const NOT_SETTINGS: readonly string[] = ["LANDFALL_CONFIG", "LANDFALL_EXIT_WITH_PARENT"];

/** One settings key as an environment variable. */
export interface EnvironmentKey {
  readonly name: string;
  readonly path: Path;
  readonly schema: SettingsSchema;
}

/**
 * Names of the environment variables for a schema. The rule: `LANDFALL_`, then the keys from the outside in,
 * each with its camelCase words parted, all in capitals, joined by `_`:
 * `http.port` is `LANDFALL_HTTP_PORT`, `metricsSeconds` is `LANDFALL_METRICS_SECONDS`.
 * A group can be given key by key. A list is given whole.
 */
export function environmentKeys(schema: SettingsSchema, path: Path = []): EnvironmentKey[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => {
    const here = [...path, key];
    return child.properties
      ? environmentKeys(child, here)
      : [{ name: environmentName(here), path: here, schema: child }];
  });
}

export function environmentName(path: Path): string {
  const words = path.map((step) => String(step).replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2"));
  return PREFIX + words.join("_").toUpperCase();
}

/**
 * A variable's text as the value its key wants: text stays text, a list is either YAML (`["*"]`) or words
 * parted by commas (`bigblue.*,port.*`), everything else is read as YAML (`8080`, `true`, `{ … }`).
 * What cannot be read is left as text, for the validation to name.
 */
export function readVariable(text: string, schema: SettingsSchema): unknown {
  if (schema.type === "string" || isTextChoice(schema)) return text;
  const trimmed = text.trim();
  if (schema.type === "array" && schema.items?.type === "string" && !trimmed.startsWith("[")) {
    return trimmed === "" ? [] : trimmed.split(",").map((word) => word.trim());
  }
  try {
    return parse(trimmed, { maxAliasCount: 100 }) as unknown;
  } catch {
    return text;
  }
}

function isTextChoice(schema: SettingsSchema): boolean {
  const choices = schema.enum ?? schema.anyOf?.map((option) => option.const);
  return choices?.every((choice) => typeof choice === "string") ?? false;
}

/** `value` set at `path` in a copy of `tree`; groups on the way are made. */
export function withValue(tree: Record<string, unknown>, path: Path, value: unknown): Record<string, unknown> {
  const [key, ...rest] = path;
  if (key === undefined) return tree;
  const inner = tree[key];
  return { ...tree, [key]: rest.length === 0 ? value : withValue(isGroup(inner) ? inner : {}, rest, value) };
}

/** Variables with our prefix that no key of the schema is named after. */
export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly EnvironmentKey[],
): string[] {
  const names = new Set([...known.map((key) => key.name), ...NOT_SETTINGS]);
  return Object.keys(env).filter((name) => name.startsWith(PREFIX) && !names.has(name));
}
