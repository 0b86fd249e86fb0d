import { systemEnv } from "@landfall/streams/env";
import { pino } from "pino";
import { MqttBroker } from "../../src/mqtt/broker.js";
import type { MqttSettings } from "../../src/mqtt/mqtt-settings.js";
import type { TopicRules } from "../../src/mqtt/topic-rules.js";
import { shipSettings } from "./edge-harness.js";

/** Filters that the rules of the open broker deny. */
export const NO_SUBSCRIPTION = "nosubscribe";

/**
 * A topic space for everything, as a general-purpose broker has it: an edge has none, and what MQTT says of topics, sessions and
 * retained messages is to hold all the same.
 */
export const EVERYTHING: TopicRules = {
  kindOf: (topic) => (topic.startsWith("$") ? "reserved" : "forwarded"),
  mayPublish: (_sensor, topic) => !topic.startsWith("$"),
  maySubscribe: (_sensor, filter) => filter !== NO_SUBSCRIPTION,
  mayReceive: () => true,
};

/** The broker of an edge with the rules of a general-purpose one, and nothing behind it. */
export async function openBroker(mqtt: Partial<MqttSettings> = {}): Promise<MqttBroker> {
  const broker = new MqttBroker({
    settings: { ...shipSettings("unused").mqtt, ...mqtt },
    env: systemEnv,
    log: pino({ level: "silent" }),
    exceptions: { report: () => undefined },
    rules: EVERYTHING,
    publish: async () => "refused",
    onClient: () => undefined,
  });
  await broker.start();
  return broker;
}
