import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Env } from "@landfall/streams/env";
import { SESSIONS_MAX, SESSIONS_PER_USER_MAX } from "../limits.js";
import type { People } from "./people.js";
import type { Person } from "./person.js";
import { SessionFile, type KeptSession } from "./session-file.js";

export const SESSION_COOKIE = "landfall_session";
const TOKEN_BYTES = 32;
/** When a session was last used is written down after such a part of the idle limit, not each time. */
const SEEN_SHARE = 1 / 16;

/** Somebody who signed in, until when. Groups and roles are always those that they have now, not those of the sign-in. */
export interface Session {
  /** SHA-256 of its token. */
  readonly hash: string;
  /** Names it in the audit, and lets nobody in. */
  readonly id: string;
  readonly person: Person;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export interface SessionParts {
  readonly env: Pick<Env, "now">;
  readonly people: Pick<People, "get">;
  /** A session ends so long after it began, and so long after it was last used. */
  readonly lastsMs: number;
  readonly idleMs: number;
  /** Told when the time of use cannot be written down; nobody waits for that. */
  readonly onError: (error: unknown) => void;
}

/**
 * Sessions of people, kept in a file by hashes of their tokens, so that a restart leaves people signed in. One ends by itself, when
 * it is not used, with signing out, and when the person is disabled, removed or has another password.
 */
export class Sessions {
  private constructor(
    private readonly parts: SessionParts,
    private readonly file: SessionFile,
    /** By hash, the oldest first. */
    private readonly known: Map<string, KeptSession>,
    /** When each was used last, as far as it is written down. */
    private readonly written: Map<string, number>,
  ) {}

  /** @throws LandfallError DISK_FULL, DISK_FAILED */
  static async load(folder: string, parts: SessionParts): Promise<Sessions> {
    const { file, sessions } = await SessionFile.open(join(folder, "sessions"));
    const made = new Sessions(parts, file, new Map(), new Map());
    for (const session of sessions) if (made.stands(session)) made.keep(session);
    await file.rewrite(made.known.values());
    return made;
  }

  /** Signs somebody in; the session under whose cookie they came, if any, ends. On disk when it resolves. */
  async begin(person: Person, former?: Session): Promise<{ readonly session: Session; readonly token: string }> {
    const now = this.parts.env.now();
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    const begun: KeptSession = {
      hash: hashOf(token),
      user: person.name,
      proof: proofOf(person),
      created: now,
      expires: now + this.parts.lastsMs,
      seen: now,
    };
    const ended = former && this.known.has(former.hash) ? [former.hash] : [];
    const own = this.hashesOf(({ user }) => user === person.name);
    ended.push(...own.slice(0, Math.max(0, own.length + 1 - SESSIONS_PER_USER_MAX)));
    if (this.known.size >= SESSIONS_MAX) ended.push(...this.hashesOf((session) => !this.stands(session)));
    for (const hash of ended) this.forget(hash);
    this.keep(begun);
    await this.file.append([...ended.map((hash) => ({ ended: hash })), { begun }], () => this.known.values());
    return { session: { hash: begun.hash, id: idOf(begun.hash), person, expires: begun.expires }, token };
  }

  /** The session of a token, which counts as used now; undefined when it is none, or over. */
  check(token: string): Session | undefined {
    const hash = hashOf(token);
    const kept = this.known.get(hash);
    if (!kept) return undefined;
    const person = this.parts.people.get(kept.user);
    if (!person || !this.stands(kept)) {
      this.forget(hash);
      return undefined;
    }
    this.use(kept);
    return { hash, id: idOf(hash), person, expires: kept.expires };
  }

  /** Whether it still stands and the person is as they were: for what stays open. Counts as use. */
  isAlive({ hash, person }: Session): boolean {
    const kept = this.known.get(hash);
    if (!kept || !this.stands(kept) || this.parts.people.get(kept.user) !== person) return false;
    this.use(kept);
    return true;
  }

  /** On disk when it resolves. */
  async end(session: Session): Promise<void> {
    await this.endThose(({ hash }) => hash === session.hash);
  }

  /** Ends all of somebody's. On disk when it resolves. @returns how many there were */
  async endOf(user: string): Promise<number> {
    return this.endThose((session) => session.user === user);
  }

  private async endThose(which: (session: KeptSession) => boolean): Promise<number> {
    const hashes = this.hashesOf(which);
    for (const hash of hashes) this.forget(hash);
    if (hashes.length > 0) {
      await this.file.append(
        hashes.map((hash) => ({ ended: hash })),
        () => this.known.values(),
      );
    }
    return hashes.length;
  }

  private stands({ user, proof, expires, seen }: KeptSession): boolean {
    const now = this.parts.env.now();
    const person = this.parts.people.get(user);
    return (
      person !== undefined &&
      !person.disabled &&
      proofOf(person) === proof &&
      now < expires &&
      now - seen < this.parts.idleMs
    );
  }

  private use(kept: KeptSession): void {
    const at = this.parts.env.now();
    this.known.set(kept.hash, { ...kept, seen: at });
    if (at - (this.written.get(kept.hash) ?? 0) < this.parts.idleMs * SEEN_SHARE) return;
    this.written.set(kept.hash, at);
    this.file.append([{ used: kept.hash, at }], () => this.known.values()).catch(this.parts.onError);
  }

  private keep(session: KeptSession): void {
    this.known.set(session.hash, session);
    this.written.set(session.hash, session.seen);
  }

  private forget(hash: string): void {
    this.known.delete(hash);
    this.written.delete(hash);
  }

  private hashesOf(which: (session: KeptSession) => boolean): string[] {
    const found: string[] = [];
    for (const session of this.known.values()) if (which(session)) found.push(session.hash);
    return found;
  }
}

/** Of the hash only a part, so that it can stand in the audit. */
function idOf(hash: string): string {
  return hash.slice(0, 12);
}

/** SHA-256 is enough: a token is random, and nobody guesses it. */
export function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

/** Changes with the password, so that a new one ends old sessions. */
function proofOf({ passwordHash, external }: Person): string {
  return hashOf(external ? `${external.issuer} ${external.subject}` : (passwordHash ?? "")).slice(0, 16);
}
