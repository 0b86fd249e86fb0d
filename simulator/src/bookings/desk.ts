import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../errors.js";
import type { ContainerState } from "../world/state.js";
import { YARD_SITES } from "../world/fleet.js";
import { bookingsKnownAt, type Headquarters } from "./headquarters.js";

/** Bookings under way at headquarters at once. */
const PARALLEL = 8;
/** Between two looks whether something is to be booked, and whether a node knows it by now. */
const LOOK_MS = 250;
/** After a refusal or while nobody answers. */
const RETRY_MS = 1_000;
/** Trouble that is over by then is a service that starts, and not worth a word. */
const PATIENCE_MS = 20_000;

/** A node whose bookings can be seen over its own HTTP. */
export interface BookingNode {
  readonly site: string;
  readonly http?: string;
  readonly token?: string;
}

export interface DeskParts {
  readonly headquarters: Headquarters | undefined;
  readonly nodes: readonly BookingNode[];
  /** Containers whose booking is wanted now. */
  readonly wanted: () => readonly ContainerState[];
  /** True before anything has sailed: then every node has to know, since ships at sea learn nothing. */
  readonly isBeginning: () => boolean;
  readonly confirmed: (containers: readonly string[]) => void;
  readonly warn: (text: string) => void;
}

/**
 * Books what the story wants booked, and tells the world when the nodes that will see the container know of it:
 * a container that comes to the gate before its booking would be nobody's.
 */
export class BookingDesk {
  private stopped = false;
  private lastWarning = "";
  private troubledSinceMs: number | undefined;
  /** For the progress line. */
  waitingFor = "";

  constructor(private readonly parts: DeskParts) {}

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => (this.stopped = true), { once: true });
    while (!this.stopped) {
      const wanted = this.parts.wanted();
      const wait = wanted.length === 0 ? LOOK_MS : await this.serve(wanted);
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  private async serve(wanted: readonly ContainerState[]): Promise<number> {
    try {
      if (this.parts.headquarters !== undefined) {
        await this.book(this.parts.headquarters, wanted);
        if (!(await this.known(wanted))) return LOOK_MS;
      }
      this.parts.confirmed(wanted.map(({ id }) => id));
      this.waitingFor = "";
      this.lastWarning = "";
      this.troubledSinceMs = undefined;
      return LOOK_MS;
    } catch (error) {
      const text = messageOf(error);
      this.troubledSinceMs ??= performance.now();
      const isOld = performance.now() - this.troubledSinceMs > PATIENCE_MS;
      if (isOld && text !== this.lastWarning && !this.stopped) {
        this.parts.warn(`bookings wait: ${text}`);
        this.lastWarning = text;
      }
      return RETRY_MS;
    }
  }

  private readonly booked = new Set<string>();

  private async book(headquarters: Headquarters, wanted: readonly ContainerState[]): Promise<void> {
    const open = wanted.filter(({ id }) => !this.booked.has(id));
    if (open.length > 0) this.waitingFor = "headquarters to take the bookings";
    const queue = open.values();
    const work = async (): Promise<void> => {
      for (const { id, owner, bookedFromMs } of queue) {
        if (this.stopped) return;
        await headquarters.book(id, { owner, from: new Date(bookedFromMs).toISOString() });
        this.booked.add(id);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  }

  private async known(wanted: readonly ContainerState[]): Promise<boolean> {
    const all = this.parts.isBeginning();
    for (const node of this.parts.nodes) {
      const { http } = node;
      if (http === undefined) continue;
      const here = all ? wanted : wanted.filter(({ place }) => siteOf(place) === node.site);
      for (const owner of new Set(here.map((box) => box.owner))) {
        const known = await bookingsKnownAt(http, node.token, owner);
        const missing = here.filter((box) => box.owner === owner && !known.has(box.id));
        if (missing.length === 0) continue;
        this.waitingFor = `${node.site} to learn ${missing.length} bookings of ${owner}`;
        return false;
      }
    }
    return true;
  }
}

/** The yard to whose gate a container on the road will come. */
function siteOf(place: ContainerState["place"]): string | undefined {
  return place.at === "road" || place.at === "yard" ? YARD_SITES[place.port] : undefined;
}
