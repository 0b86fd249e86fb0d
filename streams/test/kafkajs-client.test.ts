import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { kafkaJsClient } from "../src/kafka/kafkajs-client.js";
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
