import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import type { TokenReply } from "@landfall/proto/api";
import { LandfallError } from "@landfall/streams/model/errors";
import type { Env } from "@landfall/streams/env";
import { TOKENS_MAX, TOKENS_PER_USER_MAX } from "../limits.js";
import { KeptFile } from "../util/kept-file.js";
import type { People } from "./people.js";
import type { Person } from "./person.js";

/** Begins with what it is, so that it is known where it leaks to; then its name and the secret. */
const PATTERN = /^lf_([a-z0-9]{10})_([A-Za-z0-9_-]{43})$/;
const SECRET_BYTES = 32;

export interface MachineToken {
  readonly id: string;
  /** SHA-256 of the whole token, hexadecimal. */
  readonly hash: string;
  /** As whom it speaks: with their groups and roles of the moment. */
  readonly user: string;
  /** What it is for. */
  readonly label: string;
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly expires: number;
}

/** Bearer tokens for programs: shown once, kept by their hash, good until they expire, are revoked, or their person may not come in. */
export class MachineTokens {
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly file: KeptFile,
    private readonly env: Pick<Env, "now">,
    private readonly people: Pick<People, "get">,
    private known: ReadonlyMap<string, MachineToken>,
  ) {}

  /** @throws LandfallError DISK_FAILED, UNSUPPORTED_FORMAT */
  static async load(folder: string, env: Pick<Env, "now">, people: Pick<People, "get">): Promise<MachineTokens> {
    const file = new KeptFile(join(folder, "tokens.json"));
    const kept = (await file.read()) as { version?: number; tokens?: readonly MachineToken[] } | undefined;
    if (kept !== undefined && (kept.version !== 1 || !Array.isArray(kept.tokens))) {
      throw new LandfallError("UNSUPPORTED_FORMAT", `${file.path} is not of this version of Landfall`);
    }
    const tokens = (kept?.tokens ?? []).map((token): [string, MachineToken] => [token.id, token]);
    return new MachineTokens(file, env, people, new Map(tokens));
  }

  /** Whether this is written like one, whoever made it. */
  static isOne(token: string): boolean {
    return PATTERN.test(token);
  }

  /** As whom a token speaks; undefined for one that is unknown, expired, or of somebody who may not come in. */
  find(token: string): { readonly token: MachineToken; readonly person: Person } | undefined {
    const known = this.known.get(PATTERN.exec(token)?.[1] ?? "");
    if (!known || !timingSafeEqual(Buffer.from(known.hash, "hex"), sha256(token))) return undefined;
    const person = this.people.get(known.user);
    return person && this.isAlive(known) ? { token: known, person } : undefined;
  }

  isAlive({ id, expires, user }: MachineToken): boolean {
    const person = this.people.get(user);
    return this.known.has(id) && this.env.now() < expires && person !== undefined && !person.disabled;
  }

  /** @returns what it is, and the token itself, which nobody can be shown again */
  create(wanted: { readonly user: string; readonly label: string; readonly by: string; readonly expires: number }) {
    return this.inTurn(async () => {
      const now = this.env.now();
      const standing = [...this.known.values()].filter(({ expires }) => expires > now);
      const own = standing.filter(({ user }) => user === wanted.user).length;
      if (standing.length >= TOKENS_MAX || own >= TOKENS_PER_USER_MAX) {
        throw new LandfallError("OVERLOADED", `${wanted.user} has ${own} tokens: revoke some first`);
      }
      const id = [...randomBytes(10)].map((byte) => (byte % 36).toString(36)).join("");
      const text = `lf_${id}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
      const token: MachineToken = { id, hash: sha256(text).toString("hex"), ...wanted, created: now };
      await this.keep([...standing, token]);
      return { token, text };
    });
  }

  /** Those of one person, or all; expired ones are told until another is made. */
  list(user?: string): MachineToken[] {
    return [...this.known.values()].filter((token) => user === undefined || token.user === user);
  }

  get(id: string): MachineToken | undefined {
    return this.known.get(id);
  }

  /** On disk when it resolves. */
  revoke(which: (token: MachineToken) => boolean): Promise<void> {
    return this.inTurn(async () => {
      const left = [...this.known.values()].filter((token) => !which(token));
      if (left.length < this.known.size) await this.keep(left);
    });
  }

  private async keep(tokens: readonly MachineToken[]): Promise<void> {
    await this.file.write({ version: 1, tokens });
    this.known = new Map(tokens.map((token) => [token.id, token]));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}

export function describeToken({ id, user, label, by, created, expires }: MachineToken): TokenReply {
  return {
    id,
    user,
    label,
    by,
    created: new Date(created).toISOString(),
    expires: new Date(expires).toISOString(),
  };
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
