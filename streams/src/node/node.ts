import type { LinkClass } from "@landfall/proto/api";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { ChangeablePolicy, Principal } from "../access/policy.js";
import type { AuditTrail } from "../audit/audit-trail.js";
import type { Env } from "../env.js";
import type { VersionVector } from "../model/record.js";
import type { OriginId, SiteName, StreamName } from "../model/names.js";
import type { FleetGrants } from "../settings/fleet/fleet-grants.js";
import type { FleetRules } from "../settings/fleet/fleet-rules.js";
import type { NodeSettings, SiteEntry } from "../settings/node-settings.js";
import type { LandfallError } from "../model/errors.js";
import type { StreamStore } from "../store/store.js";

/** A running node: what services build on. Wired by `createNode`, torn down by `close`. */
export interface LandfallNode {
  readonly settings: NodeSettings;
  /** This site's own entry in the fleet. */
  readonly self: SiteEntry;
  readonly env: Env;
  readonly store: StreamStore;
  readonly policy: Pick<ChangeablePolicy, "allows" | "scope" | "onChange">;
  /** Grants that travelled here. */
  readonly grants: FleetGrants;
  /** Rules that travelled here and are in force. */
  readonly rules: FleetRules;
  readonly replication: Replication;
  /** The node's HTTP server; services add their routes before `start`. */
  readonly http: FastifyInstance;
  readonly registry: Registry;
  readonly log: Logger;
  readonly exceptions: Exceptions;
  /** Who did what here, and was refused what: `<owner>.audit`. */
  readonly audit: Pick<AuditTrail, "soon" | "now" | "flush">;
  /** Who sent this request; ANONYMOUS without credentials. Services may put their own before the default. */
  readonly principals: PrincipalResolvers;
  /** Reasons why this node is not ready; a service adds its own. */
  readonly readiness: ReadinessChecks;
  /** Resolves when the node can do nothing more, and must end: another process has its name, or its log is lost. */
  readonly failed: Promise<LandfallError>;
  /** Starts replication and listens. */
  start(): Promise<void>;
  /** Stops listening, says goodbye to peers, closes the store. Idempotent. */
  close(): Promise<void>;
}

/** What of a request says who sent it. */
export interface Identifying {
  readonly headers: Record<string, unknown>;
}

export interface PrincipalResolvers {
  /** Asked in order of registration until one answers. */
  add(resolve: (request: Identifying) => Promise<Principal | undefined>): void;
  /** Asked of whom was found what they are for this request. */
  refine(as: (principal: Principal, request: Identifying) => Principal): void;
  /** Who sent it. @throws LandfallError UNAUTHENTICATED for credentials that nobody knows */
  identify(request: Identifying): Promise<Principal>;
  /** What they are for this request: themselves, or as `refine` says. @throws LandfallError as `identify`, and what `refine` throws */
  resolve(request: Identifying): Promise<Principal>;
}

export interface ReadinessChecks {
  /** `check` returns a reason for not being ready, or undefined. Everybody may ask: it names no stream, no peer and no file. */
  add(name: string, check: () => string | undefined): void;
  /** What an operator should know of a node that is ready all the same; everybody may ask. */
  warn(name: string, check: () => string | undefined): void;
}

/** Failures worth a record in `<owner>.exceptions` (U1, U2); at most a bounded number a second is written. */
export interface Exceptions {
  report(exception: {
    code: string;
    source: string;
    message: string;
    detail?: Readonly<Record<string, unknown>>;
  }): void;
}

/** What moves over a link in one direction, in a second. */
export interface Flow {
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
}

/** One link, seen from this node. */
export interface LinkView {
  readonly id: string;
  readonly peer: SiteName;
  /** Node at the other end; absent before its first hello. */
  readonly node?: string;
  readonly class: LinkClass;
  readonly state: "up" | "down";
  /** Why the link could not be opened, or why it closed; only for a link that this node dials and that is down. */
  readonly problem?: string;
  /** Milliseconds since 1970 after which the peer's certificate is no longer good; absent without TLS. */
  readonly certificateExpires?: number;
  /** Milliseconds since 1970 of the last frame from the other side; absent before the first. */
  readonly lastContact?: number;
  readonly roundTripMs?: number;
  /** What may cross in a day (UTC), both ways and over all links that share it, and what did; absent without a budget. */
  readonly budget?: { readonly bytesPerDay: number; readonly usedBytes: number; readonly leftBytes: number };
  /** Both ways together, and each. */
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
  readonly sending: Flow;
  readonly receiving: Flow;
  /** Records that this side holds and the other lacks, and the reverse, of streams that both may hold. */
  readonly toSend: number;
  readonly toReceive: number;
  /** Estimates for both ways together, from what crosses this link: absent before any record has. */
  readonly backlogBytes?: number;
  readonly secondsToGo?: number;
}

/** What a node of another site, or another node of this one, last said it holds. */
export interface PeerView {
  readonly site: SiteName;
  readonly node: string;
  readonly lastContact: number;
  readonly linkClass: LinkClass;
  /** Class of the link over which a record of this stream and origin last came in from it. */
  readonly holdings: ReadonlyMap<StreamName, VersionVector>;
}

/** The other nodes of this site, which copy this one's records as it copies theirs. */
export interface Sisters {
  /** Names of those that are connected. */
  connected(): string[];
  /**
   * Resolves once one of those that are connected has said that it holds this record durably. There is no deadline: one
   * may come back.
   * @throws LandfallError CLOSED when the node closes
   */
  secondCopy(stream: StreamName, origin: OriginId, seq: number): Promise<void>;
  /** How many wait for that. */
  readonly waiting: number;
  /**
   * For each origin of this site but this node's own: the first seq that, as far as is known here, none of its nodes
   * holds. What is below it is here, or on its way.
   */
  known(stream: StreamName): ReadonlyMap<OriginId, number>;
  /** Whether all that is known to be at connected sisters is durable here, too. */
  isLevel(): boolean;
}

export interface Replication {
  links(): LinkView[];
  /** Peers that are connected or were since the start. */
  peers(): PeerView[];
  /** Class of the link over which this origin's records last arrived; undefined for its own or before any. */
  arrivedOver(stream: StreamName, origin: string): LinkClass | undefined;
  /** Milliseconds since 1970 after which this site's own certificate is no longer good; undefined without TLS. */
  certificateExpires(): number | undefined;
  /** Where the site's nodes share a log: the others that live, `site.node`, and how many histories this one asks for. */
  shared(): { readonly nodes: readonly string[]; readonly asksFor: number } | undefined;
  /** First seq that no neighbour is known to hold; Infinity when none may have the stream (S6). */
  handedOver(stream: StreamName, origin: OriginId): number;
  /** Records of this site, as far as they are here, that no other site is known to hold: what is still to be sent. */
  notHandedOver(): { readonly stream: StreamName; readonly records: number }[];
  /** What the other nodes of this site have of its records. */
  readonly sisters: Sisters;
}
