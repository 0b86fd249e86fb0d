import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { FairGate } from "@landfall/streams/identity/fair-gate";
import { hash, parseOptions, verify } from "@node-rs/argon2";
import { PASSWORD_CHECKS_AT_ONCE, PASSWORD_CHECKS_WAITING_MAX } from "../limits.js";
import type { DeviceList, KnownDevice } from "./device-list.js";

/** `busy`: too many wait to be checked; `too many`: this address has used up its wrong ones. Both say nothing of the password. */
export type PasswordVerdict = "right" | "wrong" | "too many" | "busy";

/**
 * Checks devices' passwords. A name that is not there costs as much time as a wrong password. What has once been
 * found right is remembered (keyed by a secret of this process), so that a whole ship that comes back after a cut is let in
 * without a hash each.
 */
export class Passwords {
  readonly #secret = randomBytes(32);
  /** Device → digest of the hash and password that were right together. */
  readonly #right = new Map<string, Buffer>();
  #nobody: Promise<string> | undefined;
  readonly #gate = new FairGate(PASSWORD_CHECKS_AT_ONCE, PASSWORD_CHECKS_WAITING_MAX);

  /** Whether it was found right before; costs nearly nothing. */
  isKnown(device: KnownDevice, password: Uint8Array): boolean {
    const known = this.#right.get(device.name);
    return known !== undefined && timingSafeEqual(known, this.#digest(device, password));
  }

  /** @param mayTry asked when it is this one's turn: others that were wrong meanwhile may have used up what was left */
  async check(
    devices: DeviceList,
    name: string,
    password: Uint8Array,
    { address, mayTry }: { readonly address: string; readonly mayTry: () => boolean },
  ): Promise<PasswordVerdict> {
    const device = devices.get(name);
    const expected = device?.passwordHash ?? (await this.#hashOfNobody(devices));
    const verdict = await this.#gate.run(address, async (): Promise<PasswordVerdict> => {
      // A connection of the same device may have proved it meanwhile.
      if (device !== undefined && this.isKnown(device, password)) return "right";
      if (!mayTry()) return "too many";
      const isRight = await verify(expected, password);
      if (!isRight || device?.passwordHash === undefined) return "wrong";
      this.#right.set(name, this.#digest(device, password));
      return "right";
    });
    return verdict ?? "busy";
  }

  #digest({ passwordHash = "" }: KnownDevice, password: Uint8Array): Buffer {
    return createHmac("sha256", this.#secret).update(passwordHash).update("\0").update(password).digest();
  }

  /** A hash that no password fits, as costly as that of the first device. */
  #hashOfNobody(devices: DeviceList): Promise<string> {
    const like = devices.first?.passwordHash;
    const cost = like === undefined ? undefined : parseOptions(like);
    return (this.#nobody ??= hash(
      randomBytes(32),
      cost && { memoryCost: cost.memoryCost, timeCost: cost.timeCost, parallelism: cost.parallelism },
    ));
  }
}
