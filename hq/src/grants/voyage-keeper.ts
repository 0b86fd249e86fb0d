import type { Committed } from "@landfall/streams/store/store";
import type { StreamName } from "@landfall/streams/model/names";
import { siteName } from "@landfall/streams/model/names";
import type { FleetGrants } from "@landfall/streams/settings/fleet/fleet-grants";
import type { FleetRules } from "@landfall/streams/settings/fleet/fleet-rules";
import type { KnownGrant } from "@landfall/streams/settings/fleet/grant-document";
import { settingsStream } from "@landfall/streams/settings/fleet/document";
import type { FleetSync } from "../view/fleet-sync.js";
import type { FleetView } from "../view/fleet-view.js";
import { kindOfStream, type StreamKind } from "../view/kinds.js";
import type { GrantsDesk } from "./grants-desk.js";
import { voyagesFor } from "./voyages.js";

/** Kinds of streams whose records may end a voyage. */
const TELLING: ReadonlySet<StreamKind> = new Set(["containers", "port", "settings"]);

export interface VoyageKeeperParts {
  readonly view: FleetView;
  readonly sync: Pick<FleetSync, "catchUp">;
  readonly grants: Pick<FleetGrants, "inForce">;
  readonly rules: Pick<FleetRules, "maySet">;
  readonly desk: Pick<GrantsDesk, "finish">;
  readonly site: string;
  readonly onError: (grant: KnownGrant, error: unknown) => void;
}

/**
 * Ends grants of voyages that lasted when they were made: as soon as this headquarters hears of the gate-out, or of the
 * booking's end, it writes it into the grant, and what was measured after is not shown any more, wherever it is.
 */
export class VoyageKeeper {
  private working: Promise<void> | undefined;
  /** Streams with something that was not looked at. */
  private readonly behind = new Set<StreamName>();
  private stopped = false;

  constructor(private readonly parts: VoyageKeeperParts) {}

  /** Told of every commit. */
  committed(committed: readonly Pick<Committed, "stream">[]): void {
    for (const { stream } of committed) if (TELLING.has(kindOfStream(stream))) this.behind.add(stream);
    this.look();
  }

  /** Looks at every voyage that lasts: at the start, and when grants have changed. */
  lookAgain(): void {
    for (const { streams } of this.open()) for (const stream of streams) this.behind.add(stream);
    this.look();
  }

  private look(): void {
    if (this.working || this.stopped || this.behind.size === 0) return;
    // Nothing to end: what comes until there is will be in the view by then.
    if (this.open().length === 0) return this.behind.clear();
    this.working = this.run().finally(() => {
      this.working = undefined;
      this.look();
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.working;
  }

  private open(): KnownGrant[] {
    const { grants, rules, site } = this.parts;
    return grants
      .inForce()
      .filter(({ value, owner }) => value.untilGateOut && rules.maySet(siteName(site), settingsStream(owner)));
  }

  private async run(): Promise<void> {
    const streams = [...this.behind];
    this.behind.clear();
    // The view hears of a commit when we do, not before.
    for (const stream of streams) await this.parts.sync.catchUp(stream);
    for (const grant of this.open()) {
      const to = this.endOf(grant);
      if (to === undefined || this.stopped) continue;
      try {
        await this.parts.desk.finish(grant, to);
      } catch (error) {
        this.parts.onError(grant, error);
      }
    }
  }

  /** Out of every stream that this site holds: it is the site that decides here, not a person. */
  private endOf({ owner, value, topics }: KnownGrant): string | undefined {
    const { view } = this.parts;
    const [container] = topics ?? [];
    if (container === undefined) return undefined;
    const all = new Set<StreamName>(view.streams.keys());
    const voyages = voyagesFor(view, container, all).filter((one) => one.owner === owner);
    return (
      voyages.find(({ from }) => from === value.from)?.to ??
      voyages.findLast(({ from }) => from > (value.from ?? ""))?.from
    );
  }
}
