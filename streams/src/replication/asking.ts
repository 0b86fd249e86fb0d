import type { Digest, Request } from "@landfall/proto/gen/landfall/v1/replication";
import { holeAt } from "../model/gap.js";
import { receivedNext, type Conn, type Effect, type KeyId, type MachineState } from "./machine-state.js";

/**
 * Sends a request, together with digests of the records around what is asked for, which tell the peer whether it holds
 * the same history (rule 10). Where those have to be read first, the request waits for them.
 */
export function ask(state: MachineState, conn: Conn, key: KeyId, request: Request, out: Effect[]): void {
  askWith(state, conn, key, request, conn.tellsGaps ? around(request) : [], out);
}

/** The same, with digests of the records with these seqs, as far as they are here. */
export function askWith(
  state: MachineState,
  conn: Conn,
  key: KeyId,
  request: Request,
  wanted: readonly number[],
  out: Effect[],
): void {
  const seqs = held(state, key, wanted);
  state.requests.set(request.id, { conn: conn.id, key, ...(seqs.length > 0 && { unsent: request }) });
  if (seqs.length === 0) out.push({ type: "send", conn: conn.id, message: { $case: "request", value: request } });
  else out.push({ type: "digest", conn: conn.id, requestId: request.id, key, seqs });
}

/** The digests that a request waits for are there; it may not be wanted any more. */
export function onDigested(
  state: MachineState,
  requestId: number,
  digests: Digest[],
  now: number,
  out: Effect[],
): void {
  const asked = state.requests.get(requestId);
  if (asked?.unsent === undefined) return;
  const { conn, key, unsent } = asked;
  state.requests.set(requestId, { conn, key });
  for (const waiting of [state.sources.get(key), state.fills.get(key), state.mends.get(key)]) {
    if (waiting?.requestId === requestId) waiting.heardAt = now;
  }
  out.push({ type: "send", conn, message: { $case: "request", value: { ...unsent, digests } } });
}

/** Nothing of the request has reached the peer. */
export function isUnsent(state: MachineState, requestId: number): boolean {
  return state.requests.get(requestId)?.unsent !== undefined;
}

/** The records before and, where the request has an end, behind what is asked for. */
function around({ from, to }: Request): number[] {
  return [from - 1, ...(to > 0 ? [to] : [])];
}

function held(state: MachineState, key: KeyId, seqs: readonly number[]): number[] {
  const holes = state.holes.get(key) ?? [];
  const received = receivedNext(state, key);
  return seqs.filter((seq) => seq >= 0 && seq < received && holeAt(holes, seq) === undefined);
}
