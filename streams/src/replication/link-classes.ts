import type { LinkClass } from "@landfall/proto/api";
import type { LinkTuning } from "./machine-state.js";

export interface ClassTuning extends LinkTuning {
  /** Between two pings. */
  readonly pingMs: number;
  /** Without any frame for so long a link is half-open and closed. */
  readonly silenceMs: number;
  /** Bounds of the jittered wait before dialling again. */
  readonly redialMsMin: number;
  readonly redialMsMax: number;
}

const KIB = 1024;

/**
 * What each class of link is assumed to be. Costs are far enough apart that a path over several cheap links
 * is preferred to one dear link. Windows follow 1.5 × bandwidth × delay of a usual link of the class, because
 * what is under way is what a live record waits behind.
 */
export const LINK_CLASSES: Readonly<Record<LinkClass, ClassTuning>> = {
  lan: {
    cost: 1,
    stallMs: 2_000,
    stopMs: 4_000,
    windowBytes: 4096 * KIB,
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
    stopMs: 6_000,
    windowBytes: 4096 * KIB,
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
    stopMs: 8_000,
    windowBytes: 256 * KIB,
    blockBytes: 64 * KIB,
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
    stopMs: 20_000,
    windowBytes: 16 * KIB,
    blockBytes: 4 * KIB,
    announceMs: 5_000,
    gapMs: 10_000,
    pingMs: 5_000,
    silenceMs: 20_000,
    redialMsMin: 500,
    redialMsMax: 5_000,
  },
};
