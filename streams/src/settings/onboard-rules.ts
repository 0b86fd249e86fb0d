import { Type, type Static } from "typebox";

const minutes = (value: number) => Type.Number({ minimum: 0, default: value });

/**
 * When the on-board rules of an edge speak (its YAML's `rules`, and what travels under `rules.onboard`). Minutes are of event time (what the readings say), seconds are of this node's
 * clock: the first judge the cargo, the second keep a reconnecting gateway from looking like a loss.
 */
export const RulesSettingsSchema = Type.Object({
  /** Silent for this long, measured against the median of the containers aboard: lost. */
  lostAfterMinutes: minutes(45),
  /** The same for one whose last reading was a fall: tilted or shocked beyond the two limits below. */
  fallenLostAfterMinutes: minutes(5),
  fallenTiltDeg: Type.Number({ minimum: 0, maximum: 180, default: 60 }),
  fallenShockG: Type.Number({ minimum: 0, default: 8 }),
  /** So many others aboard must report for silence to mean anything. */
  othersReportingMin: Type.Integer({ minimum: 1, default: 2 }),
  /** Quiet time of our own clock before anything is judged lost: since its last message, and since its gateway (re)connected. */
  settleSeconds: Type.Number({ minimum: 0, default: 2 }),
  /** After this node's own start nobody is judged lost for so long, unless it was heard since: gateways need time to come back. */
  restartGraceSeconds: Type.Number({ minimum: 0, default: 30 }),
  /** Cargo may be so far from its set point, °C. */
  rangeToleranceC: Type.Number({ minimum: 0, default: 3 }),
  outOfRangeAfterMinutes: minutes(60),
  backInRangeAfterMinutes: minutes(30),
  noPowerAfterMinutes: minutes(15),
  /** A pause between two readings beyond this says nothing about what happened meanwhile. */
  gapMinutes: minutes(45),
  shockG: Type.Number({ minimum: 0, default: 8 }),
  /** No further shock for so long: the alert is cleared. */
  shockClearedAfterMinutes: minutes(60),
});
export type RulesSettings = Readonly<Static<typeof RulesSettingsSchema>>;
