import type { AlertType } from "./api.js";

/** A number by which the on-board rules judge. Minutes are of event time, seconds of the ship's own clock. */
export interface Threshold {
  readonly default: number;
  /** Bounds, both allowed: beyond them a rule would cry at everything, or never. */
  readonly min: number;
  readonly max: number;
  readonly unit: "min" | "s" | "°C" | "g" | "°" | "containers";
  /** The alerts that it decides about. */
  readonly of: readonly AlertType[];
  /** What it says, for people; `docs/alerts.md` tells more. */
  readonly meaning: string;
  /** A whole number. */
  readonly whole?: true;
}

const WEEK_MINUTES = 7 * 24 * 60;

/** Every threshold of the on-board rules, in the order in which people read them. */
export const ONBOARD_THRESHOLDS = {
  rangeToleranceC: {
    default: 3,
    min: 0,
    max: 30,
    unit: "°C",
    of: ["OUT_OF_RANGE"],
    meaning: "The cargo may be so far from its set point",
  },
  outOfRangeAfterMinutes: {
    default: 60,
    min: 0,
    max: WEEK_MINUTES,
    unit: "min",
    of: ["OUT_OF_RANGE"],
    meaning: "Out of range for so long before it is told; a defrost does not count",
  },
  backInRangeAfterMinutes: {
    default: 30,
    min: 0,
    max: WEEK_MINUTES,
    unit: "min",
    of: ["OUT_OF_RANGE"],
    meaning: "Back in range for so long before it is over",
  },
  afterDefrostMinutes: {
    default: 15,
    min: 0,
    max: 24 * 60,
    unit: "min",
    of: ["OUT_OF_RANGE"],
    meaning: "For so long after a defrost the air is not judged either",
  },
  gapMinutes: {
    default: 45,
    min: 0,
    max: WEEK_MINUTES,
    unit: "min",
    of: ["OUT_OF_RANGE"],
    meaning: "A longer pause between two readings counts neither way",
  },
  noPowerAfterMinutes: {
    default: 15,
    min: 0,
    max: WEEK_MINUTES,
    unit: "min",
    of: ["NO_POWER"],
    meaning: "Without power for so long before it is told",
  },
  doorOpenAfterMinutes: {
    default: 5,
    min: 0,
    max: WEEK_MINUTES,
    unit: "min",
    of: ["DOOR_OPEN"],
    meaning: "Door open for so long before it is told",
  },
  shockG: { default: 8, min: 0, max: 200, unit: "g", of: ["SHOCK"], meaning: "A shock of more than this is told" },
  shockClearedAfterMinutes: {
    default: 60,
    min: 0,
    max: WEEK_MINUTES,
    unit: "min",
    of: ["SHOCK"],
    meaning: "No further shock for so long: it is over",
  },
  silentAfterMinutes: {
    default: 720,
    min: 30,
    max: WEEK_MINUTES,
    unit: "min",
    of: ["SILENT"],
    meaning: "No reading for so long while the ship sails on: silent",
  },
  lostAfterMinutes: {
    default: 45,
    min: 0,
    max: WEEK_MINUTES,
    unit: "min",
    of: ["LOST"],
    meaning: "Silent for so long while its neighbours report: lost",
  },
  fallenLostAfterMinutes: {
    default: 5,
    min: 0,
    max: WEEK_MINUTES,
    unit: "min",
    of: ["LOST"],
    meaning: "The same after a fall, beyond its usual interval",
  },
  fallenTiltDeg: {
    default: 60,
    min: 0,
    max: 180,
    unit: "°",
    of: ["LOST"],
    meaning: "A last reading tilted by more than this is a fall",
  },
  fallenShockG: {
    default: 8,
    min: 0,
    max: 200,
    unit: "g",
    of: ["LOST"],
    meaning: "A last reading with a shock of more than this is a fall",
  },
  othersReportingMin: {
    default: 2,
    min: 1,
    max: 1_000,
    unit: "containers",
    of: ["LOST"],
    meaning: "So many others aboard must report for silence to mean a loss",
    whole: true,
  },
  settleSeconds: {
    default: 2,
    min: 0,
    max: 3_600,
    unit: "s",
    of: ["LOST", "SILENT"],
    meaning: "Nothing is missed so soon after it spoke, or after its gateway came back",
  },
  restartGraceSeconds: {
    default: 30,
    min: 0,
    max: 3_600,
    unit: "s",
    of: ["LOST", "SILENT"],
    meaning: "Nothing is missed so soon after the ship's node started",
  },
} as const satisfies Readonly<Record<string, Threshold>>;

export type ThresholdName = keyof typeof ONBOARD_THRESHOLDS;
export const THRESHOLD_NAMES = Object.keys(ONBOARD_THRESHOLDS) as readonly ThresholdName[];

/** Every threshold with its value. */
export type RulesSettings = { readonly [K in ThresholdName]: number };

/** The thresholds that decide about one type of alert, with their values. */
export function limitsOf(type: AlertType, settings: RulesSettings): Readonly<Record<string, number>> {
  const deciding = THRESHOLD_NAMES.filter((name) =>
    (ONBOARD_THRESHOLDS[name].of as readonly AlertType[]).includes(type),
  );
  return Object.fromEntries(deciding.map((name) => [name, settings[name]]));
}
