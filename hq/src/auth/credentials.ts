import { bearerToken } from "@landfall/streams/http/principals";
import type { IncomingHttpHeaders } from "node:http";
import { MachineTokens } from "./machine-tokens.js";
import type { Person } from "./person.js";
import { SESSION_COOKIE, type Session, type Sessions } from "./sessions.js";

/** What somebody proves with who they are. */
export interface Credential {
  readonly kind: "session" | "token";
  /** Names it; nobody gets in with that. */
  readonly id: string;
  readonly person: Person;
  /** Whether it still counts, and the person is as they were: for what stays open. */
  readonly isAlive: () => boolean;
  readonly session?: Session;
}

/** Finds who sent a request: a bearer token, of a session or of a program, before the cookie. */
export class Credentials {
  constructor(
    private readonly sessions: Sessions,
    private readonly tokens: MachineTokens,
    private readonly parseCookie: (text: string) => Readonly<Record<string, string | undefined>>,
    private readonly personOf: (name: string) => Person | undefined,
  ) {}

  of({ authorization, cookie }: Pick<IncomingHttpHeaders, "authorization" | "cookie">): Credential | undefined {
    // Whoever says who they are is not also somebody else's browser.
    if (typeof authorization === "string") {
      const token = bearerToken(authorization);
      if (token === undefined) return undefined;
      return MachineTokens.isOne(token) ? this.ofToken(token) : this.ofSession(token);
    }
    const token = typeof cookie === "string" ? this.parseCookie(cookie)[SESSION_COOKIE] : undefined;
    return token === undefined ? undefined : this.ofSession(token);
  }

  private ofSession(token: string): Credential | undefined {
    const session = this.sessions.check(token);
    if (!session) return undefined;
    const { id, person } = session;
    return { kind: "session", id, person, session, isAlive: () => this.sessions.isAlive(session) };
  }

  private ofToken(text: string): Credential | undefined {
    const found = this.tokens.find(text);
    if (!found) return undefined;
    const { token, person } = found;
    const isAlive = () => this.tokens.isAlive(token) && this.personOf(person.name) === person;
    return { kind: "token", id: token.id, person, isAlive };
  }
}
