import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemEnv } from "../src/env.js";
import { streamName, topicName } from "../src/model/names.js";
import type { TimestampMs } from "../src/model/record.js";
import { createGrpcTransport } from "../src/replication/grpc-transport.js";
import { CALLS_PER_CONNECTION_MAX, FRAME_BYTES_MAX } from "../src/replication/wire-limits.js";
import { acceptAll } from "../testing/accept-all.js";
import { deferred } from "../testing/deferred.js";
import { startTestNode, testSite, type TestNode } from "../testing/test-node.js";
import { until } from "../testing/until.js";

const STREAM = streamName("bigblue.containers");
const SITES = ["tokyo", "sydney", "singapore"].map((site) => testSite(site));

interface Recorded {
  readonly name: string;
  readonly hex: string;
  readonly frame: object;
}
/** Frames as the first version of the protocol wrote them. */
const V1 = JSON.parse(readFileSync(new URL("./fixtures/wire/v1.json", import.meta.url), "utf8")) as readonly Recorded[];

it.each(V1)("today's code reads $name of version 1", ({ hex, frame }) => {
  const { body } = Frame.decode(Buffer.from(hex, "hex"));
  const text = body?.$case === "data" ? { block: Buffer.from(body.value.block).toString() } : {};
  expect({ ...body, value: { ...body?.value, ...text } }).toMatchObject(frame);
});

describe("U2: what a peer says over raw HTTP/2", () => {
  let folder: string;
  let tokyo: TestNode;
  let sydney: TestNode;
  const sessions: ClientHttp2Session[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "landfall-bounds-"));
    tokyo = await startTestNode({ site: "tokyo", folder: join(folder, "tokyo"), sites: SITES });
    const address = `127.0.0.1:${tokyo.replicator.port}`;
    const link = { id: "sydney~tokyo", to: "tokyo", class: "lan", address, carries: ["*"] } as const;
    sydney = await startTestNode({ site: "sydney", folder: join(folder, "sydney"), sites: SITES, links: [link] });
    await until(() => sydney.replicator.links()[0]?.state === "up");
  });
  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    await sydney.close();
    await tokyo.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function session(): ClientHttp2Session {
    const opened = connectHttp2(`http://127.0.0.1:${tokyo.replicator.port}`);
    opened.on("error", () => undefined);
    sessions.push(opened);
    return opened;
  }

  /** Singapore's call, with the trailers that it ends with. */
  function call(): { stream: ClientHttp2Stream; ended: Promise<Record<string, unknown>> } {
    const stream = session().request({
      ":method": "POST",
      ":path": "/landfall.v1.Replication/Sync",
      "content-type": "application/grpc",
      te: "trailers",
      "landfall-site": "singapore",
      "landfall-token": "token of singapore",
    });
    const ended = deferred<Record<string, unknown>>();
    stream.on("trailers", (trailers) => ended.resolve(trailers));
    stream.on("error", () => undefined);
    stream.on("close", () => ended.resolve({}));
    stream.resume();
    return { stream, ended: ended.promise };
  }

  const framed = (bytes: Uint8Array, length = bytes.length): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(length, 1);
    return Buffer.concat([head, bytes]);
  };
  const recorded = (name: string): Buffer => {
    const found = V1.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no frame ${name}`);
    return Buffer.from(found.hex, "hex");
  };
  const future = Frame.encode({
    body: {
      $case: "hello",
      value: {
        version: 99,
        oldestVersion: 98,
        site: "singapore",
        node: "a",
        link: "l",
        linkClass: "wan",
        carries: ["*"],
        wants: ["*"],
        takesSealed: false,
        metered: false,
        keepsAllowance: false,
        inflates: false,
        urgent: [],
        tellsGaps: false,
      },
    },
  }).finish();

  async function othersGoOn(): Promise<void> {
    const value = Buffer.from("{}");
    const record = { topic: topicName("CSQU3054383"), timestamp: 1_770_000_000_000 as TimestampMs, value, headers: {} };
    await tokyo.store.append(STREAM, [record]);
    await until(() => Object.values(sydney.store.vector(STREAM)).some((next) => next === 1));
    await until(() => sydney.replicator.links()[0]?.state === "up");
    expect(sydney.reported).toEqual([]);
    expect(tokyo.store.streams()).toEqual([STREAM]);
  }

  it.each([
    ["garbage for a frame", () => framed(Buffer.from("ffffffffffffffffffff", "hex")), "PROTOCOL_ERROR"],
    ["a frame before hello", () => framed(recorded("a ping")), "PROTOCOL_ERROR"],
    [
      "a second hello",
      () => Buffer.concat([framed(recorded("a hello")), framed(recorded("a hello"))]),
      "PROTOCOL_ERROR",
    ],
    ["a version from the future", () => framed(future), "UNSUPPORTED_VERSION"],
  ])("%s ends the call with a status, is reported, and harms nobody else", async (_what, bytes, code) => {
    const { stream, ended } = call();
    stream.write(bytes());
    const trailers = await ended;
    expect(trailers["grpc-status"]).not.toBe("0");
    expect(decodeURIComponent(String(trailers["grpc-message"]))).toMatch(/\w+ \w+/);
    await until(() => tokyo.reported.some((report) => report.code === code));
    await othersGoOn();
  });

  it("a frame that is too long ends the call before it is read, with a code, and is recorded", async () => {
    const { stream, ended } = call();
    stream.write(framed(Buffer.alloc(16), FRAME_BYTES_MAX + 1));
    expect((await ended)["landfall-code"]).toBe("PROTOCOL_ERROR");
    await until(() => tokyo.reported.some(({ code, message }) => code === "PROTOCOL_ERROR" && /larger/.test(message)));
    await othersGoOn();
  });

  it("a frame that never ends is a peer that is silent: its link goes down", async () => {
    const { stream, ended } = call();
    stream.write(framed(recorded("a hello")));
    await until(() => tokyo.replicator.links().some(({ peer, state }) => peer === "singapore" && state === "up"));
    stream.write(framed(Buffer.alloc(1_000), 1_000_000));
    await ended;
    expect(tokyo.replicator.links().find(({ peer }) => peer === "singapore")?.state).toBe("down");
    await othersGoOn();
  });

  it("a connection carries few calls at a time", async () => {
    const opened = session();
    const settings = await new Promise<{ maxConcurrentStreams?: number }>((resolve) => {
      opened.once("remoteSettings", resolve);
    });
    expect(settings.maxConcurrentStreams).toBe(CALLS_PER_CONNECTION_MAX);
  });

  it("another protocol is turned away", async () => {
    const socket = connect(tokyo.replicator.port as number, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.resume();
    socket.write("GET / HTTP/1.1\r\nHost: tokyo\r\n\r\n");
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    await until(() => tokyo.reported.some(({ code, message }) => code === "PROTOCOL_ERROR" && /refused/.test(message)));
    await othersGoOn();
  });
});

it("who connects and says nothing is turned away in time", async () => {
  const told = deferred<string>();
  const listener = await createGrpcTransport({ env: systemEnv, handshakeMs: 50 }).listen("127.0.0.1:0", {
    ...acceptAll(() => undefined),
    turnedAway: (why) => told.resolve(why.message),
  });
  const opened = connectHttp2(`http://127.0.0.1:${listener.port}`);
  opened.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => opened.once("close", () => resolve()));
  expect(await told.promise).toBe("it connected and said nothing");
  await closed;
  await listener.close();
});
