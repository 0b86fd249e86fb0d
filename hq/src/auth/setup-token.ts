import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Env } from "@landfall/streams/env";
import { LandfallError } from "@landfall/streams/model/errors";
import { SETUP_MS_MAX } from "../limits.js";
import type { People } from "./people.js";
import { hashOf } from "./sessions.js";

const TOKEN_BYTES = 24;

/**
 * Lets whoever can read this headquarters' log make its first administrator: the token stands there once, and nowhere else, and
 * is good for an hour and for one. Each start without anybody known makes another.
 */
export class SetupToken {
  private hash: string | undefined;
  private until = 0;

  constructor(
    private readonly env: Pick<Env, "monotonic">,
    private readonly people: Pick<People, "awaitsSetup">,
  ) {}

  /** The token, to be shown; undefined where somebody is known. */
  make(): string | undefined {
    if (!this.people.awaitsSetup) return undefined;
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    this.hash = hashOf(token);
    this.until = this.env.monotonic() + SETUP_MS_MAX;
    return token;
  }

  /** Whether there is still a first administrator to be made. */
  get isOpen(): boolean {
    return this.people.awaitsSetup && this.hash !== undefined;
  }

  /** @throws LandfallError UNAUTHENTICATED, saying what to do */
  check(token: string): void {
    const expected = this.hash;
    if (expected === undefined || !timingSafeEqual(Buffer.from(expected), Buffer.from(hashOf(token)))) {
      throw new LandfallError("UNAUTHENTICATED", "that is not the token that this headquarters' log shows");
    }
    if (this.env.monotonic() >= this.until) {
      throw new LandfallError(
        "UNAUTHENTICATED",
        "the token has expired: restart this headquarters, its log shows another",
      );
    }
  }

  /** It has done its work. */
  spend(): void {
    this.hash = undefined;
  }
}
