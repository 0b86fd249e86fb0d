import type { MqttClient } from "mqtt";
import { book } from "./bookings.js";
import { login } from "./client.js";
import { connectSensor } from "./sensor.js";
import { startSmallFleet, type SmallFleet } from "./small-fleet.js";

/** A small fleet whose ship has left with these containers of the manufacturer's, over a link that is cut; and its gateway. */
export async function shipAtSea(
  link: Parameters<typeof startSmallFleet>[0],
  containers: readonly string[],
  kafka: readonly string[] = [],
): Promise<{ fleet: SmallFleet; sensor: MqttClient }> {
  const fleet = await startSmallFleet(link, kafka);
  try {
    const ops = await login(fleet.losAngeles, "ops");
    fleet.portLink.restore();
    fleet.portLinkB?.restore();
    for (const container of containers) {
      const booking = { container, owner: "duckworks", from: "2026-01-01T00:00:00.000Z" };
      await book(fleet.losAngeles, ops, booking, [fleet.ship]);
    }
    fleet.portLink.cut();
    fleet.portLinkB?.cut();
    return { fleet, sensor: await connectSensor(fleet.mqttPort, "gateway") };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
