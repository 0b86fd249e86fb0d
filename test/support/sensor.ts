import mqtt, { type MqttClient } from "mqtt";
import { containerCheckDigit } from "@landfall/proto/identifiers";

/** A sensor like any stranger's: the stock client, MQTT 3.1.1, QoS 1, sending again until there is a PUBACK. */
export async function connectSensor(port: number, clientId: string): Promise<MqttClient> {
  return mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, {
    protocolVersion: 4,
    clientId,
    reconnectPeriod: 100,
    connectTimeout: 5_000,
    // Unanswered publishes are kept and sent again after a reconnect.
    clean: true,
  });
}

/** The same with several brokers of one ship: when one is gone, the client turns to the next. */
export async function connectFailingOver(ports: readonly number[], clientId: string): Promise<MqttClient> {
  return mqtt.connectAsync({
    servers: ports.map((port) => ({ host: "127.0.0.1", port, protocol: "mqtt" as const })),
    protocolVersion: 4,
    clientId,
    reconnectPeriod: 100,
    connectTimeout: 5_000,
    clean: true,
  });
}

/** A valid ISO 6346 number from a serial. */
export function containerNumber(serial: number, owner = "CSQU"): string {
  const body = `${owner}${String(serial).padStart(6, "0")}`;
  return `${body}${containerCheckDigit(body)}`;
}

export function reading(fields: Record<string, unknown>): string {
  return JSON.stringify({ latitude: 35.1, longitude: 139.9, temperatureC: 21.5, ...fields });
}

/** Characters that no codec makes much smaller, for a reading's note: so that a backlog takes its time on a line. */
export function noise(chars: number, random: () => number): string {
  return Array.from({ length: chars }, () => Math.floor(random() * 36).toString(36)).join("");
}
