import { RULES_BOXES_MAX } from "../limits.js";
import type { AlertType, AlertValue, ContainerEventType, Measurements } from "@landfall/proto/api";
import type { RulesSettings } from "@landfall/proto/onboard-rules";

/** What the rules are told, in the order in which it became durable here. Times are milliseconds since 1970. */
export type RuleEvent =
  | {
      readonly type: "reading";
      readonly container: string;
      /** When it was measured. */
      readonly time: number;
      /** When it came, by this node's clock. */
      readonly wall: number;
      /** Client that brought it; unknown for what is read back from the store. */
      readonly via?: string;
      readonly measurements: Measurements;
    }
  | {
      readonly type: "move";
      readonly container: string;
      readonly move: ContainerEventType;
      readonly time: number;
    }
  | { readonly type: "position"; readonly time: number; readonly latitude: number; readonly longitude: number }
  | { readonly type: "connected"; readonly client: string; readonly wall: number }
  /** An alert that stands open in the store, after a start. */
  | { readonly type: "open-alert"; readonly alert: AlertValue }
  /** One that was closed in the store, after a start. */
  | { readonly type: "closed-alert"; readonly alert: AlertValue }
  | { readonly type: "tick"; readonly wall: number };

/** The thresholds by which is judged, and the version of the document that set any of them. */
export interface RulesInForce extends RulesSettings {
  readonly version?: number;
}

/** An alert to be stored: `raised` or `cleared`. */
export type AlertChange = AlertValue & { readonly container: string };

/** How long the cargo has been out of its range and, once that is an alert, back in it. */
export interface RangeWatch {
  /** First reading that was out. */
  since?: number;
  outMs: number;
  inMs: number;
  /** Last reading that counted and was not followed by a defrost; absent: the next one starts anew. */
  last?: number;
  /** Last reading during a defrost. */
  defrostAt?: number;
}

/** One container on this ship. */
export interface Box {
  readonly container: string;
  /** Time of the LOAD that brought it aboard; absent when it is not aboard. */
  aboardSince?: number;
  /** Time of the newest LOAD or DISC heeded. */
  movedAt: number;
  /** Newest reading, and what all readings last said. */
  lastTime?: number;
  last: Measurements;
  /** Pauses between the newest readings, oldest first. */
  gaps: number[];
  /** When anything last came of it, by our clock, and through whom. */
  heardAt: number;
  via?: string;
  isReefer: boolean;
  range: RangeWatch;
  noPowerSince?: number;
  /** First reading aboard that told of an open door. */
  doorOpenSince?: number;
  shockAt?: number;
  readonly open: Map<AlertType, AlertChange>;
}

/** A client that speaks for containers. */
export interface Gateway {
  connectedAt: number;
  /** Newest event time heard through it. */
  front: number;
  /** When a reading far behind its front came last: it is handing over what it kept. */
  lateAt: number;
  /** Most containers whose last word came through it at one time, and how many there are now. */
  membersMax: number;
  members: number;
}

/**
 * Plain data, so that it can be kept in a file; moments are milliseconds since 1970, 0 for never.
 * Owned by `step`, which changes it in place: hundreds of thousands of readings an hour leave no room for copies.
 */
export interface RulesState {
  readonly imo: string;
  readonly startedAt: number;
  readonly boxes: Map<string, Box>;
  readonly gateways: Map<string, Gateway>;
  shipPosition?: { readonly time: number; readonly latitude: number; readonly longitude: number };
}

export function initialState(imo: string, startedAt: number): RulesState {
  return { imo, startedAt, boxes: new Map(), gateways: new Map() };
}

export function boxOf(state: RulesState, container: string): Box {
  const known = state.boxes.get(container);
  if (known) return known;
  if (state.boxes.size >= RULES_BOXES_MAX) forgetAshore(state);
  const box: Box = {
    container,
    movedAt: 0,
    last: {},
    gaps: [],
    heardAt: 0,
    isReefer: false,
    range: { outMs: 0, inMs: 0 },
    open: new Map(),
  };
  state.boxes.set(container, box);
  return box;
}

/** A container that is not aboard is kept only because its LOAD may come late. */
function forgetAshore({ boxes }: RulesState): void {
  for (const [container, box] of boxes) if (box.aboardSince === undefined) boxes.delete(container);
}
