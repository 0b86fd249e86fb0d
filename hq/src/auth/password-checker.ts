import { randomBytes } from "node:crypto";
import { hash, parseOptions, verify } from "@node-rs/argon2";
import { PASSWORD_CHECKS_AT_ONCE, PASSWORD_CHECKS_WAITING_MAX } from "../limits.js";
import type { UserEntry } from "../settings.js";
import { Gate } from "../util/gate.js";

/**
 * Checks passwords. Somebody who does not exist costs as much time as a wrong password, so that the answer's
 * time does not tell who has an account here.
 */
export class PasswordChecker {
  private readonly users: ReadonlyMap<string, UserEntry>;
  private nobody: Promise<string> | undefined;
  private readonly gate = new Gate(
    PASSWORD_CHECKS_AT_ONCE,
    PASSWORD_CHECKS_WAITING_MAX,
    "too many people sign in at this moment",
  );

  constructor(users: readonly UserEntry[]) {
    this.users = new Map(users.map((user) => [user.name, user]));
  }

  user(name: string): UserEntry | undefined {
    return this.users.get(name);
  }

  /**
   * The user, when the password is theirs. `mayTry` is called when it is this attempt's turn, and throws where others
   * that failed meanwhile have used up what was left.
   * @throws LandfallError OVERLOADED when too many are waiting to be checked
   */
  async check(name: string, password: string, mayTry: () => void): Promise<UserEntry | undefined> {
    const user = this.users.get(name);
    const expected = user?.passwordHash ?? (await this.hashOfNobody());
    return this.gate.run(async () => {
      mayTry();
      const isRight = await verify(expected, password);
      return isRight && user ? user : undefined;
    });
  }

  /** A hash that no password fits, as costly as that of the first user. */
  private hashOfNobody(): Promise<string> {
    const [like] = this.users.values();
    const cost = like && parseOptions(like.passwordHash);
    return (this.nobody ??= hash(
      randomBytes(32),
      cost && { memoryCost: cost.memoryCost, timeCost: cost.timeCost, parallelism: cost.parallelism },
    ));
  }
}
