import type { BookingReply } from "@landfall/proto/api";
import { askJson, recordsOf } from "./client.js";
import { eventually } from "./eventually.js";
import type { Service } from "./service.js";

/** Books a container at a headquarters and waits until the given nodes know it. */
export async function book(
  hq: Service,
  token: string,
  booking: { container: string; owner: string; from: string },
  knownAt: readonly Service[],
): Promise<void> {
  const { container, owner, from } = booking;
  const body = JSON.stringify({ owner, from });
  await askJson<BookingReply>(hq, `/api/bookings/${container}`, token, { method: "PUT", body });
  const topic = `booking.${container}.${Date.parse(from)}`;
  for (const service of knownAt) {
    await eventually(`${service.name} to know the booking of ${container}`, async () => {
      const records = await recordsOf(service, `${owner}.settings`, topic);
      return records.length > 0;
    });
  }
}
