import type { TObject } from "typebox";

/** Where a value stands in the settings: keys and list positions from the root. */
export type Path = readonly (string | number)[];

/** The part of JSON Schema that settings use, with three annotations of our own. */
export interface SettingsSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SettingsSchema>>;
  readonly patternProperties?: Readonly<Record<string, SettingsSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | SettingsSchema;
  readonly items?: SettingsSchema;
  readonly anyOf?: readonly SettingsSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  /** What is wanted, for people: `host:port, e.g. 127.0.0.1:9101`. */
  readonly wanted?: string;
  /** A file or folder: a relative one in the YAML file is relative to that file. */
  readonly isPath?: boolean;
  /** Never shown in an error. */
  readonly isSecret?: boolean;
}

/**
 * The schema as it is enforced: unknown keys are errors, and a required group whose own keys may all have
 * defaults may be left out, unless the author said otherwise.
 */
export function closed(schema: TObject): SettingsSchema {
  return close(JSON.parse(JSON.stringify(schema)) as SettingsSchema, false);
}

function close(schema: SettingsSchema, isRequired: boolean): SettingsSchema {
  const map = (group: Readonly<Record<string, SettingsSchema>>, required: readonly string[] = []) =>
    Object.fromEntries(Object.entries(group).map(([key, value]) => [key, close(value, required.includes(key))]));
  return {
    ...schema,
    ...(schema.properties && {
      properties: map(schema.properties, schema.required),
      additionalProperties: schema.additionalProperties ?? false,
      ...(isRequired && schema.default === undefined && { default: {} }),
    }),
    ...(schema.patternProperties && { patternProperties: map(schema.patternProperties) }),
    ...(schema.items && { items: close(schema.items, false) }),
    ...(schema.anyOf && { anyOf: schema.anyOf.map((option) => close(option, false)) }),
  };
}

/** The schema of the value at `path`, as far as it is known. */
export function schemaAt(schema: SettingsSchema | undefined, path: Path): SettingsSchema | undefined {
  let at = schema;
  for (const step of path) {
    if (at?.anyOf) at = at.anyOf.find((option) => option.properties ?? option.items);
    if (at === undefined) return undefined;
    at = typeof step === "number" ? at.items : childSchema(at, step);
  }
  return at;
}

export function childSchema(schema: SettingsSchema, key: string): SettingsSchema | undefined {
  const own = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined;
  if (own) return own;
  for (const [pattern, value] of Object.entries(schema.patternProperties ?? {})) {
    if (new RegExp(pattern).test(key)) return value;
  }
  return typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
}

/** Calls `visit` for every value that has a schema, parents first; what it returns takes the value's place. */
export function mapValues(
  schema: SettingsSchema | undefined,
  value: unknown,
  visit: (schema: SettingsSchema, value: unknown, path: Path) => unknown,
  path: Path = [],
): unknown {
  if (!schema) return value;
  const now = visit(schema, value, path);
  const inner = schema.anyOf?.find((option) => (Array.isArray(now) ? option.items : option.properties)) ?? schema;
  if (Array.isArray(now)) return now.map((item, i) => mapValues(inner.items, item, visit, [...path, i]));
  if (!isGroup(now)) return now;
  const keys = new Set([...Object.keys(now), ...Object.keys(inner.properties ?? {})]);
  const entries: [string, unknown][] = [];
  for (const key of keys) {
    const child = mapValues(childSchema(inner, key), now[key], visit, [...path, key]);
    if (child !== undefined) entries.push([key, child]);
  }
  return Object.fromEntries(entries);
}

export function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `links[2].address` */
export function showPath(path: Path): string {
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
}

/** What a value must be, in words. */
export function describeWanted(schema: SettingsSchema | undefined): string {
  if (!schema) return "something else";
  if (schema.wanted) return schema.wanted;
  const choices = schema.enum ?? schema.anyOf?.map((option) => option.const);
  if (choices?.every((choice) => choice !== undefined)) return `one of ${choices.map(String).join(", ")}`;
  if (schema.anyOf) return schema.anyOf.map(describeWanted).join(", or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (schema.type) {
    case "integer":
      return `a whole number${range(schema)}`;
    case "number":
      return `a number${range(schema)}`;
    case "boolean":
      return "true or false";
    case "string":
      return `text${lengths(schema.minLength, schema.maxLength, "character", "characters")}`;
    case "array":
      return `a list${lengths(schema.minItems, schema.maxItems, "entry", "entries")}`;
    case "object":
      return `a group of keys (${Object.keys(schema.properties ?? {}).join(", ")})`;
    default:
      return "something else";
  }
}

function range({ minimum, maximum }: SettingsSchema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of ${minimum} or more`;
  return maximum === undefined ? "" : ` of ${maximum} or less`;
}

function lengths(min: number | undefined, max: number | undefined, one: string, many: string): string {
  const parts = [min && `at least ${min}`, max !== undefined && `at most ${max}`].filter(Boolean);
  return parts.length === 0 ? "" : ` of ${parts.join(" and ")} ${(max ?? min) === 1 ? one : many}`;
}
