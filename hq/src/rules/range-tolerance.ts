import { ONBOARD_THRESHOLDS } from "@landfall/proto/onboard-rules";
import type { StreamName } from "@landfall/streams/model/names";
import { settingsStream } from "@landfall/streams/settings/fleet/document";
import type { FleetRules } from "@landfall/streams/settings/fleet/fleet-rules";

/** A reefer's air may differ so much from what was set, in °C, where no rules are known that say otherwise. */
export const RANGE_TOLERANCE_C = ONBOARD_THRESHOLDS.rangeToleranceC.default;

/** How far from its set point a container's air may be, as one person may know it. */
export interface RangeTolerance {
  /** Another one as soon as any answer of `of` may be another. */
  readonly version: number;
  /** °C; of a container that is aboard the ship with this IMO number, or ashore. */
  of(vessel: string | undefined, readable: ReadonlySet<StreamName>): number;
}

export interface FleetToleranceParts {
  readonly rules: Pick<FleetRules, "rules" | "onChange">;
  /** Company of this site: its rules count ashore, and aboard ships that nobody knows. */
  readonly owner: string;
  readonly ownerOfShip: (imo: string) => string | undefined;
}

/**
 * By the on-board rules that travelled: those of the company whose ship a container is aboard. Whoever may not read that company's
 * settings is shown the default: not even a colour tells what they say.
 */
export class FleetTolerance implements RangeTolerance {
  version = 0;
  /** By company, until its rules change; asked for at every merge of a container. */
  private readonly known = new Map<string, { readonly settings: StreamName; readonly toleranceC: number }>();

  constructor(private readonly parts: FleetToleranceParts) {
    parts.rules.onChange((owner) => {
      const before = this.known.get(owner);
      this.known.delete(owner);
      if (before !== undefined && before.toleranceC !== this.ofCompany(owner).toleranceC) this.version++;
    });
  }

  of(vessel: string | undefined, readable: ReadonlySet<StreamName>): number {
    const { owner, ownerOfShip } = this.parts;
    const { settings, toleranceC } = this.ofCompany((vessel !== undefined && ownerOfShip(vessel)) || owner);
    return readable.has(settings) ? toleranceC : RANGE_TOLERANCE_C;
  }

  private ofCompany(owner: string): { readonly settings: StreamName; readonly toleranceC: number } {
    let known = this.known.get(owner);
    if (known === undefined) {
      const toleranceC = this.parts.rules.rules(owner, "onboard")?.rangeToleranceC ?? RANGE_TOLERANCE_C;
      this.known.set(owner, (known = { settings: settingsStream(owner), toleranceC }));
    }
    return known;
  }
}
