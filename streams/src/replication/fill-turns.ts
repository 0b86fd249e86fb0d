import { internKey, type Effect, type Key, type KeyId, type MachineState } from "./machine-state.js";

/** By which this node takes the turn to fill gaps of a key. */
export interface OwnFillTurn {
  /** Of the word that says so. */
  readonly number: number;
  /** The word's place in the order of all; undefined until it was heard. Another node hears the two of them in the same order. */
  order: number | undefined;
  /** Somebody may have heard it: then the end is told, too, whoever is there by then. */
  isTold: boolean;
  /** All that others brought before is here: `asked` for, and so. */
  settling: "not yet" | "asked" | "done";
}

/** What a node of the site says of one key. */
export interface FillTurn extends Key {
  /** It fills gaps, or waits for its turn to; else it does so no longer. */
  readonly fills: boolean;
  /** Counts a node's words of this kind and of claims. */
  readonly number: number;
}

/**
 * Whether this node may fill a gap of a key, of which it knows a holder. Where nodes share a log, that is nobody's business who asks for
 * the rest: a node that has a way to a holder says so, whoever said it first goes on, and begins behind all that those before have brought.
 */
export function mayFill(state: MachineState, key: KeyId, out: Effect[]): boolean {
  const { share } = state;
  const names = state.keys.get(key);
  if (share === undefined || names === undefined) return true;
  if (!share.isOpen) return false;
  let own = share.fills.get(key);
  if (own === undefined) {
    const isTold = share.sisters.size > 0;
    const order = isTold ? undefined : ++share.order;
    own = { number: ++share.number, order, isTold, settling: "not yet" };
    share.fills.set(key, own);
    if (isTold) tell(state, key, true, own.number, out);
  }
  if (own.order === undefined || !isFirst(state, key, own.order)) return false;
  if (own.settling === "not yet") {
    own.settling = "asked";
    out.push({ type: "settle", key, ...names, settling: { why: "fill", order: own.order } });
  }
  return own.settling === "done";
}

/** Nothing is left that this node could fill, and all that it brought is in the log. */
export function endFillTurn(state: MachineState, key: KeyId, out: Effect[]): void {
  const { share } = state;
  const own = share?.fills.get(key);
  if (share === undefined || own === undefined) return;
  share.fills.delete(key);
  if (own.isTold) tell(state, key, false, ++share.number, out);
}

/** To a node that has begun, and has heard nothing yet. The turns keep their places: to it, they are all before its own. */
export function tellFillTurnsAgain(state: MachineState, out: Effect[]): void {
  for (const [key, own] of state.share?.fills ?? []) {
    own.isTold = true;
    tell(state, key, true, own.number, out);
  }
}

/** @param node of the site, this one included. @returns the keys */
export function hearFillTurns(state: MachineState, node: string, turns: readonly FillTurn[]): KeyId[] {
  const { share } = state;
  if (share === undefined) return [];
  return turns.map(({ stream, origin, fills, number }) => {
    const key = internKey(state, stream, origin);
    const order = ++share.order;
    if (node === state.self) {
      const own = share.fills.get(key);
      if (own?.number === number && fills) own.order ??= order;
    } else {
      const others = share.sisters.get(node)?.fills;
      if (!fills) others?.delete(key);
      else if (others?.has(key) === false) others.set(key, order);
    }
    return key;
  });
}

/** The log was read to its end, for the turn with this place. */
export function onFillSettled(state: MachineState, key: KeyId, order: number): void {
  const own = state.share?.fills.get(key);
  if (own !== undefined && own.order === order && own.settling === "asked") own.settling = "done";
}

function isFirst(state: MachineState, key: KeyId, order: number): boolean {
  for (const { fills } of state.share?.sisters.values() ?? []) if ((fills.get(key) ?? Infinity) < order) return false;
  return true;
}

function tell(state: MachineState, key: KeyId, fills: boolean, number: number, out: Effect[]): void {
  const names = state.keys.get(key);
  if (names !== undefined) out.push({ type: "fillTurn", ...names, fills, number });
}
