import type { LinkClass } from "@landfall/proto/api";
import type { KeepaliveTuning } from "./keepalive.js";
import type { LinkTuning } from "./machine-state.js";

export interface ClassTuning extends LinkTuning, KeepaliveTuning {
  /** Bounds of the jittered wait before dialling again. */
  readonly redialMsMin: number;
  readonly redialMsMax: number;
}

const KIB = 1024;
/** What cables between sites carry at least: on one that carries a tenth of it, an alert may wait some seconds once. */
const CABLE_BYTES_PER_MS = 100_000 / 8;

/** On a metered link, what is said so often anyway would use the budget: 288 times a day instead. */
const METERED_EVERY_MS = 300_000;
/** What comes to the side that keeps the budget must fit its allowance (budget/toll.ts). */
export const METERED_BLOCK_BYTES = 8 * KIB;
/** Longer than a half-open link lives, and than a backlog is packed before the first of it is sent. */
const CLAIM_MS = 60_000;
/** Somebody whose budget is used up may be silent until the next day. */
const METERED_CLAIM_MS = 25 * 3_600_000;
/** A link that does not come up must not use the budget for trying. */
const METERED_REDIAL_MS_MAX = 600_000;

/**
 * What each class of link is assumed to be. Costs are far enough apart that a path over several cheap links
 * is preferred to one dear link. Windows begin with what fits a usual link of the class, and follow what is measured.
 */
export const LINK_CLASSES: Readonly<Record<LinkClass, ClassTuning>> = {
  lan: {
    cost: 1,
    stallMs: 2_000,
    claimMs: CLAIM_MS,
    stopMs: 4_000,
    windowBytes: 4096 * KIB,
    windowBytesMin: 256 * KIB,
    windowBytesMax: 24 * 1024 * KIB,
    blockBytes: 512 * KIB,
    announceMs: 500,
    gapMs: 300,
    pingMs: 1_000,
    silenceMs: 4_000,
    redialMsMin: 100,
    redialMsMax: 1_000,
  },
  wan: {
    cost: 10,
    stallMs: 3_000,
    claimMs: CLAIM_MS,
    stopMs: 6_000,
    windowBytes: 4096 * KIB,
    windowBytesMin: 256 * KIB,
    windowBytesMax: 24 * 1024 * KIB,
    startBytesPerMs: CABLE_BYTES_PER_MS,
    blockBytes: 512 * KIB,
    announceMs: 500,
    gapMs: 300,
    pingMs: 1_000,
    silenceMs: 5_000,
    redialMsMin: 100,
    redialMsMax: 1_500,
  },
  port: {
    cost: 20,
    stallMs: 5_000,
    claimMs: CLAIM_MS,
    stopMs: 8_000,
    windowBytes: 256 * KIB,
    windowBytesMin: 24 * KIB,
    windowBytesMax: 16 * 1024 * KIB,
    blockBytes: 256 * KIB,
    announceMs: 500,
    gapMs: 1_000,
    pingMs: 1_000,
    silenceMs: 6_000,
    redialMsMin: 100,
    redialMsMax: 1_000,
  },
  satellite: {
    cost: 1_000,
    stallMs: 15_000,
    claimMs: 10 * CLAIM_MS,
    stopMs: 20_000,
    windowBytes: 16 * KIB,
    windowBytesMin: 8 * KIB,
    windowBytesMax: 64 * KIB,
    blockBytes: 4 * KIB,
    announceMs: 5_000,
    gapMs: 10_000,
    pingMs: 5_000,
    silenceMs: 20_000,
    redialMsMin: 500,
    redialMsMax: 5_000,
  },
};

/** How a link is treated. On a metered one, blocks are small (each is set aside first), and little is said that nobody waits for. */
export function tuningOf(linkClass: LinkClass, isMetered: boolean): ClassTuning {
  const tuning = LINK_CLASSES[linkClass];
  if (!isMetered) return tuning;
  return {
    ...tuning,
    blockBytes: Math.min(tuning.blockBytes, METERED_BLOCK_BYTES),
    claimMs: METERED_CLAIM_MS,
    announceMs: METERED_EVERY_MS,
    idlePingMs: METERED_EVERY_MS,
    redialMsMax: METERED_REDIAL_MS_MAX,
  };
}
