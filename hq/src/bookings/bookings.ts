import type { BookingReply, BookingRequest } from "@landfall/proto/api";
import type { Policy, Principal } from "@landfall/streams/access/policy";
import type { Env } from "@landfall/streams/env";
import { LandfallError } from "@landfall/streams/model/errors";
import type { StreamName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import type { StreamStore } from "@landfall/streams/store/store";
import type { FleetSync } from "../view/fleet-sync.js";
import type { FleetView } from "../view/fleet-view.js";
import { planBooking, settingsStream } from "./plan.js";

/** Names of companies are the first part of their streams' names. */
const OWNER_PATTERN = /^[a-z0-9][a-z0-9_-]{0,99}$/;
/** RFC 3339 allows any year; a booking is of this fleet's time. */
const YEAR_MIN = 2000;
const YEAR_MAX = 2200;

/** Reads and writes which container belongs to whom, when. */
export class Bookings {
  /** Of each container one after the other, so that each booking sees what the one before wrote. */
  private readonly queues = new Map<string, Promise<unknown>>();

  constructor(
    private readonly parts: {
      readonly store: Pick<StreamStore, "append">;
      readonly policy: Policy;
      readonly env: Pick<Env, "now">;
      readonly view: FleetView;
      readonly sync: Pick<FleetSync, "catchUp">;
    },
  ) {}

  /** Bookings in the streams given, in order of their beginning. */
  list(container: string, readable: ReadonlySet<StreamName>): BookingReply[] {
    return [...(this.parts.view.bookings.get(container)?.values() ?? [])]
      .filter(({ stream }) => readable.has(stream))
      .sort((a, b) => a.from - b.from || a.version - b.version)
      .map(({ value, version }) => ({ ...value, version }));
  }

  /**
   * Books a container to a company from a moment on; an earlier booking that reaches so far ends there.
   * Asking twice for the same changes nothing and gets the same answer.
   * @throws LandfallError INVALID_ARGUMENT, and whatever the store's `append` throws
   */
  async put(principal: Principal, container: string, request: BookingRequest): Promise<BookingReply> {
    const { owner } = request;
    const from = timeOf("from", request.from);
    const to = request.to === undefined ? undefined : timeOf("to", request.to);
    if (to !== undefined && to <= from) throw invalid("to", "the booking ends before it begins");
    // A company without streams and one whose streams the asker may not see look the same (A3).
    if (!OWNER_PATTERN.test(owner) || !this.parts.policy.allows(principal, "read", settingsStream(owner))) {
      throw invalid("owner", `${JSON.stringify(owner.slice(0, 100))} is no company with streams that you may see`);
    }
    const before = this.queues.get(container) ?? Promise.resolve();
    const done = before.then(() => this.write(principal, { container, owner, from, ...(to !== undefined && { to }) }));
    const settled = Promise.allSettled([done]);
    this.queues.set(container, settled);
    void settled.finally(() => {
      if (this.queues.get(container) === settled) this.queues.delete(container);
    });
    return done;
  }

  private async write(
    principal: Principal,
    wanted: { readonly container: string; readonly owner: string; readonly from: number; readonly to?: number },
  ): Promise<BookingReply> {
    const { store, env, view, sync, policy } = this.parts;
    const known = [...(view.bookings.get(wanted.container)?.values() ?? [])].filter(({ stream }) =>
      policy.allows(principal, "read", stream),
    );
    const { existing, writes } = planBooking(known, wanted);
    let version = existing?.version;
    for (const { stream, topic, value } of writes) {
      const bytes = new TextEncoder().encode(JSON.stringify(value));
      const record = { topic, timestamp: env.now() as TimestampMs, value: bytes };
      const [appended] = await store.append(stream, [record]);
      version ??= appended?.offset;
      await sync.catchUp(stream);
    }
    const { owner, container, from, to } = wanted;
    return {
      kind: "booking",
      container,
      owner,
      from: new Date(from).toISOString(),
      ...(to !== undefined && { to: new Date(to).toISOString() }),
      version: version ?? 0,
    };
  }
}

function timeOf(field: string, text: string): number {
  const time = Date.parse(text);
  const year = new Date(time).getUTCFullYear();
  if (Number.isNaN(time) || year < YEAR_MIN || year > YEAR_MAX) {
    throw invalid(field, `want a time between ${YEAR_MIN} and ${YEAR_MAX}, e.g. 2026-11-20T08:00:00Z`);
  }
  return time;
}

function invalid(field: string, why: string): LandfallError {
  return new LandfallError("INVALID_ARGUMENT", `body/${field}: ${why}`);
}
