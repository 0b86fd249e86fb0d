import type { PersonChange, PersonRequest, TokenRequest } from "@landfall/proto/api";
import type { Env } from "@landfall/streams/env";
import { LandfallError } from "@landfall/streams/model/errors";
import { TOKEN_DAYS_DEFAULT } from "../limits.js";
import type { MachineToken, MachineTokens } from "./machine-tokens.js";
import { hashPassword } from "./password-checker.js";
import type { People } from "./people.js";
import { checkNewPassword, type Person } from "./person.js";
import type { Sessions } from "./sessions.js";

const DAY_MS = 86_400_000;

/** What is done with people: whoever loses the right to come in loses what they came in with, before it is answered. */
export class PeopleDesk {
  constructor(
    private readonly parts: {
      readonly people: People;
      readonly sessions: Sessions;
      readonly tokens: MachineTokens;
      readonly env: Pick<Env, "now">;
    },
  ) {}

  /** @throws LandfallError INVALID_ARGUMENT, CONFLICT, DISK_FULL, DISK_FAILED */
  async add({ name, displayName, groups = [], roles = [], password }: PersonRequest): Promise<Person> {
    if (password !== undefined) checkNewPassword(name, password);
    if (this.parts.people.get(name) === undefined) {
      // Left by a crash, of somebody who had the name before.
      await this.parts.tokens.revoke(({ user }) => user === name);
      await this.parts.sessions.endOf(name);
    }
    return this.parts.people.add({
      name,
      ...(displayName !== undefined && { displayName }),
      ...(password !== undefined && { passwordHash: await hashPassword(password) }),
      groups,
      roles,
    });
  }

  /** @throws LandfallError NOT_FOUND, INVALID_ARGUMENT, CONFLICT, DISK_FULL, DISK_FAILED */
  async change(name: string, { password, ...change }: PersonChange): Promise<Person> {
    const { people, sessions } = this.parts;
    if (password !== undefined) {
      checkNewPassword(name, password);
      if (people.get(name)?.external) {
        throw new LandfallError("CONFLICT", `${name} signs in at the identity provider, and has no password here`);
      }
    }
    const passwordHash = password === undefined ? {} : { passwordHash: await hashPassword(password) };
    const changed = await people.change(name, { ...change, ...passwordHash });
    if (password !== undefined || change.disabled === true) await sessions.endOf(name);
    return changed;
  }

  /** @throws LandfallError NOT_FOUND, CONFLICT, DISK_FULL, DISK_FAILED */
  async remove(name: string): Promise<void> {
    const { people, sessions, tokens } = this.parts;
    await people.remove(name);
    await sessions.endOf(name);
    // Whoever is given the name next is somebody else.
    await tokens.revoke(({ user }) => user === name);
  }

  /** @param by who asks: for themselves when `wanted` names nobody */
  async createToken(by: string, wanted: TokenRequest): Promise<{ token: MachineToken; text: string }> {
    const { people, tokens, env } = this.parts;
    const user = wanted.user ?? by;
    const person = people.get(user);
    if (!person || person.disabled) {
      throw new LandfallError("INVALID_ARGUMENT", `body/user: there is nobody called ${user} who may come in`);
    }
    const expires = env.now() + (wanted.days ?? TOKEN_DAYS_DEFAULT) * DAY_MS;
    return tokens.create({ user, label: wanted.label, by, expires });
  }
}
