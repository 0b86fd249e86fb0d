import { matchesPattern } from "../access/pattern.js";
import type { StreamName } from "../model/names.js";
import type { RetentionRule } from "../settings/node-settings.js";
import type { Retention } from "../store/store.js";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MEGABYTE = 1_000_000;

/** How long this site keeps each stream: the first rule whose pattern matches; without one, for ever (S5). */
export function retentionOf(rules: readonly RetentionRule[]): (stream: StreamName) => Retention | undefined {
  const known = new Map<StreamName, Retention | undefined>();
  return (stream) => {
    if (!known.has(stream)) {
      const rule = rules.find(({ stream: pattern }) => matchesPattern(pattern, stream));
      known.set(stream, rule && limitsOf(rule));
    }
    return known.get(stream);
  };
}

function limitsOf({ minutes, days, megabytes, compact }: RetentionRule): Retention {
  const ageMs = minutes === undefined ? days && days * DAY_MS : minutes * MINUTE_MS;
  return {
    ...(ageMs !== undefined && { ageMs }),
    ...(megabytes !== undefined && { bytes: megabytes * MEGABYTE }),
    ...(compact !== undefined && { compact }),
  };
}
