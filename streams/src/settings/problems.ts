import { Errors } from "typebox/schema";
import { Settings } from "typebox/system";
import { closest } from "./suggest.js";
import { describeWanted, schemaAt, showPath, type Path, type SettingsSchema } from "./settings-schema.js";

/** Problems shown at once: more would scroll the first ones away. */
export const PROBLEMS_MAX = 50;
/** Characters of a wrong value that are shown. */
const VALUE_CHARS_MAX = 60;

export interface Problem {
  readonly path: Path;
  /** What is wrong and what is wanted, without the place. */
  readonly message: string;
}

/** Everything that is wrong with `value`, in the order of the schema. */
export function findProblems(schema: SettingsSchema, value: unknown): Problem[] {
  const problems = new Map<string, Problem>();
  const add = (path: Path, message: string): void => {
    const key = JSON.stringify(path);
    if (!problems.has(key)) problems.set(key, { path, message });
  };
  for (const error of allErrors(schema, value)) {
    const path = pathOf(error.instancePath, value);
    // One problem for a choice, not one for each option that did not fit.
    if (error.schemaPath.includes("/anyOf/")) continue;
    if (error.keyword === "required") {
      for (const name of error.params.requiredProperties) {
        const wanted = describeWanted(schemaAt(schema, [...path, name]));
        add([...path, name], `${showPath([...path, name])} is missing, want ${wanted}`);
      }
    } else if (error.keyword === "boolean") {
      add(path, unknownKey(schema, path));
    } else if (error.keyword !== "additionalProperties") {
      const at = schemaAt(schema, path);
      const what = at?.isSecret ? "not acceptable (not shown)" : describeValue(valueAt(value, path));
      add(path, `${showPath(path)} is ${what}, want ${describeWanted(at)}`);
    }
  }
  return [...problems.values()];
}

function allErrors(schema: SettingsSchema, value: unknown): ReturnType<typeof Errors>[1] {
  // TypeBox stops at eight; the setting is global, so it is put back before anybody else can run.
  const before = Settings.Get().maxErrors;
  Settings.Set({ maxErrors: PROBLEMS_MAX * 4 });
  try {
    const [, errors] = Errors(schema as object, value);
    return errors;
  } finally {
    Settings.Set({ maxErrors: before });
  }
}

function unknownKey(schema: SettingsSchema, path: Path): string {
  const parent = schemaAt(schema, path.slice(0, -1));
  const known = Object.keys(parent?.properties ?? {});
  const meant = closest(String(path.at(-1)), known);
  return `${showPath(path)} is not a setting${meant ? `, did you mean ${meant}?` : `, want one of ${known.join(", ")}`}`;
}

/** JSON pointer to path; a list's positions become numbers. */
function pathOf(pointer: string, root: unknown): Path {
  const path: (string | number)[] = [];
  let at = root;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(at) ? Number(key) : key);
    at = (at as Record<string, unknown> | undefined)?.[key];
  }
  return path;
}

function valueAt(root: unknown, path: Path): unknown {
  let at = root;
  for (const step of path) at = (at as Record<string | number, unknown> | undefined)?.[step];
  return at;
}

export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a group of keys";
  // What is left is text, a number or a boolean: JSON shows which.
  const text = JSON.stringify(value);
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
}
