import type { VoyageSpan } from "@landfall/proto/api";
import { ownerOfStream, type StreamName } from "@landfall/streams/model/names";
import type { Booking, FleetView } from "../view/fleet-view.js";
import { kindOfStream } from "../view/kinds.js";
import { iso, mergeMoves, type ContainerMove, type Span } from "../view/moves.js";

/** A container's stay between the gate by which it came in and that by which it left; Infinity while it lasts. */
interface Stay extends Span {
  readonly vessels: readonly string[];
}

type ViewParts = Pick<FleetView, "containers" | "bookings">;

/** Voyages of a container as far as somebody may know them who may read these streams; the newest first. */
export function voyagesFor(view: ViewParts, container: string, readable: ReadonlySet<StreamName>): VoyageSpan[] {
  const traces = [...(view.containers.get(container) ?? [])].filter(([stream]) => readable.has(stream));
  const stays = staysOf(mergeMoves(traces.map(([, trace]) => trace.moves)));
  const bookings = [...(view.bookings.get(container)?.values() ?? [])].filter(({ stream }) => readable.has(stream));
  const own = traces.filter(([stream]) => kindOfStream(stream) === "containers");
  const voyages = stays.flatMap((stay) => {
    const booked = bookings.flatMap((booking) => clamp(stay, booking));
    if (booked.length > 0) return booked;
    const owners = own.filter(([, { moves }]) => moves.some(({ time }) => stay.from <= time && time < stay.to));
    return [...new Set(owners.map(([stream]) => ownerOfStream(stream)))].map((owner) => toVoyage(owner, stay));
  });
  // Where no gate or loading tells of it, the booking alone does.
  const untold = bookings.filter((booking) => !stays.some((stay) => clamp(stay, booking).length > 0));
  return [...voyages, ...untold.map(bookedVoyage)].sort((a, b) => (a.from < b.from ? 1 : -1));
}

/**
 * From gate-in (or loading, where that was not heard of) to gate-out, that event included. Another gate-in begins another stay:
 * should a gate-out be missing, the next customer's time is not this one's.
 */
export function staysOf(moves: readonly ContainerMove[]): Stay[] {
  const stays: Stay[] = [];
  let open: { from: number; vessels: string[] } | undefined;
  const end = (to: number): void => {
    if (open && to > open.from) stays.push({ ...open, to });
    open = undefined;
  };
  for (const { type, time, vessel } of moves) {
    if (type === "GTIN") end(time);
    if (type === "GTIN" || type === "LOAD") open ??= { from: time, vessels: [] };
    if (type === "LOAD" && vessel !== undefined && open && !open.vessels.includes(vessel)) open.vessels.push(vessel);
    if (type === "GTOT") end(time + 1);
  }
  end(Number.POSITIVE_INFINITY);
  return stays;
}

function clamp(stay: Stay, booking: Booking): VoyageSpan[] {
  const from = Math.max(stay.from, booking.from);
  const to = Math.min(stay.to, booking.to);
  return from < to ? [toVoyage(booking.value.owner, { ...stay, from, to })] : [];
}

function toVoyage(owner: string, { from, to, vessels }: Stay): VoyageSpan {
  return { owner, from: iso(from), ...(Number.isFinite(to) && { to: iso(to) }), source: "gate", vessels };
}

function bookedVoyage({ value, from, to }: Booking): VoyageSpan {
  const end = Number.isFinite(to) && { to: iso(to) };
  return { owner: value.owner, from: iso(from), ...end, source: "booking", vessels: [] };
}
