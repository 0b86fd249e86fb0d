import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Cursor, VersionVector } from "@landfall/streams/model/record";
import type { OriginId, StreamName } from "@landfall/streams/model/names";
import type { StreamStore } from "@landfall/streams/store/store";
import type { Box, Gateway, RulesState } from "./rules-state.js";

/**
 * What the rules knew at a moment, and up to where they had read: a start goes on from there. It is no more than a
 * shortcut: without it, or with one that does not fit the store, everything is read again.
 */
export interface Checkpoint {
  readonly state: RulesState;
  /** Everything before these was heeded; some of what follows may have been too, which does no harm. */
  readonly cursors: ReadonlyMap<StreamName, Cursor>;
  /** Streams in which the open alerts were raised. */
  readonly raisedIn: ReadonlyMap<string, StreamName>;
}

/** To be raised whenever the rules mean something else by what is kept. */
const VERSION = 2;

interface Stored {
  readonly version: number;
  readonly imo: string;
  readonly vectors: Readonly<Record<string, VersionVector>>;
  readonly raisedIn: readonly (readonly [string, StreamName])[];
  readonly boxes: readonly (Omit<Box, "open"> & {
    readonly open: Box["open"] extends Map<unknown, infer A> ? A[] : never;
  })[];
  readonly gateways: readonly (readonly [string, Gateway])[];
  readonly shipPosition?: RulesState["shipPosition"];
}

export async function writeCheckpoint(file: string, { state, cursors, raisedIn }: Checkpoint): Promise<void> {
  const stored: Stored = {
    version: VERSION,
    imo: state.imo,
    vectors: Object.fromEntries([...cursors].map(([stream, { next }]) => [stream, next])),
    raisedIn: [...raisedIn],
    boxes: [...state.boxes.values()].map((box) => ({ ...box, open: [...box.open.values()] })),
    gateways: [...state.gateways],
    ...(state.shipPosition && { shipPosition: state.shipPosition }),
  };
  await mkdir(dirname(file), { recursive: true });
  // Renamed when whole, so that a crash leaves the one before.
  await writeFile(`${file}.new`, JSON.stringify(stored));
  await rename(`${file}.new`, file);
}

/** Undefined when there is none, or none of this version, this ship and this store. */
export async function readCheckpoint(
  file: string,
  imo: string,
  store: Pick<StreamStore, "vector">,
  startedAt: number,
): Promise<Checkpoint | undefined> {
  let stored: Stored;
  try {
    stored = JSON.parse(await readFile(file, "utf8")) as Stored;
  } catch {
    return undefined;
  }
  if (stored.version !== VERSION || stored.imo !== imo) return undefined;
  const cursors = new Map<StreamName, Cursor>();
  for (const [stream, next] of Object.entries(stored.vectors)) {
    // The store was set back behind it: what it speaks of may never have happened.
    if (!isWithin(next, store.vector(stream as StreamName))) return undefined;
    cursors.set(stream as StreamName, { v: 1, next });
  }
  const state: RulesState = {
    imo,
    startedAt,
    boxes: new Map(
      stored.boxes.map((box) => [box.container, { ...box, open: new Map(box.open.map((a) => [a.type, a])) }]),
    ),
    gateways: new Map(stored.gateways),
    ...(stored.shipPosition && { shipPosition: stored.shipPosition }),
  };
  return { state, cursors, raisedIn: new Map(stored.raisedIn) };
}

function isWithin(part: VersionVector, whole: VersionVector): boolean {
  return Object.entries(part).every(([origin, next]) => next <= (whole[origin as OriginId] ?? 0));
}
