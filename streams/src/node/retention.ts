import type { TravellingRetention } from "@landfall/proto/api";
import { matchesPattern } from "../access/pattern.js";
import { isSettings } from "../access/policy.js";
import { ownerOfStream, type StreamName } from "../model/names.js";
import type { RetentionRule, SiteEntry } from "../settings/node-settings.js";
import type { Retention } from "../store/store.js";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MEGABYTE = 1_000_000;
/** Of rules and bookings the newest counts, however old it is. */
const SETTINGS: Retention = { compact: true };

export interface TravellingRetentions {
  /** What travelled for an owner. */
  readonly of: (owner: string) => readonly TravellingRetention[] | undefined;
  /** Where this site stands: rules may be for some sites only. */
  readonly self: Pick<SiteEntry, "site" | "kind">;
}

export interface RetentionOf {
  (stream: StreamName): Retention | undefined;
  /** Rules have changed. */
  forget(): void;
}

/**
 * How long this site keeps each stream: the first rule whose pattern matches, of those that travelled for its owner and then of
 * this site's own; without one, for ever (S5). `*.settings` are compacted and never expire.
 */
export function retentionOf(rules: readonly RetentionRule[], travelling?: TravellingRetentions): RetentionOf {
  const known = new Map<StreamName, Retention | undefined>();
  const find = (stream: StreamName): Retention | undefined => {
    if (isSettings(stream)) return SETTINGS;
    const matches = ({ stream: pattern }: RetentionRule) => matchesPattern(pattern, stream);
    const rule = ownRules(travelling, stream).find(matches) ?? rules.find(matches);
    return rule && limitsOf(rule);
  };
  const of = (stream: StreamName): Retention | undefined => {
    if (!known.has(stream)) known.set(stream, find(stream));
    return known.get(stream);
  };
  return Object.assign(of, { forget: () => known.clear() });
}

function ownRules(travelling: TravellingRetentions | undefined, stream: StreamName): readonly TravellingRetention[] {
  const { site, kind } = travelling?.self ?? {};
  const isHere = ({ at }: TravellingRetention) => at?.some((place) => place === site || place === kind) ?? true;
  return travelling?.of(ownerOfStream(stream))?.filter(isHere) ?? [];
}

function limitsOf({ minutes, days, megabytes, compact }: RetentionRule): Retention {
  const ageMs = minutes === undefined ? days && days * DAY_MS : minutes * MINUTE_MS;
  return {
    ...(ageMs !== undefined && { ageMs }),
    ...(megabytes !== undefined && { bytes: megabytes * MEGABYTE }),
    ...(compact !== undefined && { compact }),
  };
}
