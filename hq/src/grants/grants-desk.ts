import { randomBytes } from "node:crypto";
import type { GrantReply, GrantRequest, GrantValue } from "@landfall/proto/api";
import { isInForce } from "@landfall/streams/access/grant";
import type { Policy, Principal } from "@landfall/streams/access/policy";
import type { Env } from "@landfall/streams/env";
import { isLandfallError, LandfallError } from "@landfall/streams/model/errors";
import { siteName, streamName, type StreamName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import { ownerOfSettings, settingsStream } from "@landfall/streams/settings/fleet/document";
import { LINK_TOKEN_PREFIX, tokenHash, type FleetGrants } from "@landfall/streams/settings/fleet/fleet-grants";
import type { FleetRules } from "@landfall/streams/settings/fleet/fleet-rules";
import {
  grantProblems,
  grantTopic,
  LINK_SUBJECT,
  toGrantReply,
  writeGrant,
  type KnownGrant,
} from "@landfall/streams/settings/fleet/grant-document";
import type { StreamStore } from "@landfall/streams/store/store";
import { GRANTS_IN_FORCE_MAX, LINK_DAYS_MAX } from "../limits.js";
import type { Excerpts } from "../view/excerpts.js";
import type { FleetView } from "../view/fleet-view.js";
import type { Perspectives } from "../view/perspectives.js";
import { voyagesFor } from "./voyages.js";

const DAY_MS = 86_400_000;
/** Bits that nobody guesses; as many in an id as make it unlike every other. */
const TOKEN_BYTES = 32;
const ID_BYTES = 8;

export interface GrantsDeskParts {
  readonly store: Pick<StreamStore, "append" | "streams">;
  readonly policy: Policy;
  readonly env: Pick<Env, "now">;
  readonly grants: FleetGrants;
  readonly rules: Pick<FleetRules, "maySet">;
  readonly excerpts: Pick<Excerpts, "settled">;
  readonly view: FleetView;
  readonly perspectives: Perspectives;
  readonly site: string;
}

/** Makes grants and links, and takes them back: for those who administer the streams that are shared. */
export class GrantsDesk {
  constructor(private readonly parts: GrantsDeskParts) {}

  /** Whether anything here is this person's to share. */
  mayShare(principal: Principal): boolean {
    return this.parts.store.streams().some((stream) => this.parts.policy.allows(principal, "admin", stream));
  }

  /** Grants of streams that they administer; the newest first. */
  list(principal: Principal, owner: string | undefined): GrantReply[] {
    const { grants, env } = this.parts;
    return grants
      .list(owner)
      .filter((grant) => this.administers(principal, grant.streams))
      .sort((a, b) => b.version - a.version)
      .map((grant) => toGrantReply(grant, env.now()));
  }

  /**
   * @throws LandfallError NOT_FOUND for streams that are not this person's to share, INVALID_ARGUMENT, and whatever the store's `append` throws
   */
  async make(principal: Principal, request: GrantRequest): Promise<GrantReply> {
    const { env, grants } = this.parts;
    const { owner, subject, voyage, streams: asked, ...said } = request;
    const streams = asked ?? (ownerOfSettings(`${owner}.settings`) === owner ? usual(owner) : []);
    this.check(principal, owner, streams);
    const id = randomBytes(ID_BYTES).toString("hex");
    const token =
      subject === LINK_SUBJECT ? LINK_TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString("base64url") : undefined;
    const span = voyage === true ? this.voyage(principal, owner, request) : {};
    const value: GrantValue = {
      kind: "grant",
      version: 1,
      id,
      subject,
      streams,
      ...said,
      ...span,
      ...(token !== undefined && { tokenSha256: tokenHash(token) }),
      by: principal.user,
    };
    const [problem] = grantProblems(owner, value);
    if (problem !== undefined) throw new LandfallError("INVALID_ARGUMENT", `body/${problem}`);
    const end = value.validUntil === undefined ? undefined : Date.parse(value.validUntil);
    if (end !== undefined && end <= env.now()) throw invalid("validUntil", "it would have ended already");
    if (token !== undefined && (end ?? Infinity) > env.now() + LINK_DAYS_MAX * DAY_MS) {
      throw invalid("validUntil", `a link lasts at most ${LINK_DAYS_MAX} days`);
    }
    if (grants.list(owner).filter((grant) => isInForce(grant, env.now())).length >= GRANTS_IN_FORCE_MAX) {
      throw new LandfallError(
        "OVERLOADED",
        `${owner} has ${GRANTS_IN_FORCE_MAX} grants in force: take some back first`,
      );
    }
    const made = await this.write(owner, value);
    return { ...toGrantReply(made, env.now()), ...(token !== undefined && { token }) };
  }

  /** Takes a grant back, at every site that hears of it. Twice is as good as once. @throws LandfallError NOT_FOUND */
  async revoke(principal: Principal, owner: string, id: string): Promise<GrantReply> {
    const grant = this.parts.grants.get(owner, id);
    if (!grant || !this.administers(principal, grant.streams)) {
      throw new LandfallError("NOT_FOUND", "there is no such grant that you may take back here");
    }
    this.check(principal, owner, grant.streams);
    const value: GrantValue = { ...grant.value, revoked: true, by: principal.user };
    const revoked = grant.value.revoked ? grant : await this.write(owner, value);
    return toGrantReply(revoked, this.parts.env.now());
  }

  /** Ends an open voyage's grant where it was found to end. */
  async finish(grant: KnownGrant, to: string): Promise<void> {
    const { untilGateOut: _open, ...value } = grant.value;
    await this.write(grant.owner, { ...value, to });
  }

  private async write(owner: string, value: GrantValue): Promise<KnownGrant> {
    const { store, env, grants, excerpts } = this.parts;
    const record = { topic: grantTopic(value.id), timestamp: env.now() as TimestampMs, value: writeGrant(value) };
    await store.append(settingsStream(owner), [record]);
    await grants.catchUp(owner);
    // Whoever it is for sees it, or sees it no more, when this is answered.
    await excerpts.settled();
    return grants.get(owner, value.id) as KnownGrant;
  }

  /** The voyage that the container named is on, or was on last. @throws LandfallError INVALID_ARGUMENT */
  private voyage(principal: Principal, owner: string, { topics, from, to }: GrantRequest) {
    const [container, ...others] = topics ?? [];
    if (container === undefined || others.length > 0) throw invalid("voyage", "want exactly one container in topics");
    if (from !== undefined || to !== undefined) throw invalid("voyage", "want either a voyage, or from and to");
    const { view, perspectives } = this.parts;
    const voyages = voyagesFor(view, container, perspectives.of(principal).readable);
    const last = voyages.find((one) => one.owner === owner);
    if (!last) throw invalid("voyage", `no voyage of ${container} for ${owner} is known here: say from and to instead`);
    return { from: last.from, ...(last.to === undefined ? { untilGateOut: true as const } : { to: last.to }) };
  }

  private administers(principal: Principal, streams: readonly StreamName[]): boolean {
    return streams.every((stream) => this.parts.policy.allows(principal, "admin", stream));
  }

  /** A company that is not there and one whose streams are not theirs to share look the same (A3). */
  private check(principal: Principal, owner: string, streams: readonly string[]): void {
    const { rules, site } = this.parts;
    const isOwner = ownerOfSettings(`${owner}.settings`) === owner;
    if (isOwner && streams.length > 0 && streams.every(isStream)) {
      const mayWrite = rules.maySet(siteName(site), settingsStream(owner));
      if (mayWrite && this.administers(principal, streams.map(streamName))) return;
    }
    const name = JSON.stringify(owner.slice(0, 100));
    throw new LandfallError("NOT_FOUND", `${name} is no company of whose streams you may share these at ${site}`);
  }
}

function usual(owner: string): string[] {
  return [`${owner}.containers`, `${owner}.alerts`, `${owner}.latest`];
}

function isStream(text: string): boolean {
  try {
    streamName(text);
    return true;
  } catch (error) {
    if (!isLandfallError(error)) throw error;
    return false;
  }
}

function invalid(field: string, why: string): LandfallError {
  return new LandfallError("INVALID_ARGUMENT", `body/${field}: ${why}`);
}
