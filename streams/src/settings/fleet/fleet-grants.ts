import { createHash, timingSafeEqual } from "node:crypto";
import { isInForce } from "../../access/grant.js";
import type { ChangeablePolicy, Principal } from "../../access/policy.js";
import type { Env, TimerHandle } from "../../env.js";
import { LandfallError } from "../../model/errors.js";
import { siteOfOrigin, type SiteName, type StreamName } from "../../model/names.js";
import type { StoredRecord } from "../../model/record.js";
import type { Exceptions } from "../../node/node.js";
import type { StreamStore } from "../../store/store.js";
import { StreamFollower, StreamReader } from "../../store/stream-follower.js";
import { ownerOfSettings, settingsStream } from "./document.js";
import { GRANT_TOPIC_PREFIX, linkName, readGrant, stateOf, type KnownGrant } from "./grant-document.js";

/** Records read at once. */
const BATCH_RECORDS = 1_000;
/** Longest wait of one timer: real ones take no more than 2^31 ms. */
const TIMER_MS_MAX = 86_400_000;
/** What a link's token begins with, so that it is known for what it is wherever it turns up. */
export const LINK_TOKEN_PREFIX = "lfl_";

export interface FleetGrantsOptions {
  readonly store: Pick<StreamStore, "streams" | "readStream" | "onCommit">;
  readonly env: Env;
  readonly exceptions: Exceptions;
  readonly policy: Pick<ChangeablePolicy, "grant">;
  /** Whether what was written at this site counts among the settings of that owner. */
  readonly maySet: (site: SiteName, settings: StreamName) => boolean;
}

/**
 * The grants in `<owner>.settings`, as this node has them. Of each, the valid record with the largest (offset, origin) counts. They
 * are put into the policy whenever one comes, changes or is taken back, and at the moment one ends by the clock, so
 * that whoever shows something because of it looks again. While an owner's settings cannot be read, none of its grants
 * counts: what cannot be read may be the word that takes one back.
 */
export class FleetGrants {
  readonly #owners = new Map<string, Map<string, KnownGrant & { readonly origin: string }>>();
  readonly #links = new Map<string, KnownGrant>();
  readonly #failing = new Set<string>();
  /** Owners of whom something was taken in that nobody was told of yet. */
  readonly #changed = new Set<string>();
  readonly #reader: StreamReader;
  readonly #follower: StreamFollower;
  #end: TimerHandle | undefined;

  constructor(private readonly options: FleetGrantsOptions) {
    const { store, env } = options;
    this.#reader = new StreamReader(store, BATCH_RECORDS);
    this.#follower = new StreamFollower({
      store,
      env,
      isFollowed: (stream) => ownerOfSettings(stream) !== undefined,
      read: (stream) => this.#read(stream),
      onFailed: (stream, error) => this.#failed(stream, error),
    });
  }

  /** Resolves when what the store holds is in force; from then on it is followed. */
  start(): Promise<void> {
    return this.#follower.start();
  }

  async close(): Promise<void> {
    this.#end?.cancel();
    await this.#follower.close();
    this.#end?.cancel();
  }

  /** Of one owner, or of all; those that ended or were taken back among them. */
  list(owner?: string): KnownGrant[] {
    const owners = owner === undefined ? [...this.#owners.values()] : [this.#owners.get(owner)];
    return owners.flatMap((grants) => [...(grants?.values() ?? [])]);
  }

  get(owner: string, id: string): KnownGrant | undefined {
    return this.#owners.get(owner)?.get(id);
  }

  /** Those that are in force now. */
  inForce(): KnownGrant[] {
    const now = this.options.env.now();
    return this.list().filter((grant) => !this.#failing.has(grant.owner) && isInForce(grant, now));
  }

  /** Resolves when everything that is committed of an owner's settings is in force. */
  catchUp(owner: string): Promise<void> {
    return this.#follower.catchUp(settingsStream(owner));
  }

  /**
   * Who holds a link's token; undefined for a text that is none.
   * @throws LandfallError UNAUTHENTICATED for a link that ended, was taken back, or never was
   */
  holderOf(token: string): Principal | undefined {
    if (!token.startsWith(LINK_TOKEN_PREFIX)) return undefined;
    const hash = tokenHash(token);
    // Looked up by hash, which nobody can choose; compared once more in constant time, so that no lookup decides alone.
    const grant = this.#links.get(hash);
    const isRight = timingSafeEqual(Buffer.from(grant?.value.tokenSha256 ?? "0".repeat(64)), Buffer.from(hash));
    if (!grant || !isRight) {
      throw new LandfallError(
        "UNAUTHENTICATED",
        "no such link is known here: check that it was copied whole, or ask for a new one",
      );
    }
    const principal: Principal = {
      user: `link.${grant.id}`,
      groups: [],
      roles: [],
      link: linkName(grant.owner, grant.id),
    };
    if (this.stands(principal)) return principal;
    const state = stateOf(grant, this.options.env.now());
    throw new LandfallError("UNAUTHENTICATED", `${WHY_NOT[state]}: ask whoever sent it to you for a new one`);
  }

  /** The grant of a link; undefined for who holds none. */
  linkOf({ link }: Principal): KnownGrant | undefined {
    const slash = link?.indexOf("/") ?? -1;
    return link === undefined ? undefined : this.get(link.slice(0, slash), link.slice(slash + 1));
  }

  /** Whether somebody who came by a link may still: always true of others. */
  stands(principal: Principal): boolean {
    if (principal.link === undefined) return true;
    const grant = this.linkOf(principal);
    return grant !== undefined && !this.#failing.has(grant.owner) && isInForce(grant, this.options.env.now());
  }

  /** Reads to the end before anything is told: a grant that was taken back is not in force for a moment. */
  async #read(stream: StreamName): Promise<void> {
    const owner = ownerOfSettings(stream) ?? "";
    await this.#reader.readOn(stream, (record) => {
      if (record.topic.startsWith(GRANT_TOPIC_PREFIX) && this.#take(stream, owner, record)) this.#changed.add(owner);
    });
    const isOther = this.#changed.delete(owner);
    if (this.#failing.delete(owner) || isOther) this.#tell(owner);
  }

  #take(stream: StreamName, owner: string, record: StoredRecord): boolean {
    const site = siteOfOrigin(record.origin);
    const read = this.options.maySet(site, stream)
      ? readGrant(owner, record.topic, record.value, record.offset)
      : `${site} may not write into ${stream}`;
    if (typeof read === "string") {
      const message = `a grant is left aside: ${stream}:${record.topic}@${record.offset} of ${record.origin}: ${read}`;
      this.options.exceptions.report({ code: "BAD_GRANT", source: stream, message });
      return false;
    }
    const grants = this.#owners.get(owner) ?? new Map<string, KnownGrant & { readonly origin: string }>();
    this.#owners.set(owner, grants);
    const known = grants.get(read.id);
    const isOlder =
      known && (known.version > read.version || (known.version === read.version && known.origin >= record.origin));
    if (isOlder) return false;
    grants.set(read.id, { ...read, origin: record.origin });
    const { tokenSha256: former } = known?.value ?? {};
    if (former !== undefined) this.#links.delete(former);
    if (read.value.tokenSha256 !== undefined) this.#links.set(read.value.tokenSha256, read);
    return true;
  }

  #failed(stream: StreamName, error: unknown): void {
    const owner = ownerOfSettings(stream) ?? "";
    const why = error instanceof Error ? error.message : String(error);
    const message = `grants of ${owner} could not be read, none counts until they can: ${why}`;
    this.options.exceptions.report({ code: "GRANTS_UNREADABLE", source: stream, message });
    if (this.#failing.has(owner)) return;
    this.#failing.add(owner);
    this.#tell(owner);
  }

  #tell(owner: string): void {
    this.options.policy.grant(owner, this.#failing.has(owner) ? [] : this.list(owner));
    this.#schedule();
  }

  /** Wakes at the next end of a grant, whether anything else happens or not (A4). */
  #schedule(): void {
    this.#end?.cancel();
    this.#end = undefined;
    const now = this.options.env.now();
    const ends = this.list().filter((grant) => isInForce(grant, now) && Number.isFinite(grant.validUntil));
    if (ends.length === 0) return;
    const next = Math.min(...ends.map(({ validUntil }) => validUntil));
    this.#end = this.options.env.setTimer(Math.min(TIMER_MS_MAX, Math.max(1, next - now)), () => {
      const later = this.options.env.now();
      const owners = new Set(ends.filter((grant) => !isInForce(grant, later)).map(({ owner }) => owner));
      for (const owner of owners) this.options.policy.grant(owner, this.#failing.has(owner) ? [] : this.list(owner));
      this.#schedule();
    });
  }
}

const WHY_NOT = {
  revoked: "this link was taken back",
  expired: "this link has ended",
  // Its owner's settings cannot be read at this moment.
  "in-force": "this link cannot be checked at the moment",
} as const;

/** SHA-256 in hex: enough for tokens of 256 random bits, which nobody can guess. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
