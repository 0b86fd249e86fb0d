import { LandfallError } from "@landfall/streams/model/errors";
import { USERNAME_CHARS_MAX } from "../limits.js";
import type { OidcSettings } from "../settings.js";
import type { Person } from "./person.js";

export type Claims = Readonly<Record<string, unknown>>;
export type Vouched = Person & { readonly external: NonNullable<Person["external"]> };

/** Whoever has any group, or none. */
const EVERYBODY = "*";

/**
 * Who the provider's claims say somebody is: their groups and roles are those that the settings give for their groups there, and no
 * group of the provider counts by itself.
 * @throws LandfallError UNAUTHENTICATED when the settings let nobody in with these groups, or the name is none
 */
export function personOfClaims(settings: OidcSettings, issuer: string, claims: Claims): Vouched {
  const { sub: subject } = claims;
  if (typeof subject !== "string" || subject === "") throw refused("the provider does not say who that is (sub)");
  const theirs = groupsIn(claims[settings.groupsClaim]);
  const given = settings.groups.filter(({ claim }) => claim === EVERYBODY || theirs.has(claim));
  if (given.length === 0) {
    throw refused("none of your groups there lets you in here: ask an administrator of this headquarters");
  }
  const displayName = claims["name"];
  return {
    name: nameOf(settings, claims),
    ...(typeof displayName === "string" && displayName !== "" && { displayName: displayName.slice(0, 255) }),
    groups: unique(given.flatMap(({ groups }) => groups)),
    roles: unique(given.flatMap(({ roles }) => roles)),
    external: { issuer, subject },
  };
}

/** The prefix keeps them apart from who is known here by a password, and from sites. */
function nameOf({ nameClaim, namePrefix }: OidcSettings, claims: Claims): string {
  const claim = claims[nameClaim] ?? claims["sub"];
  if (typeof claim !== "string" || claim === "") throw refused(`the provider does not say ${nameClaim}`);
  // Two that become one are told apart by their subjects: the second is refused.
  const name = `${namePrefix}${claim.toLowerCase().replaceAll(/[^a-z0-9._-]/g, "-")}`;
  if (name.length > USERNAME_CHARS_MAX) throw refused(`${nameClaim} is too long`);
  return name;
}

function groupsIn(claim: unknown): ReadonlySet<string> {
  const list: readonly unknown[] = Array.isArray(claim) ? claim : typeof claim === "string" ? claim.split(/[ ,]+/) : [];
  return new Set(list.filter((one): one is string => typeof one === "string" && one !== ""));
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}

function refused(why: string): LandfallError {
  return new LandfallError("UNAUTHENTICATED", why);
}
