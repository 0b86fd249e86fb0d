import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { checkVersions, kafkaJsClient } from "../src/kafka/kafkajs-client.js";
import { startError } from "../src/kafka/site-log-errors.js";
import type { KafkaError } from "../src/kafka/kafka-client.js";
import { deferred } from "../testing/deferred.js";

let server: Server;
const called = deferred<Socket>();
beforeEach(async () => {
  server = createServer((socket) => called.resolve(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  vi.useRealTimers();
  server.close();
});

it("closing gives up a connection that is still being made, without waiting for its time to be over", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const { port } = server.address() as AddressInfo;
  // Which takes the connection, and never says a word of TLS.
  const client = kafkaJsClient({ brokers: [`127.0.0.1:${port}`], clientId: "test", ssl: {} });
  const asked = expect(client.topology("")).rejects.toThrow(/was given up/);
  const socket = await called.promise;
  await client.close();
  await asked;
  socket.destroy();
});

/** Newest versions of Produce, Fetch and InitProducerId, by their numbers in the protocol, in Kafka's releases. */
const RELEASES = {
  "0.10.2": { 0: 2, 1: 3 },
  "2.4": { 0: 8, 1: 11, 22: 2 },
  "2.5": { 0: 8, 1: 11, 22: 3 },
  "3.9": { 0: 11, 1: 17, 22: 5 },
  "4.0": { 0: 12, 1: 17, 22: 5 },
};

function versionsOf(release: keyof typeof RELEASES): Record<number, { maxVersion: number }> {
  return Object.fromEntries(Object.entries(RELEASES[release]).map(([key, maxVersion]) => [key, { maxVersion }]));
}

it.each(["2.5", "3.9", "4.0"] as const)("a broker of Kafka %s speaks what is needed", (release) => {
  expect(() => checkVersions(versionsOf(release), "kafka-1.example:9092")).not.toThrow();
});

it.each(["0.10.2", "2.4"] as const)("a broker of Kafka %s is too old: which one it is, and what to do", (release) => {
  let refused: unknown;
  try {
    checkVersions(versionsOf(release), "kafka-1.example:9092");
  } catch (error) {
    refused = error;
  }
  const { code, message } = startError(refused as KafkaError, "tokyo.");
  expect(code).toBe("UNSUPPORTED_VERSION");
  expect(message).toMatch(/kafka-1\.example:9092 is older than Kafka 2\.5 .*: update it to 3\.9 or 4\.x/);
});
