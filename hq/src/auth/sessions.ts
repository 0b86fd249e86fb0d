import { createHash, randomUUID } from "node:crypto";
import type { JWT } from "@fastify/jwt";
import type { Principal } from "@landfall/streams/access/policy";
import type { Env } from "@landfall/streams/env";
import type { UserEntry } from "../settings.js";
import type { Revocations } from "./revocations.js";

export const SESSION_COOKIE = "landfall_session";

/** Somebody who signed in, until when. Groups and roles are always those of the settings, not of the sign-in. */
export interface Session {
  readonly id: string;
  readonly user: UserEntry;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

interface Claims {
  readonly jti: string;
  readonly sub: string;
  /** Seconds since 1970. */
  readonly exp: number;
  /** Changes with the password, so that a new one ends old sessions. */
  readonly pwd: string;
}

/** Issues and checks the tokens of sessions; each is a signed statement, so that nothing is kept but what was revoked. */
export class Sessions {
  private readonly users: ReadonlyMap<string, UserEntry>;

  constructor(
    private readonly parts: {
      readonly jwt: () => Pick<JWT, "sign" | "verify">;
      readonly revocations: Revocations;
      readonly env: Pick<Env, "now">;
      readonly users: readonly UserEntry[];
      readonly hours: number;
    },
  ) {
    this.users = new Map(parts.users.map((user) => [user.name, user]));
  }

  issue(user: UserEntry): { readonly session: Session; readonly token: string } {
    const now = this.parts.env.now();
    const exp = Math.floor(now / 1000 + this.parts.hours * 3600);
    const jti = randomUUID();
    const claims: Claims = { jti, sub: user.name, exp, pwd: passwordMark(user) };
    const token = this.parts.jwt().sign({ ...claims, iat: Math.floor(now / 1000) });
    return { session: { id: jti, user, expires: exp * 1000 }, token };
  }

  /** The session of a token, or undefined when it is none of ours, over, revoked, or its user's password changed. */
  check(token: string): Session | undefined {
    let claims: Partial<Claims>;
    try {
      claims = this.parts.jwt().verify<Claims>(token, { clockTimestamp: this.parts.env.now() });
    } catch {
      return undefined;
    }
    const { jti, sub, exp, pwd } = claims;
    const user = sub === undefined ? undefined : this.users.get(sub);
    if (!user || jti === undefined || exp === undefined || pwd !== passwordMark(user)) return undefined;
    const session = { id: jti, user, expires: exp * 1000 };
    return this.isAlive(session) ? session : undefined;
  }

  isAlive({ id, expires }: Session): boolean {
    return this.parts.env.now() < expires && !this.parts.revocations.has(id);
  }

  async end(session: Session): Promise<void> {
    await this.parts.revocations.add(session.id, session.expires, this.parts.env.now());
  }
}

export function principalOf({ name, groups, roles }: UserEntry): Principal {
  return { user: name, groups, roles };
}

function passwordMark({ passwordHash }: UserEntry): string {
  return createHash("sha256").update(passwordHash).digest("base64url").slice(0, 16);
}
