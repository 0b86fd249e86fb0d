import { randomBytes } from "node:crypto";
import { hash, parseOptions, verify } from "@node-rs/argon2";
import { PASSWORD_CHECKS_AT_ONCE, PASSWORD_CHECKS_WAITING_MAX } from "../limits.js";
import { Gate } from "../util/gate.js";
import type { People } from "./people.js";
import type { Person } from "./person.js";

/**
 * Checks passwords. Somebody who does not exist costs as much time as a wrong password, so that the answer's
 * time does not tell who has an account here.
 */
export class PasswordChecker {
  private nobody: Promise<string> | undefined;
  private readonly gate = new Gate(
    PASSWORD_CHECKS_AT_ONCE,
    PASSWORD_CHECKS_WAITING_MAX,
    "too many people sign in at this moment",
  );

  constructor(private readonly people: Pick<People, "get" | "list">) {}

  /**
   * The person, when the password is theirs and they are not disabled. `mayTry` is called when it is this attempt's turn, and
   * throws where others that failed meanwhile have used up what was left.
   * @throws LandfallError OVERLOADED when too many are waiting to be checked
   */
  async check(name: string, password: string, mayTry: () => void): Promise<Person | undefined> {
    const expected = this.people.get(name)?.passwordHash ?? (await this.hashOfNobody());
    return this.gate.run(async () => {
      mayTry();
      const isRight = await verify(expected, password);
      // As they are now: the check took its time.
      const person = this.people.get(name);
      return isRight && person?.passwordHash === expected && !person.disabled ? person : undefined;
    });
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
