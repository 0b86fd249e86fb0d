import type { Digest, Frame, Request } from "@landfall/proto/gen/landfall/v1/replication";
import type { Hole } from "../model/gap.js";
import type { Seq } from "../model/record.js";
import type { ErrorCode } from "../model/errors.js";
import { nodeOfOrigin, siteOfOrigin, type OriginId, type StreamName } from "../model/names.js";
import type { SealedRun } from "../store/store.js";
import type { Purse } from "./budget/purse.js";
import type { CreditWindow } from "./credit-window.js";
import type { FillTurn } from "./fill-turns.js";
import type { Claim, Settling, Share, ShareEvent } from "./share.js";

/** What travels between two machines: the body of one frame. */
export type Message = NonNullable<Frame["body"]>;

/** Stands for "no live path to the origin". */
export const DISTANCE_INFINITE = 0xffff_ffff;

/** One history that replication counts: all records of one origin in one stream. */
export interface Key {
  readonly stream: StreamName;
  readonly origin: OriginId;
}

export type KeyId = string;

/** What one connection may carry. Answers may change; the event `rights` tells. */
export interface LinkRights {
  /** Records of the stream may be sent to the peer over this link. */
  maySend(stream: StreamName, origin: OriginId): boolean;
  /** Records of the stream may be requested from the peer over this link: it is where they come from, or may relay. */
  mayRequest(stream: StreamName, origin: OriginId): boolean;
  /** A single record of the stream may be asked for to see whether the peer holds the same history. */
  mayProbe(stream: StreamName, origin: OriginId): boolean;
  /** The peer may ask for a single record in this way. */
  mayBeProbed(stream: StreamName, origin: OriginId): boolean;
  /** The peer may know that the stream exists and how far this site has this origin's records. */
  mayAnnounce(stream: StreamName, origin: OriginId): boolean;
  /** How far the peer says that it has this origin's records is listened to: both may be there (R8). */
  mayBelieve(stream: StreamName, origin: OriginId): boolean;
  /** Place of the stream in the order in which the link serves streams: smaller goes first (R7). */
  urgency(stream: StreamName): number;
}

/** Times in ms, sizes in bytes; per connection, because a satellite is not a cable. */
export interface LinkTuning {
  /** Added to the distance of everything that comes over this link. */
  readonly cost: number;
  /** A source that sends nothing for so long while another is ahead is left. Several round trips and one block. */
  readonly stallMs: number;
  /** A source that sends nothing of what it says it has for so long, though nothing keeps it from it, is not believed. */
  readonly claimMs: number;
  /** A source that does not confirm a stop for so long loses its connection. */
  readonly stopMs: number;
  /** Bytes of blocks that may be under way to this site and not yet committed here: at first, and as the link is measured. */
  readonly windowBytes: number;
  readonly windowBytesMin: number;
  readonly windowBytesMax: number;
  /** What such a link is taken to carry before that is measured, where it is so long that `windowBytes` would not fill it. */
  readonly startBytesPerMs?: number;
  /** One block sent over this link is at most about so large, and smaller where the peer's window is narrow. */
  readonly blockBytes: number;
  /** Between two announcements of the same advance. */
  readonly announceMs: number;
  /** How long a holder may take to turn up before what no peer holds is a gap. */
  readonly gapMs: number;
}

export interface Announced {
  next: number;
  distance: number;
  /** What is lacking below `next`, in order. */
  holes: readonly Hole[];
}

/** How far a transfer of a sealed run is: blocks before number `blocks` of the run with this id. */
export interface Staged {
  readonly run: string;
  readonly blocks: number;
}

/** What is said of a sealed run with each of its parts; see store.ts. */
export type RunFacts = Omit<SealedRun, "stream" | "origin">;

/** A run of which the first blocks are here, and what was said of it. */
export interface StagedRun extends Staged {
  readonly facts: RunFacts;
}

/** A request of the peer that this site serves: standing, or with an end. */
export interface Serving {
  readonly id: number;
  readonly key: KeyId;
  /** Next seq to send. */
  position: number;
  /** First seq that is not wanted; Infinity for a standing request. */
  readonly to: number;
  /** What the peer says it holds; compared before anything is sent. */
  digests: readonly Digest[];
  /** Of the sealed run that begins at `position`, what was sent. */
  staged?: Staged;
  /** The last position from which what comes next was to be prepared; undefined at first, and behind a sealed run. */
  prepared: number | undefined;
  /** What comes next is being prepared. */
  waits: boolean;
  /** Bytes of the next block, where that is known to be more than usual. */
  nextBytes?: number;
}

export interface Conn {
  readonly id: number;
  /** Node at the other end, `site.node`; penalties are kept under this name, across reconnects. */
  readonly peer: string;
  /** It is another node of this site: told at once how far this node has the site's own records. */
  readonly sister: boolean;
  readonly tuning: LinkTuning;
  readonly rights: LinkRights;
  /** The peer understands gaps, requests with an end, and digests. */
  readonly tellsGaps: boolean;
  /** The peer takes sealed runs, and this link is wide enough for their blocks. */
  readonly sealed: boolean;
  readonly announced: Map<KeyId, Announced>;
  /** What it said of streams about which it is not believed: it counts once rules let it. */
  readonly unheard: Map<KeyId, { readonly key: Key; readonly announced: Announced }>;
  /** It said more of them than are kept. */
  hasMore: boolean;
  /** By key: the peer has at most one standing request for each. */
  readonly serving: Map<KeyId, Serving>;
  /** Likewise, of requests with an end. */
  readonly filling: Map<KeyId, Serving>;
  /** Keys in `serving`, in the order in which they get their turn. */
  turn: KeyId[];
  /** What the peer may have under way to this site. */
  readonly window: CreditWindow;
  /** When records last came, of whichever key; or the process went on, which had stood still. */
  heardAt: number;
  /** Its width as the peer was last told, bytes. */
  toldWindow: number;
  /** Bytes of blocks that may still be sent to the peer, and the window that it says it has. */
  credit: number;
  peerWindow: number | undefined;
  /** A block is being read for this connection. */
  reading: boolean;
  /** On a metered link, what blocks are paid from, and what is set aside for the one that is being read. */
  readonly purse: Purse | undefined;
  held: number;
  /** What the peer was told, and advances that wait for the next announcement. */
  readonly told: Map<KeyId, Announced>;
  readonly unsaid: Set<KeyId>;
  /** What the peer waits for: said with the next tick. */
  readonly urgent: Set<KeyId>;
  announceAt: number;
}

/** Where the records of one key come from at the moment. */
export interface Source {
  readonly conn: number;
  readonly requestId: number;
  state: "active" | "stopping";
  /** When data last came, or the request went out. */
  heardAt: number;
  /** Since when its peer has said that it has more than has come. */
  claimedAt?: number;
  /** Rules have ended it: what is still under way is not taken in, though they may have changed back by then. */
  isVoid?: true;
  /** Connection to request from once the old source has confirmed the stop. */
  successor?: number;
  stopAt: number;
}

/** What damage has taken, from the first seq that is not held up to `to`, where records follow. */
export interface Lost {
  readonly to: Seq;
  /** Since when no peer in reach is known to hold the next of it; undefined while one is. */
  since?: number;
  /** It is about to be a gap: nothing is asked for before it is known how far what follows goes. */
  isNoted: boolean;
}

/** A request of this site for what fills a gap. */
export interface Fill {
  readonly conn: number;
  readonly requestId: number;
  state: "active" | "stopping" | "ended";
  /** Next seq to come, and the first that was not asked for. */
  next: number;
  readonly to: number;
  heardAt: number;
  stopAt: number;
  /** Blocks that came and are not on disk yet. */
  applying: number;
  /** As of a source. */
  isVoid?: true;
}

/** Two histories of one origin were met, here and at a peer, or may be here. */
export interface Fork {
  /** Another history was met; else somebody only says that he holds more. */
  readonly isShown: boolean;
  /** Connection over which the other one was met; -1 where it is only looked after whether something stands again. */
  readonly conn: number;
  /** When something is to be done about it; Infinity while nothing can be. */
  dueAt: number;
  /** When it was last looked at, and how often in vain. */
  lookedAt: number;
  tries: number;
}

/** What is being done about a fork (forks.ts); nothing else is asked for in the key meanwhile. */
export interface Mend {
  step: "search" | "match" | "reincarnate" | "append" | "set-aside";
  readonly conn: number;
  /** While searching: the request that is out, the seq that it asks for, and between which seqs the histories part. */
  requestId: number;
  at: number;
  low: number;
  high: number;
  heardAt: number;
  /** What the peer holds at `low`, once it has shown it. */
  shown?: unknown;
  /** It has refused what it would hold with this history. */
  isRefused?: true;
  /** A new origin is taken for a claim alone: where histories part was not seen. */
  isUnseen?: true;
}

export interface Penalty {
  until: number;
  strikes: number;
}

/** All that the protocol knows. Owned by `step`; nothing else writes it. */
export interface MachineState {
  /** Name of this node, `site.node`, used to break ties. */
  readonly self: string;
  /** Origin under which this node appends: never requested. */
  own: OriginId;
  /** This node has taken a new origin since it started: it was restored, and is not another time. */
  isReborn: boolean;
  /** When something happened last. */
  steppedAt: number;
  readonly keys: Map<KeyId, Key>;
  /** First seq that is not durable here. */
  readonly held: Map<KeyId, number>;
  /** First seq that was not received; at least `held`. */
  readonly received: Map<KeyId, number>;
  /** Of the sealed run that begins at the first seq that was not received, what is here. */
  readonly staged: Map<KeyId, StagedRun>;
  readonly conns: Map<number, Conn>;
  readonly sources: Map<KeyId, Source>;
  /** Key of each request of this site; and the request itself, as long as it waits for digests. */
  readonly requests: Map<number, { readonly conn: number; readonly key: KeyId; readonly unsent?: Request }>;
  /** Gaps of this site, without what was superseded. */
  readonly holes: Map<KeyId, readonly Hole[]>;
  /** Until when a holder of the next seq may turn up, for keys of which no peer holds it. */
  readonly gapWaits: Map<KeyId, number>;
  /** What damage has cost this node of its former origins, right before records that are here: see lost.ts. */
  readonly lost: Map<KeyId, Lost>;
  readonly fills: Map<KeyId, Fill>;
  /** Own distance to the origin, for keys that have a live path. */
  readonly distance: Map<KeyId, number>;
  /** Smallest distance since `next`: what makes a loop of standing requests impossible (rule 5). */
  readonly feasible: Map<KeyId, { next: number; distance: number }>;
  readonly penalties: Map<string, Penalty>;
  /** Keys of one node in one stream, under whichever incarnation. */
  readonly byNode: Map<string, KeyId[]>;
  readonly forks: Map<KeyId, Fork>;
  readonly mends: Map<KeyId, Mend>;
  /** Requests for single records that were not answered yet, and over which connection, also when nobody waits any more. */
  readonly probes: Map<number, number>;
  /** Former own keys of which the records whose numbers were given twice stand again. */
  readonly again: Set<KeyId>;
  /** Former own origins under which numbers may have been given twice: as many records as a peer has need not be the same. */
  readonly doubted: Set<OriginId>;
  /** Of which keys a peer has claimed how much in vain, by peer and key. */
  readonly refuted: Map<string, number>;
  /** Where all nodes of this site write to one log: who of them asks for what. */
  readonly share: Share | undefined;
  nextRequestId: number;
}

export type MachineEvent =
  | ShareEvent
  | {
      readonly type: "connected";
      readonly conn: number;
      readonly peer: string;
      readonly sister: boolean;
      readonly tuning: LinkTuning;
      readonly rights: LinkRights;
      readonly tellsGaps: boolean;
      readonly sealed: boolean;
      /** On a metered link. */
      readonly purse?: Purse | undefined;
      /** About so long, where something is known of it. */
      readonly roundTripMs?: number | undefined;
    }
  /** Rules have changed: what the connection may carry is to be asked anew. */
  | { readonly type: "rights"; readonly conn: number }
  /** On a metered link, there may be more to spend. */
  | { readonly type: "funds"; readonly conn: number }
  | { readonly type: "disconnected"; readonly conn: number }
  | {
      readonly type: "message";
      readonly conn: number;
      readonly message: Exclude<
        Message,
        { $case: "hello" | "data" | "sealed" | "ping" | "pong" | "allowance" | "closing" }
      >;
    }
  /** A verified block arrived; `payload` is handed back in the `apply` effect. */
  | {
      readonly type: "data";
      readonly conn: number;
      readonly requestId: number;
      readonly firstSeq: number;
      readonly count: number;
      readonly bytes: number;
      readonly payload: unknown;
    }
  /** Blocks [first, next) of a sealed run arrived; `payload` is handed back in the `stage` effect. */
  | {
      readonly type: "sealed";
      readonly conn: number;
      readonly requestId: number;
      readonly run: RunFacts;
      readonly first: number;
      readonly next: number;
      readonly bytes: number;
      readonly payload: unknown;
    }
  /** The answer to a `read` effect, when a sealed run begins there: its blocks [first, next). */
  | {
      readonly type: "part";
      readonly conn: number;
      readonly requestId: number;
      readonly key: KeyId;
      readonly run: RunFacts;
      readonly first: number;
      readonly next: number;
      readonly bytes: Uint8Array;
    }
  /** The answer to a `read` effect that takes its time; and the word that it can be repeated. */
  | {
      readonly type: "preparing" | "prepared";
      readonly conn: number;
      readonly requestId: number;
      readonly key: KeyId;
    }
  /** The answer to a `read` effect; count 0 when nothing can be read, with the reason where there is one. */
  | {
      readonly type: "block";
      readonly conn: number;
      readonly requestId: number;
      readonly key: KeyId;
      readonly firstSeq: number;
      readonly count: number;
      readonly block: Uint8Array;
      readonly hole?: Hole | undefined;
      /** Other records stand here under the numbers that the peer named. */
      readonly isFork?: boolean;
    }
  /** The answer to a `compare` effect. */
  | {
      readonly type: "compared";
      readonly conn: number;
      readonly requestId: number;
      readonly key: KeyId;
      readonly isFork: boolean;
    }
  /** The answer to a `match` effect; undefined when one of the two is not there to be compared, or could not be read. */
  | { readonly type: "matched"; readonly key: KeyId; readonly isSame: boolean | undefined; readonly isUnread?: true }
  /** The answer to a `digest` effect; without those that cannot be read. */
  | { readonly type: "digested"; readonly requestId: number; readonly digests: Digest[] }
  /** All gaps of a key, as they are now; its records are here up to `nextSeq` but for them. */
  | {
      readonly type: "holes";
      readonly stream: StreamName;
      readonly origin: OriginId;
      readonly nextSeq: number;
      readonly holes: readonly Hole[];
    }
  /** The answer to a `note` effect that failed; one that did not shows in `holes`. */
  | { readonly type: "unnoted"; readonly key: KeyId }
  /** Of a sealed run, a former process has left the first blocks: told at the start. */
  | {
      readonly type: "staged";
      readonly stream: StreamName;
      readonly origin: OriginId;
      readonly run: RunFacts;
      readonly blocks: number;
    }
  /** Records became durable here, own or applied. */
  | { readonly type: "committed"; readonly stream: StreamName; readonly origin: OriginId; readonly nextSeq: number }
  /** The answer to an `apply` or a `stage` effect. */
  | {
      readonly type: "applied";
      readonly conn: number;
      readonly key: KeyId;
      readonly bytes: number;
      readonly ok: boolean;
      /** Where it is the peer's fault that it could not be stored: what is wrong with it. */
      readonly fault?: { readonly code: ErrorCode; readonly message: string } | undefined;
      readonly fill: boolean;
      /** It was not taken, because it stands here under a later origin of the same node. */
      readonly standsAgain?: boolean;
      /** It was not taken, because its site may not produce any more, or another node of this site brings it. */
      readonly isRefused?: boolean;
      /** From the arrival to the answer. */
      readonly tookMs: number;
    }
  /** Under this former origin of this node numbers may have been given twice: told at the start. */
  | { readonly type: "restored"; readonly origin: OriginId }
  /** Records of this key stand again under another origin, since this node was restored: told at the start. */
  | { readonly type: "again"; readonly key: KeyId }
  /** The answer to a `reincarnate` effect: the origin under which this node appends now; undefined when it could not be changed. */
  | { readonly type: "reincarnated"; readonly key: KeyId; readonly own: OriginId | undefined }
  /** The answer to an `appendAgain` effect. */
  | { readonly type: "appendedAgain"; readonly key: KeyId; readonly ok: boolean }
  /** The answer to a `setAside` effect: which records were given up; undefined when there were none to be given up. */
  | { readonly type: "setAside"; readonly key: KeyId; readonly part: { from: number; to: number } | undefined }
  /** A ping was answered. */
  | { readonly type: "roundTrip"; readonly conn: number; readonly ms: number }
  | { readonly type: "tick" };

export type Effect =
  | { readonly type: "send"; readonly conn: number; readonly message: Message }
  | {
      readonly type: "read";
      readonly conn: number;
      readonly requestId: number;
      readonly key: KeyId;
      readonly stream: StreamName;
      readonly origin: OriginId;
      readonly from: number;
      /** First seq that is not wanted. */
      readonly to: number;
      readonly maxBytes: number;
      /** To be compared first; empty once they were. */
      readonly digests: readonly Digest[];
      /** A sealed run that begins at `from` may be sent as it lies on disk. */
      readonly sealed: boolean;
      /** Of which these blocks are there already, if it is the very same run. */
      readonly staged: Staged | undefined;
      /** The first read for its request, or the first behind a sealed run: all that lies there may be backlog. */
      readonly isFirst: boolean;
      /** The first read from this seq on: what is worth it may be prepared. */
      readonly prepare: boolean;
    }
  | {
      readonly type: "apply";
      readonly conn: number;
      readonly key: KeyId;
      readonly bytes: number;
      readonly payload: unknown;
      /** It fills a gap; the version vector stays. */
      readonly fill: boolean;
    }
  /** Write down that these records are not to be had; what is applied to the key afterwards lies behind them. */
  | { readonly type: "note"; readonly key: KeyId; readonly hole: Hole }
  /** Digest the records with these seqs. */
  | {
      readonly type: "digest";
      readonly conn: number;
      readonly requestId: number;
      readonly key: KeyId;
      readonly seqs: readonly number[];
    }
  /** Whether the peer, which has all that is here, holds the same history. */
  | {
      readonly type: "compare";
      readonly conn: number;
      readonly requestId: number;
      readonly key: KeyId;
      readonly digests: readonly Digest[];
    }
  /** Whether the record that a peer has shown, `payload` as it arrived, is the one that stands here. */
  | { readonly type: "match"; readonly key: KeyId; readonly seq: number; readonly payload: unknown }
  /** Two histories stand under the numbers of one origin. */
  | { readonly type: "fork"; readonly conn: number; readonly key: KeyId }
  /**
   * A peer holds records of this node which the node does not hold: it was restored from a backup, and must append under
   * a new origin (rule 11).
   */
  | { readonly type: "reincarnate"; readonly conn: number; readonly key: KeyId; readonly next: number }
  /** A peer offers what is not taken from it: a stream that it may not hold, or records of a site that may not produce (R8). */
  | { readonly type: "refused"; readonly conn: number; readonly names: Key }
  /** A peer claims so much of this node's own records, and has nothing to show for it. */
  | { readonly type: "refuted"; readonly conn: number; readonly key: KeyId; readonly next: number }
  /** A peer claims so much of a history, has been asked for it for long, and sends nothing of it. */
  | { readonly type: "withheld"; readonly conn: number; readonly key: KeyId; readonly next: number }
  /** From this seq on the records were given numbers that others had: append them again. */
  | { readonly type: "appendAgain"; readonly key: KeyId; readonly from: number }
  /** Give up records of the key that stand under a later origin of the same node; `isForked`: another history of it was met. */
  | { readonly type: "setAside"; readonly key: KeyId; readonly isForked: boolean }
  /** Take in blocks [first, next) of a sealed run; with its last, the run counts. With its first, a former one is dropped. */
  | {
      readonly type: "stage";
      readonly conn: number;
      readonly key: KeyId;
      readonly run: RunFacts;
      readonly first: number;
      readonly next: number;
      readonly bytes: number;
      readonly payload: unknown;
    }
  /** Tell the other nodes of this site, which have one log with this one. */
  | ({ readonly type: "claim"; readonly number: number } & Key & Claim)
  | ({ readonly type: "fillTurn" } & FillTurn)
  /** End what others that are gone still bring of this key, and read the site's log to its end. Why is told with the answer. */
  | ({ readonly type: "settle"; readonly key: KeyId; readonly settling: Settling } & Key)
  /** Others do what this node did: of what came and is not in the site's log, nothing gets there any more. */
  | { readonly type: "giveUp" }
  /** End the link: by default as links end, with a code when the peer said what it may not say. */
  | { readonly type: "close"; readonly conn: number; readonly reason: string; readonly code?: ErrorCode };

export function keyId(stream: string, origin: string): KeyId {
  return `${stream} ${origin}`;
}

/**
 * @param self name of the node, `site.node`
 * @param share where the site's nodes have one log
 */
export function createMachine(self: string, own: OriginId, share?: Share): MachineState {
  return {
    self,
    own,
    isReborn: false,
    steppedAt: -Infinity,
    keys: new Map(),
    held: new Map(),
    received: new Map(),
    staged: new Map(),
    conns: new Map(),
    sources: new Map(),
    requests: new Map(),
    holes: new Map(),
    gapWaits: new Map(),
    lost: new Map(),
    fills: new Map(),
    distance: new Map(),
    feasible: new Map(),
    penalties: new Map(),
    byNode: new Map(),
    forks: new Map(),
    mends: new Map(),
    probes: new Map(),
    again: new Set(),
    doubted: new Set(),
    refuted: new Map(),
    share,
    nextRequestId: 1,
  };
}

/** Makes a key known; returns its id. */
export function internKey(state: MachineState, stream: StreamName, origin: OriginId): KeyId {
  const id = keyId(stream, origin);
  if (!state.keys.has(id)) {
    state.keys.set(id, { stream, origin });
    const node = keyId(stream, nodeOfOrigin(origin));
    const known = state.byNode.get(node);
    if (known === undefined) state.byNode.set(node, [id]);
    else known.push(id);
  }
  return id;
}

export function heldNext(state: MachineState, key: KeyId): number {
  return state.held.get(key) ?? 0;
}

export function receivedNext(state: MachineState, key: KeyId): number {
  return state.received.get(key) ?? heldNext(state, key);
}

/** What damage has taken, where that is what comes next. */
export function lostAt(state: MachineState, key: KeyId): Lost | undefined {
  const lost = state.lost.get(key);
  return lost !== undefined && receivedNext(state, key) < lost.to ? lost : undefined;
}

export function isOwn(state: MachineState, key: KeyId): boolean {
  return state.keys.get(key)?.origin === state.own;
}

/** Of this node, under whichever incarnation. */
export function isOfThisNode(state: MachineState, key: KeyId): boolean {
  const origin = state.keys.get(key)?.origin;
  return origin !== undefined && nodeOfOrigin(origin) === nodeOfOrigin(state.own);
}

/** Whether the records were first stored by a node of this site. */
export function isOfOwnSite(state: MachineState, key: KeyId): boolean {
  const names = state.keys.get(key);
  return names !== undefined && siteOfOrigin(names.origin) === siteOfOrigin(state.own);
}

/** Sum of link costs to the origin over the active source; 0 for this node's own records. */
export function distanceOf(state: MachineState, key: KeyId): number {
  return isOwn(state, key) ? 0 : (state.distance.get(key) ?? DISTANCE_INFINITE);
}

export function plusCost(distance: number, cost: number): number {
  return distance >= DISTANCE_INFINITE - cost ? DISTANCE_INFINITE : distance + cost;
}

/** FNV-1a with a final mix: spreads keys over equally good peers or nodes, the same at every run. */
export function spreadHash(text: string): number {
  let h = 2_166_136_261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16_777_619);
  h ^= h >>> 15;
  h = Math.imul(h, 2_246_822_507);
  return (h ^ (h >>> 13)) >>> 0;
}
