import {
  ONBOARD_THRESHOLDS,
  type RulesSettings,
  type Threshold,
  type ThresholdName,
} from "@landfall/proto/onboard-rules";
import { Type, type TInteger, type TNumber } from "typebox";

export type { RulesSettings };

/**
 * When the on-board rules of an edge speak (its YAML's `rules`, and what travels under `rules.onboard`). Minutes are of
 * event time (what the readings say), seconds are of this node's clock: the first judge the cargo, the second keep a
 * reconnecting gateway from looking like a loss.
 */
export const RulesSettingsSchema = Type.Object(
  Object.fromEntries(
    Object.entries<Threshold>(ONBOARD_THRESHOLDS).map(([name, { min, max, default: value, whole, meaning }]) => {
      const bounds = { minimum: min, maximum: max, default: value, description: meaning };
      return [name, whole === true ? Type.Integer(bounds) : Type.Number(bounds)];
    }),
  ) as { readonly [K in ThresholdName]: TNumber | TInteger },
);
