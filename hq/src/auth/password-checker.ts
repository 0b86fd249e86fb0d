import { randomBytes } from "node:crypto";
import { FairGate } from "@landfall/streams/identity/fair-gate";
import { LandfallError } from "@landfall/streams/model/errors";
import { hash, parseOptions, verify } from "@node-rs/argon2";
import { PASSWORD_CHECKS_AT_ONCE, PASSWORD_CHECKS_WAITING_MAX } from "../limits.js";
import type { People } from "./people.js";
import type { Person } from "./person.js";

/**
 * Checks passwords. Somebody who does not exist costs as much time as a wrong password, so that the answer's
 * time does not tell who has an account here.
 */
export class PasswordChecker {
  private nobody: Promise<string> | undefined;
  private readonly gate = new FairGate(PASSWORD_CHECKS_AT_ONCE, PASSWORD_CHECKS_WAITING_MAX);

  constructor(private readonly people: Pick<People, "get" | "list">) {}

  /**
   * The person, when the password is theirs and they are not disabled. Networks take turns. `mayTry` is called when it is this
   * attempt's turn, and throws where others that failed meanwhile have used up what was left.
   * @throws LandfallError OVERLOADED when too many are waiting to be checked
   */
  async check(
    name: string,
    password: string,
    { address, mayTry }: { readonly address: string; readonly mayTry: () => void },
  ): Promise<Person | undefined> {
    const expected = this.people.get(name)?.passwordHash ?? (await this.hashOfNobody());
    const checked = await this.gate.run(address, async () => {
      mayTry();
      const isRight = await verify(expected, password);
      // As they are now: the check took its time.
      const person = this.people.get(name);
      return { person: isRight && person?.passwordHash === expected && !person.disabled ? person : undefined };
    });
    if (!checked) {
      throw new LandfallError("OVERLOADED", "too many people sign in at this moment: try again in a few seconds");
    }
    return checked.person;
  }

  /** A hash that no password fits, as costly as that of the first user. */
  private hashOfNobody(): Promise<string> {
    const like = this.people.list().find(({ passwordHash }) => passwordHash !== undefined)?.passwordHash;
    const cost = like === undefined ? undefined : parseOptions(like);
    return (this.nobody ??= hash(
      randomBytes(32),
      cost && { memoryCost: cost.memoryCost, timeCost: cost.timeCost, parallelism: cost.parallelism },
    ));
  }
}

/** argon2id with the library's parameters, which follow OWASP's. */
export function hashPassword(password: string): Promise<string> {
  return hash(password);
}
