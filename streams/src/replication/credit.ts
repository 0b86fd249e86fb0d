import type { Conn, Effect } from "./machine-state.js";

/**
 * Also without credit, a window that has become much narrower is told: a sender with a rest of credit that is more than the
 * window, and less than the block that it thinks of, would wait for ever.
 */
export function giveCredit(conn: Conn, bytes: number, out: Effect[]): void {
  if (bytes === 0 && conn.window.bytes >= conn.toldWindow / 2) return;
  conn.toldWindow = conn.window.bytes;
  const value = { bytes, window: conn.window.bytes };
  out.push({ type: "send", conn: conn.id, message: { $case: "credit", value } });
}
