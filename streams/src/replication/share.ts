import {
  DISTANCE_INFINITE,
  heldNext,
  internKey,
  plusCost,
  receivedNext,
  spreadHash,
  type Effect,
  type Key,
  type KeyId,
  type MachineState,
} from "./machine-state.js";
import type { OriginId } from "../model/names.js";
import type { Candidate } from "./candidates.js";
import { hearFillTurns, onFillSettled, tellFillTurnsAgain, type FillTurn, type OwnFillTurn } from "./fill-turns.js";

/** What a node tells the other nodes of its site of one key. */
export interface Claim {
  /** From the origin to this node, over the peer that it asks or could ask; DISTANCE_INFINITE when there is none. */
  readonly distance: number;
  /** It asks a peer for the records, or is about to. */
  readonly asks: boolean;
  /** A peer of this node has more, and for long nothing has come from whoever asks. */
  readonly overdue: boolean;
}

interface OwnClaim extends Claim {
  /** Of the last one that was said. */
  readonly number: number;
  /** Its place in the order of all words; undefined until it was heard. */
  order: number | undefined;
  /** All that others brought before is here, so that the request begins where they ended. */
  isReady: boolean;
}

interface Sister {
  /** What it writes itself comes from nowhere else. */
  readonly origin: OriginId;
  readonly claims: Map<KeyId, Claim & { readonly order: number }>;
  /** Keys of which it fills gaps, or waits to, and since which word. */
  readonly fills: Map<KeyId, number>;
}

/**
 * Who asks for what, where all nodes of a site write to one log and read it: what one of them brings is at all of them. Their
 * words go through that log, so all hear them in one order, and each comes to the same result by itself.
 */
export interface Share {
  /** Nothing is asked for before the others had time to say what they ask for. */
  isOpen: boolean;
  readonly own: Map<KeyId, OwnClaim>;
  /** Keys of which this node fills gaps, or waits to (fill-turns.ts). */
  readonly fills: Map<KeyId, OwnFillTurn>;
  /** By name of the node, `site.node`; those that live. */
  readonly sisters: Map<string, Sister>;
  /** What this node has of a key and is not in the log, up to this seq. */
  readonly left: Map<KeyId, number>;
  /** Since when somebody better placed should have asked. */
  readonly waits: Map<KeyId, number>;
  /** Of keys that others bring: how far they were when somebody last looked, and since when. */
  readonly progress: Map<KeyId, { next: number; since: number }>;
  order: number;
  number: number;
}

export type ShareEvent =
  /** The others had time to answer. */
  | { readonly type: "listened" }
  /** A node of the site has begun, or begun anew. */
  | { readonly type: "sisterHere"; readonly node: string; readonly origin: OriginId }
  /** It has ended, or is taken to have. When it is this node, it was silent for long, and others do what it did. */
  | { readonly type: "sisterGone"; readonly node: string }
  /** What a node of the site, this one included, has said, in the order of the log. */
  | { readonly type: "claims"; readonly node: string; readonly claims: readonly HeardClaim[] }
  | { readonly type: "fillTurns"; readonly node: string; readonly turns: readonly FillTurn[] }
  /** Of this key, more is here than in the log, up to this seq; who settles it puts it there. */
  | ({ readonly type: "left"; readonly next: number } & Key)
  /** The answer to a `settle` effect, with what that said. */
  | { readonly type: "settled"; readonly key: KeyId; readonly settling: Settling };

/** Why the log of this site is read to its end. */
export type Settling =
  /** By the word with this place, the node takes the turn to ask. */
  | { readonly why: "ask"; readonly order: number | undefined }
  /** Or to fill a gap. */
  | { readonly why: "fill"; readonly order: number }
  /** So much a peer said that it holds of what this node wrote itself. */
  | { readonly why: "own"; readonly claimed: number };

export interface HeardClaim extends Claim, Key {
  /** As in the `claim` effect. */
  readonly number: number;
}

/** Between nodes of a site; as over a cable. */
const SHARED_COST = 1;
/** Who is better placed has so long to ask before another does. */
const WAIT_MS = 2_000;

export function createShare(): Share {
  return {
    isOpen: false,
    own: new Map(),
    fills: new Map(),
    sisters: new Map(),
    left: new Map(),
    waits: new Map(),
    progress: new Map(),
    order: 0,
    number: 0,
  };
}

/**
 * Whether this node asks for a key. When another node of the site should, says how near this one could have it, and stands by.
 * @param best the peer that it would ask
 */
export function hasTurn(state: MachineState, key: KeyId, best: Candidate, now: number, out: Effect[]): boolean {
  const { share } = state;
  if (share === undefined) return true;
  if (!share.isOpen) return false;
  const { distance } = best;
  const own = share.own.get(key);
  const asker = askerOf(state, key);
  if (asker !== undefined && asker.node !== state.self) {
    const overdue = isOverdue(state, share, key, best, now);
    // What this node asked for last must be in the log before another goes on with it.
    if (own?.asks !== true || isDrained(state, key)) say(state, key, { distance, asks: false, overdue }, out);
    return false;
  }
  const isFirst = !hasBetter(state, key, distance);
  if (own?.asks === true) {
    if (!isFirst) {
      if (isDrained(state, key)) say(state, key, { distance, asks: false, overdue: false }, out);
      return false;
    }
    say(state, key, { distance, asks: true, overdue: false }, out);
    return own.isReady;
  }
  if (!isFirst) {
    const since = share.waits.get(key);
    if (since === undefined) share.waits.set(key, now);
    if (since === undefined || now - since < WAIT_MS) {
      say(state, key, { distance, asks: false, overdue: false }, out);
      return false;
    }
  }
  share.waits.delete(key);
  say(state, key, { distance, asks: true, overdue: false }, out);
  return share.own.get(key)?.isReady === true;
}

/** Whether this node goes on with the peer that it asks, at this distance. */
export function keepsTurn(
  state: MachineState,
  key: KeyId,
  source: { readonly distance: number; readonly silentMs: number; readonly stallMs: number },
  out: Effect[],
): boolean {
  const { share } = state;
  if (share === undefined) return true;
  const own = share.own.get(key);
  const asker = askerOf(state, key);
  if (own === undefined || (asker !== undefined && asker.node !== state.self)) return false;
  if (hasBetter(state, key, source.distance)) return false;
  if (source.silentMs > source.stallMs && isAwaited(share, key)) return false;
  say(state, key, { distance: source.distance, asks: true, overdue: false }, out);
  return true;
}

/** No peer can be asked any more. What is left here of the key, this node puts into the log where nobody else could bring it. */
export function standDown(state: MachineState, key: KeyId, out: Effect[]): void {
  if (putsLeft(state, key, out)) return;
  const { share } = state;
  const own = share?.own.get(key);
  if (share === undefined || own === undefined || !isDrained(state, key)) return;
  // Whoever is alone keeps the turn: nobody else brings anything, and it goes on with the next peer, also while the log hangs.
  if (share.sisters.size === 0) return;
  say(state, key, { distance: DISTANCE_INFINITE, asks: false, overdue: false }, out);
}

function putsLeft(state: MachineState, key: KeyId, out: Effect[]): boolean {
  const { share } = state;
  const left = share?.left.get(key);
  if (share === undefined || left === undefined || !share.isOpen) return false;
  if (left <= heldNext(state, key)) {
    share.left.delete(key);
    return false;
  }
  const asker = askerOf(state, key);
  if (asker === undefined ? hasBetter(state, key, DISTANCE_INFINITE) : asker.node !== state.self) return false;
  say(state, key, { distance: DISTANCE_INFINITE, asks: true, overdue: false }, out);
  return true;
}

/** From the origin to this node by way of another node of the site. */
export function sharedDistance(state: MachineState, key: KeyId): number {
  const asker = askerOf(state, key);
  return asker === undefined || asker.node === state.self ? DISTANCE_INFINITE : plusCost(asker.distance, SHARED_COST);
}

/**
 * Takes in what nodes of the site have said.
 * @returns keys for which it makes a difference; undefined for all of them
 */
export function hearShare(state: MachineState, event: ShareEvent, out: Effect[]): readonly KeyId[] | undefined {
  const { share } = state;
  if (share === undefined) return [];
  switch (event.type) {
    case "listened":
      share.isOpen = true;
      return undefined;
    case "sisterHere": {
      if (event.node === state.self) return [];
      share.sisters.set(event.node, { origin: event.origin, claims: new Map(), fills: new Map() });
      // It has heard nothing yet; what is said again counts from then on.
      for (const key of share.own.keys()) sayAgain(state, share, key, out);
      tellFillTurnsAgain(state, out);
      return undefined;
    }
    case "sisterGone":
      if (event.node === state.self) {
        share.own.clear();
        share.fills.clear();
        share.left.clear();
        share.isOpen = false;
        out.push({ type: "giveUp" });
      } else {
        share.sisters.delete(event.node);
      }
      return undefined;
    case "claims": {
      const keys: KeyId[] = [];
      for (const claim of event.claims) {
        const key = internKey(state, claim.stream, claim.origin);
        if (event.node === state.self) heardOwn(state, share, key, claim, out);
        else heardSister(share, event.node, key, claim);
        keys.push(key);
      }
      return keys;
    }
    case "fillTurns":
      return hearFillTurns(state, event.node, event.turns);
    case "left": {
      const key = internKey(state, event.stream, event.origin);
      share.left.set(key, event.next);
      return [key];
    }
    case "settled": {
      const { settling } = event;
      if (settling.why === "fill") onFillSettled(state, event.key, settling.order);
      if (settling.why !== "ask") return [event.key];
      const own = share.own.get(event.key);
      // Of what was asked for and let go of meanwhile, others may have brought more since.
      const isCurrent = own?.asks === true && own.order === settling.order;
      if (isCurrent && askerOf(state, event.key)?.node === state.self) {
        own.isReady = true;
        share.left.delete(event.key);
      }
      return [event.key];
    }
  }
}

export function isShared(state: MachineState, key: KeyId): boolean {
  const { share } = state;
  if (share === undefined) return false;
  const { own, left, fills, sisters } = share;
  if ([own, left, fills].some((known) => known.has(key))) return true;
  return [...sisters.values()].some((sister) => sister.claims.has(key) || sister.fills.has(key));
}

function say(state: MachineState, key: KeyId, claim: Claim, out: Effect[]): void {
  const { share } = state;
  const names = state.keys.get(key);
  if (share === undefined || names === undefined) return;
  const last = share.own.get(key);
  if (last?.distance === claim.distance && last.asks === claim.asks && last.overdue === claim.overdue) return;
  const isAlone = share.sisters.size === 0;
  const goesOn = last?.asks === true && claim.asks;
  const number = ++share.number;
  const order = goesOn ? last.order : isAlone ? ++share.order : undefined;
  const isReady = goesOn && last.isReady;
  if (isAlone && !claim.asks) {
    share.own.delete(key);
    return;
  }
  share.own.set(key, { ...claim, number, order, isReady });
  if (!isAlone) out.push({ type: "claim", ...names, ...claim, number });
  else if (claim.asks && !goesOn) out.push({ type: "settle", key, ...names, settling: { why: "ask", order } });
}

function sayAgain(state: MachineState, share: Share, key: KeyId, out: Effect[]): void {
  const names = state.keys.get(key);
  const own = share.own.get(key);
  if (names === undefined || own === undefined) return;
  const { distance, asks, overdue } = own;
  const number = ++share.number;
  share.own.set(key, { ...own, number, order: undefined });
  out.push({ type: "claim", ...names, distance, asks, overdue, number });
}

function heardOwn(state: MachineState, share: Share, key: KeyId, claim: HeardClaim, out: Effect[]): void {
  const own = share.own.get(key);
  const order = ++share.order;
  if (own === undefined || own.number !== claim.number) return;
  if (!own.asks) {
    if (own.distance >= DISTANCE_INFINITE) share.own.delete(key);
    else own.order = order;
    return;
  }
  own.order ??= order;
  if (own.isReady || askerOf(state, key)?.node !== state.self) return;
  const settling = { why: "ask", order: own.order } as const;
  out.push({ type: "settle", key, stream: claim.stream, origin: claim.origin, settling });
}

function heardSister(share: Share, node: string, key: KeyId, { distance, asks, overdue }: HeardClaim): void {
  const claims = share.sisters.get(node)?.claims;
  const last = claims?.get(key);
  const order = last?.asks === true && asks ? last.order : ++share.order;
  if (!asks && distance >= DISTANCE_INFINITE) claims?.delete(key);
  else claims?.set(key, { distance, asks, overdue, order });
}

/** Whose turn it is: of those who say that they ask, who said so first. */
function askerOf(state: MachineState, key: KeyId): { readonly node: string; readonly distance: number } | undefined {
  const { share } = state;
  if (share === undefined) return undefined;
  let asker: { node: string; distance: number; order: number } | undefined;
  const own = share.own.get(key);
  if (own?.asks === true && own.order !== undefined) {
    asker = { node: state.self, distance: own.distance, order: own.order };
  }
  for (const [node, { origin, claims }] of share.sisters) {
    if (state.keys.get(key)?.origin === origin) return { node, distance: 0 };
    const claim = claims.get(key);
    if (claim?.asks === true && claim.order < (asker?.order ?? Infinity)) {
      asker = { node, distance: claim.distance, order: claim.order };
    }
  }
  return asker;
}

/** Whether another node could have it from nearer; among equals, keys are spread over the nodes. */
function hasBetter(state: MachineState, key: KeyId, distance: number): boolean {
  const { share } = state;
  if (share === undefined) return false;
  const place = spreadHash(`${key} ${state.self}`);
  for (const [node, { claims }] of share.sisters) {
    const claim = claims.get(key);
    if (claim === undefined || claim.distance > distance) continue;
    if (claim.distance < distance || spreadHash(`${key} ${node}`) < place) return true;
  }
  return false;
}

function isAwaited(share: Share, key: KeyId): boolean {
  return [...share.sisters.values()].some(({ claims }) => claims.get(key)?.overdue === true);
}

/** A peer of this node has more than is here, and whoever asks has brought nothing for as long as a source may be silent. */
function isOverdue(state: MachineState, share: Share, key: KeyId, best: Candidate, now: number): boolean {
  const next = receivedNext(state, key);
  const seen = share.progress.get(key);
  if (!best.ahead) {
    share.progress.delete(key);
    return false;
  }
  if (seen === undefined || seen.next !== next) {
    share.progress.set(key, { next, since: now });
    return false;
  }
  return now - seen.since > best.conn.tuning.stallMs;
}

/** What was received is in the log, and what was left. */
function isDrained(state: MachineState, key: KeyId): boolean {
  const own = state.share?.own.get(key);
  const isSettling = own?.asks === true && own.order !== undefined && !own.isReady;
  if (isSettling && askerOf(state, key)?.node === state.self) return false;
  return receivedNext(state, key) === heldNext(state, key) && !state.sources.has(key);
}
