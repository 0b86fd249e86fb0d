import type { Env } from "@landfall/streams/env";
import { networkOf } from "@landfall/streams/identity/network";
import { LandfallError } from "@landfall/streams/model/errors";
import type { Attempts } from "./attempts.js";
import type { PasswordChecker } from "./password-checker.js";
import type { Person } from "./person.js";

export interface SignInParts {
  readonly passwords: PasswordChecker;
  readonly attempts: Attempts;
  readonly env: Pick<Env, "monotonic">;
}

/**
 * Who has this name and password. Wrong ones make the next wait, per name and network.
 * @param onWait told for how many seconds, before OVERLOADED is thrown
 * @throws LandfallError UNAUTHENTICATED, OVERLOADED
 */
export async function checkPassword(
  { passwords, attempts, env }: SignInParts,
  { name, password, address }: { readonly name: string; readonly password: string; readonly address: string },
  onWait: (seconds: number) => void,
): Promise<Person> {
  const network = networkOf(address);
  const mayTry = (): void => {
    const wait = attempts.waitMs(name, network, env.monotonic());
    if (wait <= 0) return;
    const seconds = Math.ceil(wait / 1000);
    onWait(seconds);
    throw new LandfallError("OVERLOADED", `too many wrong passwords: try again in ${seconds} s`);
  };
  mayTry();
  const person = await passwords.check(name, password, { address, mayTry });
  if (!person) {
    attempts.failed(name, network, env.monotonic());
    throw new LandfallError("UNAUTHENTICATED", "this user name and password do not belong together");
  }
  attempts.succeeded(name, network);
  return person;
}
