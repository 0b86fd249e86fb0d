import { purposeOf } from "./budget/purse.js";
import { blockWireBytes } from "./budget/wire-bytes.js";
import type { Conn, MachineState, Serving } from "./machine-state.js";

/** Whether the next block of a request, of about so many bytes, will still be paid for today. */
export function isAffordable(state: MachineState, conn: Conn, serving: Serving, bytes: number): boolean {
  return conn.purse === undefined || conn.purse.covers(priceOf(serving, bytes), purposeFor(state, serving));
}

/** Sets aside what the next block of a request may take. Returns whether it may be read. */
export function holdFor(state: MachineState, conn: Conn, serving: Serving, bytes: number): boolean {
  if (conn.purse === undefined) return true;
  const price = priceOf(serving, bytes);
  if (!conn.purse.hold(price, purposeFor(state, serving))) return false;
  conn.held = price;
  return true;
}

/** Pays for a block that was read. False when it is larger than was thought and there is not so much: it is read again later. */
export function pay(state: MachineState, conn: Conn, serving: Serving, bytes: number): boolean {
  if (conn.purse === undefined) return true;
  const price = blockWireBytes(bytes);
  const more = price - conn.held;
  if (more > 0) {
    if (!conn.purse.hold(more, purposeFor(state, serving))) {
      serving.nextBytes = bytes;
      return false;
    }
    conn.held = price;
  }
  delete serving.nextBytes;
  conn.purse.settle(conn.held, price);
  conn.held = 0;
  return true;
}

/** What was set aside for a block is not needed. */
export function releaseHeld(conn: Conn): void {
  const { held } = conn;
  conn.held = 0;
  if (held > 0) conn.purse?.settle(held, 0);
}

function priceOf({ nextBytes = 0 }: Serving, bytes: number): number {
  return blockWireBytes(Math.max(bytes, nextBytes));
}

function purposeFor(state: MachineState, { key }: Serving) {
  const stream = state.keys.get(key)?.stream;
  return stream === undefined ? "rest" : purposeOf(stream);
}
