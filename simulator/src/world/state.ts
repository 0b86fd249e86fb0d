import type { Passage } from "../lanes/passage.js";
import type { Storm } from "./weather.js";

/**
 * The world as plain data: what is in it can be written to disk and read back, and nothing else decides what
 * happens next. Times are milliseconds since 1970 by the simulated clock.
 */
export interface WorldState {
  /** Raised whenever an older snapshot can no longer be continued. */
  readonly format: typeof WORLD_FORMAT;
  readonly seed: number;
  readonly startMs: number;
  /** Everything up to here has happened; a multiple of the tick. */
  readonly timeMs: number;
  readonly ships: readonly ShipState[];
  readonly containers: readonly ContainerState[];
  readonly storms: readonly Storm[];
  readonly script: ScriptState;
  /** What happened lately, newest last. */
  readonly story: readonly StoryLine[];
}

export const WORLD_FORMAT = 1;

export interface StoryLine {
  readonly timeMs: number;
  readonly text: string;
}

export interface ShipState {
  readonly imo: string;
  readonly name: string;
  /** Site of its broker. */
  readonly site: string;
  readonly serviceKn: number;
  /** Ports that it calls at, again and again. */
  readonly rotation: readonly string[];
  /** Index in the rotation of the port where it lies or whither it sails. */
  readonly leg: number;
  /** Number of the voyage that starts with the next departure, or that is being sailed. */
  readonly voyageNo: number;
  readonly phase: Docked | AtSea;
}

export interface Docked {
  readonly kind: "docked";
  readonly port: string;
  readonly sinceMs: number;
  /** When the cranes begin. */
  readonly workFromMs: number;
  readonly departMs: number;
  readonly nextMoveMs: number;
}

export interface AtSea {
  readonly kind: "sea";
  readonly from: string;
  readonly to: string;
  readonly passage: Passage;
  /** Miles made good at `asOfMs`; from then on it sails at `speedKn`. */
  readonly doneNm: number;
  readonly asOfMs: number;
  readonly speedKn: number;
  readonly departedMs: number;
  /** A person had the passage shortened: it is sailed from here in this time, fast first and slow at the end. */
  readonly hurry?: { readonly fromMs: number; readonly toMs: number; readonly fromNm: number };
}

/** Whose cargo it is; empty for a container that nobody booked. */
export type Owner = "bigblue" | "duckworks" | "polarfoods" | "";

export type ContainerKind = "dry" | "reefer";

export type ContainerPlace =
  /** Inland of that port or in somebody else's terminal there, out of reach of every gateway. */
  | { readonly at: "road"; readonly port: string }
  | { readonly at: "yard"; readonly port: string }
  | { readonly at: "ship"; readonly imo: string }
  /** Over the side. */
  | { readonly at: "lost" };

/**
 * `later`: the story books it in the middle of the voyage. `wanted`: headquarters is to be asked now.
 * `confirmed`: it may pass the gate. `none`: nobody will ever book it.
 */
export type BookingState = "later" | "wanted" | "confirmed" | "none";

export interface ContainerState {
  readonly id: string;
  readonly kind: ContainerKind;
  readonly cargo: string;
  readonly owner: Owner;
  /** From when on the readings are its owner's. */
  readonly bookedFromMs: number;
  readonly booking: BookingState;
  /** Where its customer lives: after each delivery it goes home, and from home anywhere. */
  readonly home: string;
  readonly place: ContainerPlace;
  /** Ports at which it is still to be discharged, next first; empty when it has arrived for good. */
  readonly route: readonly string[];
  /** IMO number of the only ship that may load it. */
  readonly vessel?: string;
  /** IMO number of the ship that brought it; that one does not take it away again. */
  readonly cameOn?: string;
  /** Since when it stands where it stands; `slot` says where in the stack. */
  readonly sinceMs: number;
  readonly slot: number;
  readonly gateInMs?: number;
  readonly gateOutMs?: number;
  /** When the sensor is switched on; nothing is reported before. */
  readonly wakeMs: number;
  /** Offset of its reports within the reporting interval. */
  readonly phaseMs: number;
  /** On the road it stays as it was: what the sensor logs there follows from it, and is told at the next gateway. */
  readonly inside: Inside;
}

/** What is inside a container, at the time of its last reading. */
export interface Inside {
  readonly atMs: number;
  readonly cargoC: number;
  readonly supplyC: number;
  readonly humidityPct: number;
  readonly batteryPct: number;
  readonly setpointC?: number;
  /** No power before this. */
  readonly unpluggedUntilMs: number;
  readonly defrostUntilMs: number;
  readonly nextDefrostMs: number;
  readonly doorOpenUntilMs: number;
}

/** How far the story has come. */
export interface ScriptState {
  /** Ship with the ducks, and the one that lands first. */
  readonly duckShip: string;
  readonly firstShip: string;
  readonly polarBooked: boolean;
  readonly powerFailure: boolean;
  readonly stormSent: boolean;
  /** Containers that are about to go over the side, in order of time. */
  readonly overboard: readonly { readonly container: string; readonly atMs: number }[];
  readonly overboardDone: boolean;
}

/** One message to one broker. The same state gives the same messages, byte for byte. */
export interface Publish {
  /** Site of the broker: `ship-<imo>` or `<port>-yard`. */
  readonly via: string;
  readonly topic: string;
  readonly payload: string;
  /** When it was measured. */
  readonly timeMs: number;
}

/** What people and headquarters do to the world. */
export type Command =
  /** Go there now; the passage takes `withinMs` of simulated time. */
  | { readonly type: "arrive"; readonly imo: string; readonly port: string; readonly withinMs: number }
  | { readonly type: "depart"; readonly imo: string; readonly to: string }
  /** Throws that many of those aboard over the side, from the top of the stacks. */
  | { readonly type: "overboard"; readonly imo: string; readonly count: number }
  | { readonly type: "booked"; readonly containers: readonly string[] };

/** A command takes effect at the first tick that begins at or after `atMs`. */
export interface TimedCommand {
  readonly atMs: number;
  readonly command: Command;
}
