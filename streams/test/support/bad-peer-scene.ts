import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { ExceptionValue } from "@landfall/proto/api";
import { systemEnv, type Env, type TimerHandle } from "../../src/env.js";
import { streamName, topicName } from "../../src/model/names.js";
import type { TimestampMs } from "../../src/model/record.js";
import type { Message } from "../../src/replication/machine-state.js";
import type { LinkSettings, TlsSettings } from "../../src/settings/node-settings.js";
import { dialBadly, listenBadly, type BadPeer } from "../../testing/bad-peer.js";
import { deferred } from "../../testing/deferred.js";
import type { TestAuthority } from "../../testing/test-authority.js";
import { startTestNode, testSite, type TestNode } from "../../testing/test-node.js";
import { until } from "../../testing/until.js";

export type Direction = "it dials us" | "we dial it";

export const CONTAINERS = streamName("bigblue.containers");
const EXCEPTIONS = streamName("bigblue.exceptions");
const SITES = ["tokyo", "sydney", "singapore"].map((site) => testSite(site));

/** What Singapore says for a start, as today's version does. */
export const HELLO = {
  version: 1,
  oldestVersion: 1,
  site: "singapore",
  node: "a",
  link: "singapore~tokyo",
  linkClass: "wan",
  carries: ["*"],
  wants: ["*"],
  tellsGaps: true,
  takesSealed: true,
  metered: false,
  keepsAllowance: true,
  inflates: true,
  urgent: [],
};

export interface SceneOptions {
  readonly direction: Direction;
  readonly authority: TestAuthority;
  /** Of the link to the bad peer, where this node dials it. */
  readonly link?: Partial<LinkSettings>;
  /** The bad peer reads what it is sent. */
  readonly reads?: boolean;
  /** False: somebody else answers the calls of this node. */
  readonly isCalled?: boolean;
}

/** A little more than the time between two pings: the rest of the silence after which a link is closed is a slow machine's. */
const HURRIED_MS = 1_100;

/** The real clock, which a test can set forward, or stop. */
class HurriedClock implements Env {
  ahead = 0;
  #stoppedAt: number | undefined;

  now(): number {
    return systemEnv.now() + this.ahead;
  }

  monotonic(): number {
    return this.#stoppedAt ?? systemEnv.monotonic() + this.ahead;
  }

  stop(): void {
    this.#stoppedAt = this.monotonic();
  }

  /** It goes on from where it was stopped. */
  start(): void {
    this.ahead = this.monotonic() - systemEnv.monotonic();
    this.#stoppedAt = undefined;
  }

  random(): number {
    return systemEnv.random();
  }

  setTimer(ms: number, fn: () => void): TimerHandle {
    return systemEnv.setTimer(ms, fn);
  }
}

/** Tokyo, the node under test; Sydney, an honest one that is linked with it; and Singapore, of which a test has the tongue. */
export class Scene {
  readonly #closing: (() => void | Promise<void>)[] = [];
  #written = 0;
  #before = "";

  private constructor(
    readonly tokyo: TestNode,
    readonly sydney: TestNode,
    private readonly bad: BadPeer | undefined,
    private readonly clock: HurriedClock,
  ) {}

  get peer(): BadPeer {
    if (this.bad === undefined) throw new Error("nobody was called");
    return this.bad;
  }

  static async open({ direction, authority, link, reads, isCalled = true }: SceneOptions): Promise<Scene> {
    const folder = mkdtempSync(join(tmpdir(), "landfall-bad-peer-"));
    const bad = await certificateOf(authority, "singapore");
    const called = deferred<BadPeer>();
    const closing: (() => void | Promise<void>)[] = [];
    const links: LinkSettings[] = [];
    if (direction === "we dial it") {
      const listener = await listenBadly(bad, called.resolve);
      closing.push(() => listener.close());
      const address = `127.0.0.1:${listener.port}`;
      links.push({ id: "tokyo~singapore", to: "singapore", class: "wan", carries: ["*"], address, ...link });
    }
    const common = { sites: SITES, writesExceptions: true };
    const clock = new HurriedClock();
    const own = await certificateOf(authority, "tokyo");
    const tokyo = await startTestNode({
      ...common,
      env: clock,
      site: "tokyo",
      folder: join(folder, "tokyo"),
      tls: own,
      links,
    });
    const address = `127.0.0.1:${tokyo.replicator.port}`;
    const sydney = await startTestNode({
      ...common,
      site: "sydney",
      folder: join(folder, "sydney"),
      tls: await certificateOf(authority, "sydney"),
      links: [{ id: "sydney~tokyo", to: "tokyo", class: "lan", address, carries: ["*"] }],
    });
    await until(() => sydney.replicator.links()[0]?.state === "up");
    if (direction === "it dials us") {
      const peer = dialBadly(address, bad, reads);
      closing.push(() => peer.close());
      called.resolve(peer);
    }
    const scene = new Scene(tokyo, sydney, isCalled ? await called.promise : undefined, clock);
    scene.#closing.push(
      () => sydney.close(),
      () => tokyo.close(),
      ...closing,
      () => rmSync(folder, { recursive: true, force: true }),
    );
    await scene.write(tokyo, 3);
    await until(() => total(sydney) === 3);
    scene.#before = JSON.stringify(holdings(tokyo));
    return scene;
  }

  /** Says hello as Singapore does, and has credit and announcements of Tokyo. */
  async greet(over: Partial<typeof HELLO> = {}): Promise<void> {
    this.peer.send({ $case: "hello", value: { ...HELLO, ...over } });
    await this.peer.said("credit");
  }

  /** Announces a history as its origin, and waits to be asked for it. @returns the request's id */
  async offer(origin: string, next: number): Promise<number> {
    const holding = { stream: CONTAINERS, origin, next, distance: 0, holes: [] };
    this.peer.send({ $case: "announce", value: { holdings: [holding] } });
    let id: number | undefined;
    await until(() => {
      id = this.peer.heard.filter(isRequest).find(({ value }) => value.origin === origin)?.value.id;
      return id !== undefined || this.peer.hasEnded;
    });
    return id ?? -1;
  }

  /** For as long as this takes, no time passes at Tokyo. */
  async atOnce(work: () => Promise<void>): Promise<void> {
    this.clock.stop();
    await work();
    this.clock.start();
  }

  /** Lets so much time pass at Tokyo, in steps: after each, Tokyo has asked Singapore whether it is still there. */
  async pass(ms: number): Promise<void> {
    const pings = () => this.peer.heard.filter(({ $case }) => $case === "ping").length;
    for (let passed = 0; passed < ms && !this.peer.hasEnded; passed += HURRIED_MS) {
      const before = pings();
      this.clock.ahead += HURRIED_MS;
      await until(() => pings() > before || this.peer.hasEnded);
    }
  }

  async write(node: TestNode, count: number): Promise<void> {
    const records = Array.from({ length: count }, () => ({
      topic: topicName("CSQU3054383"),
      timestamp: (1_770_000_000_000 + this.#written) as TimestampMs,
      value: Buffer.from(`{"n":${this.#written++}}`),
      headers: {},
    }));
    await node.store.append(CONTAINERS, records);
  }

  /** Nothing that Singapore said is here; Sydney and Tokyo replicate as before, over the link that was up before. */
  async isUnharmed(): Promise<void> {
    expect(JSON.stringify(holdings(this.tokyo))).toBe(this.#before);
    await this.write(this.tokyo, 1);
    await this.write(this.sydney, 1);
    await until(() => total(this.sydney) === total(this.tokyo));
    await until(() => this.sydney.replicator.links()[0]?.state === "up");
    expect(this.sydney.reported).toEqual([]);
    this.#before = JSON.stringify(holdings(this.tokyo));
  }

  /** A record in Tokyo's `bigblue.exceptions` with this code. */
  async isRecorded(code: string, words = /./): Promise<void> {
    let all: ExceptionValue[] = [];
    const found = async () => {
      all = await exceptionsOf(this.tokyo);
      return all.some((one) => one.code === code && words.test(one.message));
    };
    await until(found);
  }

  async close(): Promise<void> {
    for (const close of this.#closing) await close();
  }
}

const issued = new WeakMap<TestAuthority, Map<string, Promise<TlsSettings>>>();

/** One for each site of a test, because to make a key takes a while. */
function certificateOf(authority: TestAuthority, site: string): Promise<TlsSettings> {
  const known = issued.get(authority) ?? new Map<string, Promise<TlsSettings>>();
  issued.set(authority, known);
  const found = known.get(site) ?? authority.issue({ site });
  known.set(site, found);
  return found;
}

function isRequest(message: Message): message is Extract<Message, { $case: "request" }> {
  return message.$case === "request";
}

export async function exceptionsOf({ site, node, store }: TestNode): Promise<ExceptionValue[]> {
  if (!store.streams().includes(EXCEPTIONS)) return [];
  const records = await store.readTopic(EXCEPTIONS, topicName(`${site}.${node}`), { limit: 1_000 });
  return records.map(({ value }) => JSON.parse(Buffer.from(value).toString()) as ExceptionValue);
}

/** How far a node has every history, besides what it reports itself. */
function holdings({ store }: TestNode): unknown {
  const streams = store.streams().filter((stream) => stream !== EXCEPTIONS);
  return streams.map((stream) => [stream, store.vector(stream), store.gaps(stream)]);
}

export function total(node: TestNode): number {
  return Object.values(node.store.vector(CONTAINERS)).reduce((sum, next) => sum + next, 0);
}
