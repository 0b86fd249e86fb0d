import type { HistoryEvent } from "./history-model.js";

/** Who had a container, from one of its moves to the next. Places are UN/LOCODEs. */
export interface Stay {
  readonly kind: "ship" | "terminal" | "road";
  readonly fromMs: number;
  /** Absent while it is still there, as far as is known. */
  readonly toMs?: number;
  /** Ships: IMO number. */
  readonly vessel?: string;
  readonly voyage?: string;
  /** Where it began: the terminal itself, the port of loading, the gate that it went out of. */
  readonly from?: string;
  /** Ships and roads: where it ended. */
  readonly to?: string;
}

/**
 * Who had it when, out of gate-in, loading, discharge and gate-out, in order of time. A move that does not fit to the one before
 * (one is missing, or comes later) ends that stay all the same: nobody has a container twice.
 */
export function custodyOf(events: readonly HistoryEvent[]): Stay[] {
  const stays: Stay[] = [];
  for (const event of events) {
    const kind = KIND_AFTER[event.type];
    if (kind === undefined) continue;
    const before = stays.at(-1);
    const { ms, location, vessel, voyage } = event;
    if (before?.kind === "terminal" && kind === "terminal" && before.from === location) continue;
    if (before) {
      const to = location === undefined || before.kind === "terminal" ? {} : { to: location };
      stays[stays.length - 1] = { ...before, toMs: ms, ...to };
    }
    stays.push({
      kind,
      fromMs: ms,
      ...(kind === "ship" && vessel !== undefined ? { vessel } : {}),
      ...(kind === "ship" && voyage !== undefined ? { voyage } : {}),
      ...(location === undefined ? {} : { from: location }),
    });
  }
  return stays;
}

const KIND_AFTER: Readonly<Partial<Record<string, Stay["kind"]>>> = {
  GTIN: "terminal",
  LOAD: "ship",
  DISC: "terminal",
  GTOT: "road",
};

/** Whose it was at a moment. */
export function stayAt(stays: readonly Stay[], ms: number): Stay | undefined {
  return stays.findLast(({ fromMs, toMs }) => fromMs <= ms && (toMs === undefined || ms < toMs));
}
