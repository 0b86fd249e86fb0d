import type { PersonReply } from "@landfall/proto/api";
import type { Principal } from "@landfall/streams/access/policy";
import { LandfallError } from "@landfall/streams/model/errors";
import { PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, USERNAME_CHARS_MAX } from "../limits.js";

/** Somebody who may come in. Never changed in place: another state is another object. */
export interface Person {
  readonly name: string;
  readonly displayName?: string;
  /** argon2id; absent for a machine, and for who signs in at the identity provider. */
  readonly passwordHash?: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  /** Nothing of theirs is let in, and they are not forgotten. */
  readonly disabled?: true;
  /** Who they are at the identity provider. */
  readonly external?: { readonly issuer: string; readonly subject: string };
}

export const NAME_PATTERN = "^[a-z0-9][a-z0-9._-]*$";
/** Sites are principals of these names: nobody may pass for one. */
const SITE_PREFIX = "site.";

/** Why this cannot be a person's name; undefined when it can. */
export function nameProblem(name: string): string | undefined {
  if (name.length > USERNAME_CHARS_MAX || !new RegExp(NAME_PATTERN).test(name)) {
    return `want lower-case letters, digits, '.', '_' and '-', at most ${USERNAME_CHARS_MAX}`;
  }
  return name.startsWith(SITE_PREFIX) ? `names that begin with ${SITE_PREFIX} are those of sites` : undefined;
}

/** @throws LandfallError INVALID_ARGUMENT for a password that would be guessed */
export function checkNewPassword(name: string, password: string): void {
  const why =
    password.length < PASSWORD_CHARS_MIN
      ? `want at least ${PASSWORD_CHARS_MIN} characters; a few words in a row are good`
      : password.length > PASSWORD_CHARS_MAX
        ? `want at most ${PASSWORD_CHARS_MAX} characters`
        : password.toLowerCase().includes(name) && password.length < name.length + PASSWORD_CHARS_MIN
          ? "the name in it does not count: make it longer"
          : /^(.)\1*$/.test(password)
            ? "one character over and over is no password"
            : undefined;
  if (why !== undefined) throw new LandfallError("INVALID_ARGUMENT", `body/password: ${why}`);
}

export function principalOf({ name, groups, roles }: Pick<Person, "name" | "groups" | "roles">): Principal {
  return { user: name, groups, roles };
}

export function isAdministrator({ roles }: Pick<Person, "roles">): boolean {
  return roles.includes("admin");
}

/** What administrators are told: nothing of the password but whether there is one. */
export function describePerson(person: Person, isOfSettings: boolean): PersonReply {
  const { name, displayName, groups, roles, passwordHash, external, disabled } = person;
  return {
    name,
    displayName: displayName ?? name,
    groups,
    roles,
    disabled: disabled === true,
    signsIn: external ? "provider" : passwordHash === undefined ? "never" : "password",
    source: isOfSettings ? "settings" : "kept",
  };
}
