import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { systemEnv } from "../src/env.js";
import { SiteIdentity } from "../src/identity/site-identity.js";
import { createGrpcTransport } from "../src/replication/grpc-transport.js";
import type { Channel } from "../src/replication/transport.js";
import { acceptAll } from "../testing/accept-all.js";
import { deferred } from "../testing/deferred.js";
import { testProxy, type TestProxy } from "../testing/test-proxy.js";
import { TestAuthority } from "../testing/test-authority.js";
import { describeTransportContract, DIALLING_SITE, LISTENING_SITE } from "../testing/transport-contract.js";

const LISTEN = "127.0.0.1:0";
/** Of a dial that somebody answers: a slow machine takes its time for a handshake. */
const DIAL_MS = 30_000;

const direct = async () => ({
  listening: createGrpcTransport({ env: systemEnv }),
  dialling: createGrpcTransport({ env: systemEnv, dialMs: DIAL_MS }),
  listenAddress: LISTEN,
  dialAddress: async (listener: { port: number }) => `127.0.0.1:${listener.port}`,
  close: async () => undefined,
});

describeTransportContract("gRPC", direct);

it("leaves nobody behind who goes on dialling after an attempt that failed", async () => {
  const connections: Socket[] = [];
  // Hangs up on the first, and says nothing to whoever comes then.
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (connections.push(socket) === 1) socket.resetAndDestroy();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { site: DIALLING_SITE, token: "secret" };
  const first = createGrpcTransport({ env: systemEnv });
  await expect(first.dial(address, LISTENING_SITE, credentials)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  // Gives up later than the first would have dialled again.
  const second = createGrpcTransport({ env: systemEnv, dialMs: 2_000 });
  await expect(second.dial(address, LISTENING_SITE, credentials)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(connections.length).toBe(2);
  for (const socket of connections) socket.destroy();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

describeTransportContract("gRPC through a slow link", async () => {
  const under = await direct();
  const proxies: TestProxy[] = [];
  return {
    ...under,
    dialAddress: async (listener) => {
      const proxy = await testProxy(listener.port, 20);
      proxies.push(proxy);
      return `127.0.0.1:${proxy.port}`;
    },
    close: async () => {
      for (const proxy of proxies) await proxy.close();
    },
  };
});

describeTransportContract("gRPC with mutual TLS", async () => {
  const authority = await TestAuthority.create();
  const transport = async (site: string) => {
    const files = await authority.issue({ site });
    const trouble = (code: string, message: string) => expect.unreachable(`${code}: ${message}`);
    const identity = new SiteIdentity({ files, self: { site, node: "a" }, env: systemEnv, trouble });
    return createGrpcTransport({ env: systemEnv, identity, dialMs: DIAL_MS });
  };
  return {
    ...(await direct()),
    listening: await transport(LISTENING_SITE),
    dialling: await transport(DIALLING_SITE),
    close: async () => authority.close(),
  };
});

/**
 * HTTP/2 lets a sender go on only as far as the receiver's window, and with the default window of 64 KiB that is
 * all that a ship's link would carry per round trip. Here the way back is cut after the greeting, so that no window
 * update arrives: whatever comes through fits into the window that was announced at the start. When grpc-js
 * changes the private fields that `grpc-transport.ts` sets, this test hangs.
 */
describe.each(["to-listener", "to-dialler"] as const)("gRPC window of what goes %s", (direction) => {
  it("is many megabytes", async () => {
    const blocks = 16;
    const transport = createGrpcTransport({ env: systemEnv });
    const accepted = deferred<Channel>();
    const listener = await transport.listen(LISTEN, acceptAll(accepted.resolve));
    const proxy = await testProxy(listener.port, 1);
    const dialler = await transport.dial(`127.0.0.1:${proxy.port}`, "b", { site: "a", token: "b" });
    const acceptor = await accepted.promise;
    const [from, to] = direction === "to-listener" ? [dialler, acceptor] : [acceptor, dialler];
    const greeted = deferred<void>();
    from.onFrame = () => greeted.resolve();
    to.onFrame = () => to.send({ body: { $case: "pong", value: { token: 1 } } });
    from.send({ body: { $case: "ping", value: { token: 1 } } });
    await greeted.promise;

    proxy.hold(direction === "to-listener" ? "to-dialler" : "to-listener");
    const all = deferred<void>();
    let got = 0;
    to.onFrame = () => {
      if (++got === blocks) all.resolve();
    };
    const block = new Uint8Array(1024 * 1024);
    for (let i = 0; i < blocks; i++)
      from.send({ body: { $case: "data", value: { id: 1, firstSeq: i, count: 1, block, rawBytes: 0 } } });
    await all.promise;
    expect(got).toBe(blocks);
    dialler.close("done");
    await proxy.close();
    await listener.close();
  });
});
